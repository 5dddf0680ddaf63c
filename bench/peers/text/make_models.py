"""A text encoder and a cross-encoder of bge-small-zh-v1.5's shape, with seeded random weights, for measuring speed.

    python make_models.py TOKENIZER_DIR OUT_DIR

The weights of the published model are not needed to know what it costs: only its shape is (BERT, 4 layers, 512 wide, 8
heads, 2,048 inside, 21,128 tokens). TOKENIZER_DIR holds its `tokenizer.json`, `tokenizer_config.json` and
`special_tokens_map.json`. Writes OUT_DIR/embed and OUT_DIR/rerank, each as a folder that transformers, sentence-transformers
(also with its ONNX backend) and fastembed load: `config.json`, `model.safetensors`, `model.onnx`, `onnx/model.onnx`, the
tokenizer, and for the encoder the modules of sentence-transformers (CLS pooling, normalisation).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
NAMES = ["input_ids", "attention_mask", "token_type_ids"]


def config(**more: object) -> BertConfig:
    """The published shape; wider initial weights than BERT's own, so that texts get different vectors."""
    return BertConfig(
        vocab_size=21128, hidden_size=512, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048,
        max_position_embeddings=512, type_vocab_size=2, initializer_range=0.06, attn_implementation="eager", **more,
    )


class Hidden(torch.nn.Module):
    """The encoder without its pooler, as published exports are."""

    def __init__(self, model: BertModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        """Hidden states of the last layer."""
        return self.model(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


class Logits(Hidden):
    """The classifier on top."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor) -> torch.Tensor:
        """One logit a pair."""
        return self.model(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).logits


def export(module: torch.nn.Module, path: Path, output: str, axes: dict[int, str]) -> None:
    """Writes ONNX by tracing, operator set 17, batch and length free."""
    ids = torch.randint(200, 20000, (2, 16))
    example = (ids, torch.ones_like(ids), torch.zeros_like(ids))
    free = {name: {0: "batch_size", 1: "sequence_length"} for name in NAMES} | {output: axes}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module, example, str(path), input_names=NAMES, output_names=[output], dynamic_axes=free, opset_version=17, dynamo=False,
    )


def folder(out: Path, tokenizer: Path) -> Path:
    """A folder with the tokenizer in it."""
    out.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER:
        shutil.copyfile(tokenizer / name, out / name)
    return out


def embedder(out: Path, tokenizer: Path) -> None:
    """The encoder."""
    torch.manual_seed(20240917)
    model = BertModel(config()).eval()
    out = folder(out, tokenizer)
    model.save_pretrained(out)
    export(Hidden(model).eval(), out / "model.onnx", "last_hidden_state", {0: "batch_size", 1: "sequence_length"})
    (out / "onnx").mkdir(exist_ok=True)
    shutil.copyfile(out / "model.onnx", out / "onnx" / "model.onnx")
    kinds = "sentence_transformers.models."
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    (out / "modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": path, "type": kinds + kind} for i, (path, kind) in enumerate(modules)]))
    (out / "1_Pooling").mkdir(exist_ok=True)
    (out / "2_Normalize").mkdir(exist_ok=True)
    (out / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 512, "pooling_mode_cls_token": True,
                                                               "pooling_mode_mean_tokens": False}))
    (out / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 512, "do_lower_case": False}))


def reranker(out: Path, tokenizer: Path) -> None:
    """The cross-encoder."""
    torch.manual_seed(20240918)
    model = BertForSequenceClassification(config(num_labels=1)).eval()
    out = folder(out, tokenizer)
    model.save_pretrained(out)
    export(Logits(model).eval(), out / "model.onnx", "logits", {0: "batch_size"})
    (out / "onnx").mkdir(exist_ok=True)
    shutil.copyfile(out / "model.onnx", out / "onnx" / "model.onnx")


def main() -> int:
    """Makes both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    embedder(given.out / "embed", given.tokenizer)
    reranker(given.out / "rerank", given.tokenizer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
