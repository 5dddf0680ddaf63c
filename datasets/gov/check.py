"""Checks datasets/gov: every answer is verbatim at its address, every file reads, totals stay within bounds.

Run: python datasets/gov/check.py; needs the standard library alone, and STRATA_SHARED is not used. Says what is wrong and exits 1.
"""

import html
import importlib.util
import json
import pathlib
import re
import sys
import zipfile

HERE = pathlib.Path(__file__).parent
NUMBER = "[一二三四五六七八九十百零]+"
MOST_BYTES = 3 << 20
# The day that questions without one are meant for.
TODAY = "2025-06-01"


def load(module: str):
    """A module of this folder."""
    spec = importlib.util.spec_from_file_location(module, HERE / f"{module}.py")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[module] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def lines_of(doc: str) -> list[str]:
    """The paragraphs of a document, without front matter and marks; rows of a sheet as tab-separated cells."""
    path = HERE / doc
    if doc.endswith(".md"):
        text = re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.S)
        lines = [re.sub(r"^#+ ", "", line) for line in text.split("\n")]
    elif doc.endswith(".txt"):
        lines = path.read_bytes().decode("gb18030").split("\r\n")
    elif doc.endswith(".html"):
        body = re.search(r"<main>(.*)</main>", path.read_text(encoding="utf-8"), re.S)[1]
        lines = [html.unescape(re.sub(r"<[^>]+>", "", line)) for line in body.split("\n")]
    elif doc.endswith(".docx"):
        body = zipfile.ZipFile(path).read("word/document.xml").decode()
        lines = [html.unescape(re.sub(r"<[^>]+>", "", p)) for p in re.findall(r"<w:p[ >].*?</w:p>", body, re.S)]
    elif doc.endswith(".xlsx"):
        sheet = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
        rows = [re.findall(r"<(?:t|v)>(.*?)</", row, re.S) for row in re.findall(r"<row .*?</row>", sheet, re.S)]
        lines = ["\t".join(map(html.unescape, row[1:])) for row in rows]
    else:
        lines = [text for _, text in load("make_formats").NOTICE]
    return [line.strip() for line in lines if line.strip()]


def article(lines: list[str], number: str) -> list[str]:
    """The paragraphs of an article of a law."""
    start = next((i for i, line in enumerate(lines) if re.match(f"{number}　", line)), None)
    if start is None:
        raise ValueError(f"no {number}")
    ends = (i for i in range(start + 1, len(lines)) if re.match(f"第{NUMBER}(条　|[章节] )", lines[i]))
    return lines[start : next(ends, len(lines))]


def at(doc: str, address: str) -> str:
    """The text at an address: 条款项 of a law, the levels of a notice, a field of a guide, a row of a sheet."""
    lines = lines_of(doc)
    if parts := re.fullmatch(f"(第{NUMBER}条)(?:第({NUMBER})款)?(?:第（({NUMBER})）项)?", address):
        texts = article(lines, parts[1])
        groups: list[list[str]] = []
        for text in texts:
            if groups and re.match(f"（{NUMBER}）", text):
                groups[-1].append(text)
            else:
                groups.append([text])
        if parts[2]:
            texts = groups[numeral(parts[2]) - 1]
        elif parts[3] and len(groups) > 1:
            raise ValueError("the item needs its paragraph")
        if parts[3]:
            texts = [text for text in texts if text.startswith(f"（{parts[3]}）")]
        return "\n".join(texts)
    if parts := re.fullmatch(f"({NUMBER})(?:、（({NUMBER})）)?", address):
        start = next(i for i, line in enumerate(lines) if line.startswith(parts[1] + "、"))
        ends = (i for i in range(start + 1, len(lines)) if re.match(f"{NUMBER}、", lines[i]))
        texts = lines[start : next(ends, len(lines))]
        return "\n".join(t for t in texts if not parts[2] or t.startswith(f"（{parts[2]}）"))
    return "\n".join(line for line in lines if line.startswith(address + "：") or line.split("\t")[0] == address)


def in_force(doc: str, day: str) -> bool:
    """Whether a document's front matter lets it hold on a day; always where it has none."""
    if not doc.endswith(".md"):
        return True
    front = dict(re.findall(r"^(effective_\w+): (.+)$", (HERE / doc).read_text(encoding="utf-8"), re.M))
    return front.get("effective_from", "") <= day < front.get("effective_to", "9")


