"""Embeds the texts of a file with fastembed or sentence-transformers: the peers of `strata_text::embed`.

    python embed.py PEER MODEL_DIR TEXTS --threads N [--batch N] [--vectors OUT.f32 | --answers ANSWERS]

PEER is `fastembed`, `st-onnx` (sentence-transformers, ONNX backend) or `st-torch`. MODEL_DIR is what `make_models.py` wrote.
TEXTS has one text a line. Models and tokenizer are loaded and warmed up first; then every line on standard input embeds all
texts once and is answered by one JSON line: `seconds` of wall clock, `cpu_seconds` of the process, `texts`. With `--vectors` the
rows are written as little-endian f32. Settings are each library's own defaults except threads; where a default is plainly bad
for a processor, `--batch` gives it a better one. With `--answers` it is a side of the suite `gov`: it embeds once and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np  # noqa: E402  (the variables above are read at import)

sys.path.insert(0, str(Path(__file__).parents[1]))
import side  # noqa: E402

Embed = Callable[[list[str]], np.ndarray]


def options(threads: int):  # noqa: ANN201
    """Session options without spinning threads, as Strata's."""
    import onnxruntime as ort

    found = ort.SessionOptions()
    found.intra_op_num_threads = threads
    found.inter_op_num_threads = 1
    found.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return found


def fastembed(folder: Path, threads: int, batch: int | None) -> Embed:
    """fastembed with the folder as a custom model."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    name = "local/bge-small-zh-shape"
    TextEmbedding.add_custom_model(
        model=name, pooling=PoolingType.CLS, normalization=True, sources=ModelSource(hf="local/none"), dim=512,
        model_file="model.onnx",
    )
    model = TextEmbedding(name, specific_model_path=str(folder), threads=threads)
    return lambda texts: np.stack(list(model.embed(texts, batch_size=batch or 256)))


def sentence_transformers(folder: Path, threads: int, batch: int | None, *, onnx: bool) -> Embed:
    """sentence-transformers over torch or ONNX Runtime."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    if onnx:
        more = {"backend": "onnx", "model_kwargs": {
            "session_options": options(threads), "provider": "CPUExecutionProvider", "file_name": "onnx/model.onnx"}}
        model = SentenceTransformer(str(folder), device="cpu", **more)
    else:
        model = SentenceTransformer(str(folder), device="cpu")
    return lambda texts: model.encode(texts, batch_size=batch or 32, show_progress_bar=False)


def main() -> int:
    """Measures, as often as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=("fastembed", "st-onnx", "st-torch"))
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--answers")
    given = parser.parse_args()
    texts = given.texts.read_text(encoding="utf-8").splitlines()
    if given.peer == "fastembed":
        embed = fastembed(given.model, given.threads, given.batch)
    else:
        embed = sentence_transformers(given.model, given.threads, given.batch, onnx=given.peer == "st-onnx")
    if given.answers:
        embed(texts[:8])
        first, watch = side.since_start(), side.Watch()
        vectors = embed(texts)
        took = watch.took()
        side.write_answers(given.answers, (row.tolist() for row in np.asarray(vectors)))
        side.report(items=len(texts), first_answer_seconds=first, **took)
        return 0
    vectors = embed(texts[:64])
    print(json.dumps({"peer": given.peer, "ready": True}), flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        vectors = embed(texts)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"seconds": wall, "cpu_seconds": cpu, "texts": len(texts)}), flush=True)
    if given.vectors:
        given.vectors.write_bytes(np.asarray(vectors, dtype="<f4").tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
