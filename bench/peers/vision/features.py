"""Patch vectors of pictures, for scoring against a memory bank: every side reads the same ones.

    python features.py MODEL.onnx FOLDER NORMALS/ COUNT TESTS ANOMALOUS/...

FOLDER/bank.f32 gets the vectors of the first COUNT normals, FOLDER/queries.f32 those of the next TESTS normals and of as many anomalous
ones, a row of little-endian f32 a patch, picture after picture. MODEL has the outputs `layer2` and `layer3`.
"""

import itertools
import pathlib
import sys

import onnxruntime as ort
from auroc_torch import patches


def main():
    model, folder, normals, count, tests, *anomalous = sys.argv[1:]
    count, tests = int(count), int(tests)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options)
    pictures = lambda place: sorted(pathlib.Path(place).glob("*.jpg"))
    normals = pictures(normals)
    # One of each kind of defect, then the next of each.
    kinds = itertools.chain.from_iterable(itertools.zip_longest(*map(pictures, anomalous)))
    defects = [path for path in kinds if path][:tests]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    for name, paths in (("bank", normals[:count]), ("queries", normals[count:count + tests] + defects)):
        with open(folder / f"{name}.f32", "wb") as out:
            for path in paths:
                out.write(patches(session, path).numpy().astype("<f4").tobytes())


if __name__ == "__main__":
    main()
