"""ONNX Runtime alone, without a server: time a row at batch 1 and at a larger batch, for models with a free first axis.

Usage: python onnxruntime_direct.py ONNX_FILE_OR_FOLDER... [--batch N] [--seconds S] [--rounds N] [--threads N]
Folders are searched for *.onnx. Batches are timed in turns, in processor and in wall time; the medians of the rounds
and their ratio (batch 1 a row / batch N a row: what batching can gain) are printed as one JSON line a model. Inputs are
the rows of golden.json beside the file, or else random; free axes behind the first get --other (default 16). For a
graph network (free axes called nodes or atoms, edges or bonds) a row is a ring of --other atoms.
"""
import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

DTYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
          "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(uint8)": np.uint8, "tensor(int8)": np.int8,
          "tensor(bool)": np.bool_}


def open_session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeds_of(session, path, batch, other):
    """Inputs of `batch` rows; None where the first axis of an input is fixed to something else."""
    golden = path.with_name("golden.json")
    if golden.exists():
        inputs = json.loads(golden.read_text())["inputs"]
        rows = {name: np.array(value["data"]).reshape(value["shape"]) for name, value in inputs.items()}
        return {value.name: np.resize(rows[value.name], (batch, *rows[value.name].shape[1:])).astype(DTYPES[value.type])
                for value in session.get_inputs()}
    if any({"nodes", "atoms"} & set(value.shape[:1]) for value in session.get_inputs()):
        return graph_feeds(session, batch, other)
    random, feeds = np.random.default_rng(7), {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else (batch if axis == 0 else other)
                 for axis, size in enumerate(value.shape)]
        if not shape or shape[0] != batch:
            return None
        feeds[value.name] = fill(random, shape, DTYPES[value.type])
    return feeds


def fill(random, shape, dtype):
    if dtype == np.bool_:
        return np.ones(shape, dtype)
    if np.issubdtype(dtype, np.integer):
        return random.integers(0, 2, shape).astype(dtype)
    return random.random(shape).astype(dtype)


def graph_feeds(session, batch, atoms):
    """`batch` rings; the connections of each are its own, in both directions."""
    random, total = np.random.default_rng(7), batch * atoms
    first = np.arange(total)
    graph = first // atoms
    second = graph * atoms + (first + 1) % atoms
    source, target = np.stack([first, second], 1).ravel(), np.stack([second, first], 1).ravel()
    known = {"edge_index": np.stack([source, target]), "bond_source": source, "bond_target": target,
             "bond_reverse": np.arange(2 * total) ^ 1, "batch": graph, "atom_mol": graph}
    sizes = {"nodes": total, "atoms": total, "edges": 2 * total, "bonds": 2 * total, "graphs": batch, "mols": batch}
    feeds = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else sizes[size] for size in value.shape]
        dtype = DTYPES[value.type]
        feeds[value.name] = known[value.name].astype(dtype) if value.name in known else fill(random, shape, dtype)
    return feeds


def timed(session, turns, seconds):
    """Processor and wall microseconds of one run, over as many runs as fit into the time; the inputs take turns."""
    for feeds in turns:
        session.run(None, feeds)
    runs, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        for feeds in turns:
            session.run(None, feeds)
        runs += len(turns)
    return (time.process_time() - cpu) * 1e6 / runs, (time.perf_counter() - wall) * 1e6 / runs


def measure(path, args):
    session = open_session(path, args.threads)
    one, many = (feeds_of(session, path, batch, args.other) for batch in (1, args.batch))
    if one is None or many is None:
        return {"skipped": "the first axis is not free", "inputs": {v.name: v.shape for v in session.get_inputs()}}
    ones = [one]
    if all(value.shape[0] == args.batch for value in many.values()):
        # The same rows one by one: a row that is repeated is learnt by the processor's branch predictor, and trees
        # would look faster than they are.
        ones = [{name: value[row:row + 1] for name, value in many.items()} for row in range(args.batch)]
    times = {1: [], args.batch: []}
    for _ in range(args.rounds):
        for batch, turns in ((1, ones), (args.batch, [many])):
            cpu, wall = timed(session, turns, args.seconds)
            times[batch].append((cpu / batch, wall / batch))
    figure = {}
    for batch, pairs in times.items():
        figure[f"cpu_us_a_row_at_{batch}"] = round(statistics.median(cpu for cpu, _ in pairs), 1)
        figure[f"wall_us_a_row_at_{batch}"] = round(statistics.median(wall for _, wall in pairs), 1)
    figure["gain_cpu"] = round(figure["cpu_us_a_row_at_1"] / figure[f"cpu_us_a_row_at_{args.batch}"], 2)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--other", type=int, default=16)
    args = parser.parse_args()
    files = [file for path in args.paths for file in (sorted(path.rglob("*.onnx")) if path.is_dir() else [path])]
    for file in files:
        try:
            figure = measure(file, args)
        except Exception as error:
            figure = {"failed": str(error)[:300]}
        print(json.dumps({"model": file.name, "threads": args.threads, **figure}), flush=True)


if __name__ == "__main__":
    main()
