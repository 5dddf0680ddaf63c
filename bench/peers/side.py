"""What a peer of a benchmark suite tells the harness: how long its work took, and its answers.

CONTRIBUTING.md has the contract; `crates/testkit/src/bench.rs` does the same for our side.
"""

import json
import math
import os
import time


class Watch:
    """Wall time and CPU time of this process, all threads, from its making on."""

    def __init__(self):
        self.begun, self.cpu = time.perf_counter(), time.process_time()

    def took(self):
        """Seconds and CPU seconds until now."""
        return {"seconds": time.perf_counter() - self.begun, "cpu_seconds": time.process_time() - self.cpu}


def since_start():
    """Seconds from the start of this process to now, imports included; None where the harness has not told when that was."""
    started = os.environ.get("STRATA_BENCH_STARTED")
    return time.time() - float(started) if started else None


def percentile(values, share):
    """The value that a share of all is not above, by nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def latencies(milliseconds):
    """p50, p95 and p99 as the harness names them."""
    return {f"p{p}_ms": percentile(milliseconds, p / 100) for p in (50, 95, 99)}


def write_answers(path, answers):
    """One line an item."""
    with open(path, "w", encoding="utf-8") as out:
        for answer in answers:
            out.write(json.dumps(answer, ensure_ascii=False) + "\n")


def report(**figures):
    """The last line that a side prints."""
    print(json.dumps({name: value for name, value in figures.items() if value is not None}), flush=True)
