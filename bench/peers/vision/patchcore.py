"""Scores pictures against a memory bank by anomalib's formula of PatchCore in torch: the peer of `bench_bank --side`.

    python patchcore.py BANK.f32 QUERIES.f32 DIM PATCHES PICTURES THREADS ANSWERS

The bank is every patch of the first PICTURES pictures of BANK.f32, of PATCHES patches each; every picture of the queries is scored by
itself. An answer is a picture's score and its patch distances.
"""

import pathlib
import sys

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import side
from bank_torch import distances, score


def main():
    bank, queries, dim, patches, pictures, threads, answers = sys.argv[1:]
    dim, patches, pictures = int(dim), int(patches), int(pictures)
    torch.set_num_threads(int(threads))
    bank = torch.from_numpy(np.fromfile(bank, "<f4", count=pictures * patches * dim).reshape(-1, dim))
    queries = torch.from_numpy(np.fromfile(queries, "<f4").reshape(-1, patches, dim))
    with torch.inference_mode():
        score(queries[0], bank, distances)
        watch = side.Watch()
        scored = [score(picture, bank, distances) for picture in queries]
        took = watch.took()
    side.write_answers(answers, ([value, patch.tolist()] for value, patch in scored))
    side.report(items=len(queries), bank_vectors=len(bank), **took)


if __name__ == "__main__":
    main()
