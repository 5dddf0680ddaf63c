"""A Triton client against a server of the Open Inference Protocol, and its answers against ONNX Runtime's own.

Usage: python tritonclient_check.py URL MODEL ONNX_FILE [--rows N] [--tolerance T] [--token KEY] [--deflate]
URL is HOST:PORT (http:// in front is allowed). Checks live, ready, server and model metadata, the configuration where
the server has one, and inference in JSON and in binary, each also with gzip (and deflate if asked) on the way there
and back, with the outputs named and not named, plus that wrong requests are refused. Prints one JSON object; exit 1 if
anything is wrong or differs by more than the tolerance (default 1e-5).
"""
import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from onnxruntime_direct import feeds_of, open_session


def infer(client, args, feeds, names, options):
    """One request; the outputs by name."""
    binary, named, request_coding, response_coding = options
    inputs = []
    for name, value in feeds.items():
        tensor = triton.InferInput(name, list(value.shape), np_to_triton_dtype(value.dtype))
        tensor.set_data_from_numpy(value, binary_data=binary)
        inputs.append(tensor)
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names] if named else None
    # The client writes its own headers into the dictionary that it is given.
    answer = client.infer(args.model, inputs, outputs=outputs, request_id="check-1", headers=dict(args.headers),
                          request_compression_algorithm=request_coding, response_compression_algorithm=response_coding)
    got = answer.get_response()
    if got.get("id") != "check-1":
        raise ValueError(f"the id came back as {got.get('id')!r}")
    return {name: answer.as_numpy(name) for name in names}


def refused(call):
    """The status and message of a request that has to fail; raises if it did not."""
    try:
        call()
    except InferenceServerException as error:
        if not str(error.status()).startswith("4"):
            raise ValueError(f"refused with {error.status()}: {error.message()}") from error
        return f"{error.status()}: {error.message()}"[:200]
    raise ValueError("it was accepted")


def checks(client, args, session, feeds):
    """The checks by name: each returns what it has to say or raises."""
    names = [output.name for output in session.get_outputs()]
    expected = dict(zip(names, session.run(names, feeds)))
    first, value = next(iter(feeds.items()))

    def true(call):
        result = call()
        if result is not True:
            raise ValueError(f"answered {result!r}")
        return result

    def metadata():
        got = client.get_model_metadata(args.model, headers=args.headers)
        given = {tensor["name"] for tensor in got["inputs"]}, {tensor["name"] for tensor in got["outputs"]}
        if got["name"] != args.model or given != (set(feeds), set(names)):
            raise ValueError(f"metadata {json.dumps(got)[:500]}")
        return got

    def compare(options):
        got = infer(client, args, feeds, names, options)
        for name in names:
            if got[name] is None or got[name].shape != expected[name].shape or got[name].dtype != expected[name].dtype:
                raise ValueError(f"{name} is {None if got[name] is None else (got[name].shape, got[name].dtype)}")
        worst = max(float(np.max(np.abs(got[name].astype(np.float64) - expected[name]))) for name in names)
        if not worst <= args.tolerance:
            raise ValueError(f"largest difference {worst}")
        return worst

    yield "live", lambda: true(lambda: client.is_server_live(headers=args.headers))
    yield "ready", lambda: true(lambda: client.is_server_ready(headers=args.headers))
    yield "model ready", lambda: true(lambda: client.is_model_ready(args.model, headers=args.headers))
    yield "server metadata", lambda: client.get_server_metadata(headers=args.headers)
    yield "model metadata", metadata
    codings = [(None, None), ("gzip", None), (None, "gzip"), ("gzip", "gzip")]
    if args.deflate:
        codings += [("deflate", None), (None, "deflate")]
    for binary, named, (there, back) in itertools.product((False, True), (True, False), codings):
        form = f"{'binary' if binary else 'JSON'}, outputs {'named' if named else 'not named'}"
        yield f"infer {form}, {there or 'plain'} there, {back or 'plain'} back", \
            lambda options=(binary, named, there, back): compare(options)
    wrong = {first: value.astype(np.float64 if value.dtype != np.float64 else np.float32)}
    narrow = {first: np.ascontiguousarray(value[..., :-1])}
    plain = (True, True, None, None)
    for what, bad in (("datatype", wrong), ("shape", narrow), ("name", {"no_such_input": value})):
        yield f"wrong {what} is refused", \
            lambda bad=bad: refused(lambda: infer(client, args, {**feeds, **bad}, names, plain))
    yield "unknown output is refused", lambda: refused(lambda: infer(client, args, feeds, ["no_such_output"], plain))
    yield "unknown model is refused", \
        lambda: refused(lambda: client.get_model_metadata("no-such-model", headers=args.headers))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("onnx", type=Path)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    parser.add_argument("--token")
    parser.add_argument("--deflate", action="store_true")
    args = parser.parse_args()
    args.headers = {"Authorization": f"Bearer {args.token}"} if args.token else {}
    session = open_session(args.onnx, 1)
    feeds = feeds_of(session, args.onnx, args.rows, 16)
    if feeds is None:
        # No batch axis: one example of the model's own shape.
        rng = np.random.default_rng(7)
        feeds = {value.name: rng.random(value.shape).astype(np.float32) for value in session.get_inputs()}
    client = triton.InferenceServerClient(args.url.removeprefix("http://").rstrip("/"))
    passed, failed = {}, {}
    for name, check in checks(client, args, session, feeds):
        try:
            passed[name] = check()
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"[:500]
    try:
        config = client.get_model_config(args.model, headers=args.headers)
    except InferenceServerException as error:
        config = f"not offered: {error.status()}"
    differences = [value for name, value in passed.items() if name.startswith("infer ")]
    print(json.dumps({"model": args.model, "onnxruntime": onnxruntime.__version__, "checks": len(passed) + len(failed),
                      "failed": failed, "largest_difference": max(differences, default=None), "config": config,
                      "passed": passed}, indent=1))
    return 1 if failed or not differences else 0


if __name__ == "__main__":
    sys.exit(main())
