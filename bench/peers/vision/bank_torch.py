"""Scoring a picture against a memory bank: PatchCore's formula in torch as anomalib has it, against strata-vision, in turn.

Same bank, same queries, same number of threads, one after the other, round by round. Both are timed in CPU seconds of
their process (on a busy machine wall seconds say little) and in wall seconds; the score and every patch distance are
compared.

Usage:
  python bank_torch.py make FEATURES.npy FOLDER DIM           # (N, C, H, W) f32: 20 pictures for the bank, 1 to score
  python bank_torch.py run FOLDER DIM BENCH_BANK [--threads N] [--rounds N] [--float] [--cdist]
BENCH_BANK is target/release/examples/bench_bank. `--cdist` takes torch.cdist in place of anomalib's own expansion.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch

PICTURES = 20


def make(features, folder, dim):
    maps = torch.from_numpy(np.load(features, mmap_mode="r")[:PICTURES + 1].copy())
    maps = torch.nn.AvgPool2d(3, 1, 1)(maps)
    rows = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
    if rows.shape[1] != dim:
        mix = torch.randn(rows.shape[1], dim, generator=torch.Generator().manual_seed(0)) / rows.shape[1] ** 0.5
        rows = torch.relu(rows @ mix + 0.2)
    per = maps.shape[2] * maps.shape[3]
    rows = rows.contiguous().numpy().astype("<f4")
    rows[:PICTURES * per].tofile(folder / f"bank{dim}.f32")
    rows[PICTURES * per:].tofile(folder / f"query{dim}.f32")


def distances(a, b):
    squared = a.pow(2).sum(-1, keepdim=True) - 2 * torch.matmul(a, b.transpose(-2, -1)) + b.pow(2).sum(-1, keepdim=True).transpose(-2, -1)
    return squared.clamp_min_(0).sqrt_()


def score(queries, bank, pairwise, neighbours=9):
    """anomalib's PatchcoreModel.nearest_neighbors and compute_anomaly_score for one picture."""
    patch, places = pairwise(queries, bank).min(1)
    worst = patch.argmax()
    nearest = bank[places[worst]][None]
    _, support = pairwise(nearest, bank).topk(k=neighbours, largest=False, dim=1)
    around = pairwise(queries[worst][None], bank[support[0]])
    weight = 1 - torch.softmax(around, 1)[0, 0]
    return float(weight * patch[worst]), patch


def cpu(pid):
    """CPU seconds of a process, all threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(options):
    torch.set_num_threads(options.threads)
    read = lambda name: np.fromfile(options.folder / f"{name}{options.dim}.f32", "<f4").reshape(-1, options.dim)
    bank, queries = torch.from_numpy(read("bank")), torch.from_numpy(read("query"))
    command = [options.program, str(options.folder / f"bank{options.dim}.f32"), str(options.folder / f"query{options.dim}.f32"),
               str(options.dim), "--serve", "--threads", str(options.threads)] + (["--float"] if options.float else [])
    ours = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    about = ours.stdout.readline().strip()

    def ask(line):
        ours.stdin.write(line + "\n")
        seconds, value = ours.stdout.readline().split()
        return float(seconds), float(value)

    pairwise = torch.cdist if options.cdist else distances
    with tempfile.NamedTemporaryFile() as file:
        _, value = ask(f"distances {file.name}")
        mine = np.fromfile(file.name, "<f4")
    with torch.inference_mode():
        theirs, patch = score(queries, bank, pairwise)
        exact = torch.cdist(queries.double(), bank.double()).min(1).values.numpy()
        rows = []
        for _ in range(options.rounds):
            before, start = time.process_time(), time.perf_counter()
            score(queries, bank, pairwise)
            torch_cpu, torch_wall = time.process_time() - before, time.perf_counter() - start
            before = cpu(ours.pid)
            wall = [ask("score")[0] for _ in range(5)]
            rows.append((torch_cpu, torch_wall, (cpu(ours.pid) - before) / 5, statistics.mean(wall)))
    ours.stdin.close()
    ours.wait()
    median = lambda at: statistics.median(row[at] for row in rows)
    # The kernel counts CPU time in ticks of 10 ms, so ours is a mean over all rounds, and torch's too.
    mean = lambda at: statistics.mean(row[at] for row in rows)
    print(json.dumps({
        "bank": list(bank.shape), "queries": len(queries), "threads": options.threads, "rounds": options.rounds,
        "torch": torch.__version__, "formula": "cdist" if options.cdist else "anomalib", "ours": about,
        "torch_cpu_ms": round(mean(0) * 1e3, 2), "ours_cpu_ms": round(mean(2) * 1e3, 2), "cpu_ratio": round(mean(0) / mean(2), 2),
        "torch_wall_ms": round(median(1) * 1e3, 2), "ours_wall_ms": round(median(3) * 1e3, 2),
        "wall_ratio": round(median(1) / median(3), 2),
        "torch_best_ms": round(min(row[1] for row in rows) * 1e3, 2), "ours_best_ms": round(min(row[3] for row in rows) * 1e3, 2),
        "score": [theirs, value], "largest_distance_error": float(np.abs(mine - exact).max()),
        "torch_largest_distance_error": float(np.abs(patch.numpy() - exact).max()),
    }, indent=1))


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make")
    command.add_argument("features")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("dim", type=int)
    command = commands.add_parser("run")
    command.add_argument("folder", type=pathlib.Path)
    command.add_argument("dim", type=int)
    command.add_argument("program")
    command.add_argument("--threads", type=int, default=1)
    command.add_argument("--rounds", type=int, default=10)
    command.add_argument("--float", action="store_true")
    command.add_argument("--cdist", action="store_true")
    given = parser.parse_args()
    if given.command == "make":
        make(given.features, given.folder, given.dim)
    else:
        run(given)


if __name__ == "__main__":
    main()
