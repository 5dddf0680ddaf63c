"""Schemathesis over a server's OpenAPI document: every phase, a fixed seed, and a summary as JSON.

Usage: python schemathesis_run.py URL FOLDER [--max-examples N] [--seed N] [--token KEY] [--all-checks] [-- MORE...]
URL is the server (http://HOST:PORT); its document is URL/openapi.json. The report and Schemathesis's own output are
written to FOLDER, the summary to FOLDER/summary.json and standard output. What follows `--` goes to Schemathesis as it
is. Exit 0 only if it found nothing.
"""
import argparse
import json
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance")
PHASES = ("examples", "coverage", "fuzzing", "stateful")


def summary(report):
    """Cases and failures of the JUnit report."""
    cases, failures = 0, []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        cases += 1
        for kind in ("failure", "error"):
            for found in case.findall(kind):
                text = (found.get("message") or "") + (found.text or "")
                failures.append({"operation": case.get("name"), "kind": kind, "text": text.strip()[:1500]})
    return cases, failures


def main():
    given, more = sys.argv[1:], []
    if "--" in given:
        at = given.index("--")
        given, more = given[:at], given[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--max-examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--token")
    parser.add_argument("--all-checks", action="store_true", help="every check of Schemathesis")
    args = parser.parse_args(given)
    args.folder.mkdir(parents=True, exist_ok=True)
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent)) or "schemathesis"
    junit = args.folder / "junit.xml"
    junit.unlink(missing_ok=True)
    command = [program, "run", args.url.rstrip("/") + "/openapi.json",
               "--checks", "all" if args.all_checks else ",".join(CHECKS), "--phases", ",".join(PHASES),
               "--max-examples", str(args.max_examples), "--seed", str(args.seed), "--workers", str(args.workers),
               "--continue-on-failure", "--request-timeout", "30", "--generation-database", "none",
               "--suppress-health-check", "all", "--no-color", "--report", "junit,ndjson",
               "--report-junit-path", str(junit), "--report-ndjson-path", str(args.folder / "events.ndjson")]
    if args.token:
        command += ["--header", f"Authorization: Bearer {args.token}"]
    start = time.monotonic()
    with open(args.folder / "output.txt", "w") as out:
        code = subprocess.run(command + more, stdout=out, stderr=subprocess.STDOUT).returncode
    cases, failures = summary(junit) if junit.exists() else (0, [])
    result = {"schemathesis": version("schemathesis"), "exit": code, "seconds": round(time.monotonic() - start, 1),
              "max_examples": args.max_examples, "seed": args.seed, "phases": PHASES,
              "checks": "all" if args.all_checks else CHECKS, "operations": cases, "failures": failures,
              "end_of_output": (args.folder / "output.txt").read_text().splitlines()[-40:]}
    (args.folder / "summary.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result, indent=1))
    # No operation tested is no success: the document was not found, or nothing was in it.
    return 0 if code == 0 and cases and not failures else 1


if __name__ == "__main__":
    sys.exit(main())
