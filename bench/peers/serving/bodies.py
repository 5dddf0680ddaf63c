"""Writes request bodies of the Open Inference Protocol from a model's golden example, for the load generator.

Usage: python bodies.py GOLDEN_JSON FOLDER [ROWS] [--compact]
Writes FOLDER/json-N.json and FOLDER/binary-N.bin, one pair for each golden row at which a window of ROWS (default 1)
begins, and prints the length of the binary bodies' JSON header, the same for all. With --compact numbers are written
as short as they go (0 in place of 0.0).
"""
import json
import sys
from pathlib import Path

import numpy as np


def binary_request(feeds, outputs):
    """Header and data of a request whose inputs and outputs are binary."""
    names = {"float32": "FP32", "float64": "FP64", "int64": "INT64", "int32": "INT32", "uint8": "UINT8", "bool": "BOOL"}
    header = {"inputs": [{"name": name, "shape": list(value.shape), "datatype": names[value.dtype.name],
                          "parameters": {"binary_data_size": value.nbytes}} for name, value in feeds.items()],
              "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in outputs]}
    return json.dumps(header, separators=(",", ":")).encode(), b"".join(v.tobytes() for v in feeds.values())


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--compact"]
    golden, folder = json.loads(Path(arguments[0]).read_text()), Path(arguments[1])
    rows = int(arguments[2]) if len(arguments) > 2 else 1
    folder.mkdir(parents=True, exist_ok=True)
    inputs = {name: np.array(value["data"], np.float32).reshape(value["shape"])
              for name, value in golden["inputs"].items()}
    count = next(iter(inputs.values())).shape[0]
    lengths = set()
    for first in range(count):
        chosen = [(first + step) % count for step in range(rows)]
        feeds = {name: np.ascontiguousarray(value[chosen]) for name, value in inputs.items()}

        def numbers(value):
            flat = [float(str(number)) for number in value.ravel()]
            compact = "--compact" in sys.argv
            return [int(number) if compact and number.is_integer() else number for number in flat]

        body = {"inputs": [{"name": name, "shape": list(value.shape), "datatype": "FP32", "data": numbers(value)}
                           for name, value in feeds.items()]}
        (folder / f"json-{first}.json").write_text(json.dumps(body, separators=(",", ":")))
        header, data = binary_request(feeds, golden["outputs"])
        lengths.add(len(header))
        (folder / f"binary-{first}.bin").write_bytes(header + data)
    assert len(lengths) == 1, lengths
    print(lengths.pop())


if __name__ == "__main__":
    main()