def numeral(text: str) -> int:
    """A number below 100."""
    tens, ten, ones = text.rpartition("十")
    digits = "零一二三四五六七八九"
    return (digits.index(tens or "一") * 10 if ten else 0) + (digits.index(ones) if ones else 0)


def records(name: str) -> list[dict]:
    """The records of a JSONL file."""
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def wrong_questions() -> list[str]:
    """What is wrong with the questions that have an answer."""
    wrong = []
    for name in ("ask", "versions"):
        seen = set()
        for record in records(f"questions/{name}.jsonl"):
            try:
                text = at(record["doc"], record["address"])
            except (ValueError, IndexError, StopIteration, OSError) as problem:
                wrong.append(f"{record['id']}: {record['doc']} {record['address']}: {problem}")
                continue
            if record["answer"] not in text:
                wrong.append(f"{record['id']}: the answer is not in {record['doc']} {record['address']}: {text}")
            if not in_force(record["doc"], record.get("as_of", TODAY)):
                wrong.append(f"{record['id']}: {record['doc']} is not in force on {record.get('as_of', TODAY)}")
            wrong += [f"{record['id']}: no {doc}" for doc in record.get("also", []) if not (HERE / doc).is_file()]
            key = (record["question"], record.get("as_of"))
            if key in seen:
                wrong.append(f"{record['id']}: asked twice")
            seen.add(key)
    return wrong


def wrong_cases() -> list[str]:
    """What is wrong with the hotline's records."""
    names = {record["name"] for record in records("hotline/departments.jsonl")}
    cases, routes, taught = (records(f"hotline/{name}.jsonl") for name in ("cases", "route_test", "route_train"))
    wrong = [f"no department {r['department']}" for r in cases + routes + taught if r["department"] not in names]
    said = {c["id"]: c["question"] for c in cases}
    wrong += [
        f"{record['id']}: {personal['text']} is not in it"
        for record in records("hotline/personal.jsonl")
        for personal in record["personal"]
        if personal["text"] not in said.get(record["id"], "")
    ]
    known = {c["question"] for c in cases} | {r["text"] for r in taught}
    wrong += [f"for tests, but also for training: {r['text']}" for r in routes if r["text"] in known]
    return wrong


def wrong_drafts() -> list[str]:
    """What is wrong with the drafts' expected findings."""
    wrong = []
    for path in sorted((HERE / "drafts").glob("*.json")):
        expected = json.loads(path.read_text(encoding="utf-8"))
        draft = "\n".join(lines_of(f"drafts/{expected['draft']}"))
        for number, entry in enumerate(expected["citations"], 1):
            where = f"{path.name}: citation {number}"
            if draft.count(entry["text"]) != 1:
                wrong.append(f"{where}: {entry['text']} is not in the draft once")
            if entry.get("quote") and entry["quote"] not in draft:
                wrong.append(f"{where}: the quotation is not in the draft")
            if "doc" not in entry:
                continue
            try:
                text = at(entry["doc"], entry["address"]) if entry.get("address") else "\n".join(lines_of(entry["doc"]))
            except ValueError:
                text = ""
            if (entry["finding"] == "no-such-article") != (text == ""):
                wrong.append(f"{where}: finding {entry['finding']}, and {entry['doc']} has {text or 'nothing'} there")
                continue
            if (entry.get("quote", "") in text) != (entry["finding"] not in ("misquoted", "wrong-article")) and text:
                wrong.append(f"{where}: finding {entry['finding']} does not agree with {entry['doc']} {entry.get('address')}")
            if entry.get("correct_address") and entry["quote"] not in at(entry["doc"], entry["correct_address"]):
                wrong.append(f"{where}: the quotation is not at {entry['correct_address']}")
            if entry.get("correct_text") and entry["correct_text"] not in text:
                wrong.append(f"{where}: the correct text is not at {entry['address']}")
    return wrong


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    problems = wrong_questions() + wrong_cases() + wrong_drafts()
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file())
    if size > MOST_BYTES:
        problems.append(f"{size} bytes in all, more than {MOST_BYTES}")
    print("\n".join(problems) or f"nothing wrong; {size} bytes")
    sys.exit(bool(problems))
