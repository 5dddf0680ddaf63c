"""What the peers' programs of the suite `drug` share: molecules evenly chosen, clocks, answers, the line that is read."""
import gzip
import json
import math
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from side import percentile, since_start, write_answers  # noqa: E402, F401  (programs here take them from this file)


def spread(items, count):
    """The same choice as strata_testkit::bench::spread."""
    if count <= len(items):
        return [items[at * len(items) // count] for at in range(count)]
    return [items[at % len(items)] for at in range(count)]


def first_words(path, count):
    with gzip.open(path, "rt") if str(path).endswith(".gz") else open(path) as lines:
        return spread([line.split()[0] for line in lines if line.strip()], count)


def finite(value):
    return float(value) if math.isfinite(value) else None


class Stopwatch:
    """Wall and processor seconds; children that ended count."""

    def __init__(self):
        self.process = time.process_time()
        self.wall = time.perf_counter()

    def seconds(self):
        wall = time.perf_counter() - self.wall
        # process_time is finer than times(), and knows nothing of children.
        times = os.times()
        children = times.children_user + times.children_system
        return wall, time.process_time() - self.process + children


def report(items, seconds, **further):
    """Without seconds the whole process is what is measured."""
    times = {"seconds": seconds[0], "cpu_seconds": seconds[1]} if seconds else {}
    print(json.dumps({"items": items, **times, **further}))
