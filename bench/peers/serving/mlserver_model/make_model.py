"""Writes an MLServer model repository for ONNX files: settings.json and one model-settings.json a model.

Usage: python make_model.py FOLDER ONNX_FILE... [--port N] [--workers N] [--batch-size N] [--batch-time S] [--threads N]
Then: mlserver start FOLDER. A model's name is its file's. `--workers 0`, the default, runs models in the server's own
process; `--batch-size 0` turns adaptive batching off.
"""
import argparse
import json
import shutil
from pathlib import Path

import onnxruntime

DATATYPES = {"tensor(float)": "FP32", "tensor(double)": "FP64", "tensor(float16)": "FP16", "tensor(int64)": "INT64",
             "tensor(int32)": "INT32", "tensor(uint8)": "UINT8", "tensor(int8)": "INT8", "tensor(bool)": "BOOL"}


def tensors(values):
    return [{"name": value.name, "datatype": DATATYPES[value.type],
             "shape": [size if isinstance(size, int) else -1 for size in value.shape]} for value in values]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("onnx", type=Path, nargs="+")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--batch-time", type=float, default=0.002)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    settings = {"host": "127.0.0.1", "http_port": args.port, "grpc_port": args.port + 1, "metrics_port": args.port + 2,
                "parallel_workers": args.workers, "debug": False,
                "metrics_dir": str((args.folder / "metrics").resolve()),
                "environments_dir": str((args.folder / "environments").resolve())}
    (args.folder / "metrics").mkdir(exist_ok=True)
    (args.folder / "settings.json").write_text(json.dumps(settings, indent=1))
    for file in args.onnx:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        folder = args.folder / file.stem
        folder.mkdir(exist_ok=True)
        shutil.copy(Path(__file__).with_name("onnx_runtime.py"), folder)
        model = {"name": file.stem, "implementation": "onnx_runtime.OnnxModel", "platform": "onnxruntime",
                 "inputs": tensors(session.get_inputs()), "outputs": tensors(session.get_outputs()),
                 "max_batch_size": args.batch_size, "max_batch_time": args.batch_time,
                 "parameters": {"uri": str(file.resolve()), "version": "1", "extra": {"intra_threads": args.threads}}}
        (folder / "model-settings.json").write_text(json.dumps(model, indent=1))
        print(folder / "model-settings.json")


if __name__ == "__main__":
    main()
