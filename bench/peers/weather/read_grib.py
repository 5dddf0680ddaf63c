"""The peer of crates/earth/examples/bench_grib.rs: cfgrib through xarray loads every value of a GRIB file.

    python read_grib.py FILE [TIMES]          # with `pip install cfgrib xarray`

Prints the CPU seconds of each load (index in memory, no index file), after one that warms up.
"""
import sys
import time

import cfgrib


def load(path):
    start = time.process_time()
    total = 0
    for dataset in cfgrib.open_datasets(path, backend_kwargs={"indexpath": ""}):
        dataset.load()
        total += sum(variable.size for variable in dataset.data_vars.values())
    return time.process_time() - start, total


path, times = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
load(path)
for _ in range(times):
    seconds, values = load(path)
    print(f"{seconds:.4f} s CPU, {values} values")
