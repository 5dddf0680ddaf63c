"""A rollout as Python programs around ONNX Runtime make it (ai-models' options: arena, memory pattern and memory reuse off; the 24 h
and the 6 h model both loaded; in the order of time). Prints a line of JSON like `bench_rollout`.

    python rollout.py MODELS shift --lead 72 [--out null|FILE.npy] [--threads 1] [--answers FILE]

With --answers, figures of every field that was written, in its order: a side of the suite `weather`.
"""

import argparse
import pathlib
import resource
import sys
import tomllib

import numpy as np
import onnxruntime as ort

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import side

# What `bench_rollout` starts from: an atmosphere that is sane, by variable.
BASES = {"z": 5e4, "t": 270, "2t": 270, "msl": 1e5, "sp": 1e5, "q": 1e-3}


def session(path, threads):
    options = ort.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.enable_mem_reuse = False
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def start(card):
    """The state that the forecast starts from, a tensor a port."""
    preprocess = tomllib.loads(card.read_text())["preprocess"]
    shape = preprocess["grid"]["latitudes"], preprocess["grid"]["longitudes"]
    wave = (np.arange(shape[0] * shape[1], dtype=np.int64) * 7919 % 101).astype(np.float32).reshape(shape)
    tensors = []
    for port in preprocess["ports"]:
        fields = []
        for variable in port["variables"]:
            base = np.float32(BASES.get(variable, 3))
            field = base + base * np.float32(1e-3) * wave / np.float32(101)
            fields.append(np.broadcast_to(field, (len(port.get("levels", [])) or 1, *shape)))
        upper = "level" in port["axes"]
        tensors.append(np.ascontiguousarray(np.stack(fields) if upper else np.concatenate(fields)))
    return tensors


def figures(file, shape):
    """Of every field: its mean, its mean weighted by place, its first and last value."""
    weights = np.arange(shape[0] * shape[1]) % 101 - 50.0
    for step in np.load(file, mmap_mode="r"):
        for field in step:
            values = field.ravel().astype(np.float64)
            yield [values.mean(), (values * weights).mean(), values[0], values[-1]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("family")
    parser.add_argument("--lead", type=int, default=72)
    parser.add_argument("--out", default="null")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--answers")
    parser.add_argument("--leads-of-6h", type=int)
    args = parser.parse_args()
    args.lead = 6 * args.leads_of_6h if args.leads_of_6h else args.lead

    day_path, six_path = (args.models / f"{args.family}-{step}" / "model.onnx" for step in (24, 6))
    probe = session(day_path, 1)
    shapes = [tuple(port.shape) for port in probe.get_inputs()]
    names = [port.name for port in probe.get_inputs()]
    del probe
    # Made outside of the clock, as the other program does.
    first = start(day_path.with_name("card.toml"))

    watch = side.Watch()
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
    took = watch.took()
    wall, cpu = took["seconds"], took["cpu_seconds"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    state = sum(4 * int(np.prod(shape)) for shape in shapes)
    if args.answers:
        side.write_answers(args.answers, figures(args.out, shapes[0][-2:]))
    side.report(items=steps, mode="python", runs=steps, wall_s=wall, cpu_s=cpu, cpu_s_a_run=cpu / steps, peak_mb=peak / 1e6,
                states_of_peak=peak / state, threads=args.threads, **took)


if __name__ == "__main__":
    main()
