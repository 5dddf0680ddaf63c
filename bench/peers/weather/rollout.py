"""A rollout as Python programs around ONNX Runtime make it (ai-models' options: arena, memory pattern and memory reuse off; the 24 h
and the 6 h model both loaded; in the order of time). Prints a line of JSON like `bench_rollout`.

    python rollout.py MODELS shift --lead 72 [--out null|FILE.npy] [--threads 1]
"""

import argparse
import json
import pathlib
import resource
import time

import numpy as np
import onnxruntime as ort


def session(path, threads):
    options = ort.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.enable_mem_reuse = False
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("family")
    parser.add_argument("--lead", type=int, default=72)
    parser.add_argument("--out", default="null")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    day_path, six_path = (args.models / f"{args.family}-{step}" / "model.onnx" for step in (24, 6))
    probe = session(day_path, 1)
    shapes = [tuple(port.shape) for port in probe.get_inputs()]
    names = [port.name for port in probe.get_inputs()]
    del probe
    # Made outside of the clock, as the other program does.
    point = (np.arange(shapes[0][-1] * shapes[0][-2], dtype=np.int64) * 7919 % 101).astype(np.float32).reshape(shapes[0][-2:])
    first = [np.broadcast_to(270 + point / 400, shape).astype(np.float32) for shape in shapes]

    begun, cpu = time.perf_counter(), time.process_time()
    day = session(day_path, args.threads)
    six = session(six_path, args.threads) if six_path.exists() else None
    steps = args.lead // (6 if six else 24)
    out = None
    if args.out != "null":
        fields = sum(int(np.prod(shape[:-2])) for shape in shapes)
        out = np.lib.format.open_memmap(args.out, mode="w+", dtype="<f4", shape=(steps, fields, *shapes[0][-2:]))
    at_day = at_six = first
    del first
    total = 0.0
    for step in range(steps):
        if six is None or (step + 1) % 4 == 0:
            made = day.run(None, dict(zip(names, at_day)))
            at_day = at_six = made
        else:
            made = six.run(None, dict(zip(names, at_six)))
            at_six = made
        at = 0
        for tensor in made:
            # Field by field, as they are written.
            for field in tensor.reshape(-1, *tensor.shape[-2:]):
                total += float(field[0, 0])
                if out is not None:
                    out[step, at] = field
                at += 1
    if out is not None:
        out.flush()
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    state = sum(4 * int(np.prod(shape)) for shape in shapes)
    print(json.dumps({"mode": "python", "runs": steps, "wall_s": wall, "cpu_s": cpu, "cpu_s_a_run": cpu / steps,
                      "peak_mb": peak / 1e6, "states_of_peak": peak / state, "threads": args.threads}))


if __name__ == "__main__":
    main()
