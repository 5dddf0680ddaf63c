"""`python -m strata_training gov-reader|gov-refusal|gov-choice`: the reader, when to refuse, which passage answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..vision.command import MissingData, data_root, need

NAMES = ("gov-reader", "gov-refusal", "gov-choice")
PARTS = ("cmrc2018/cmrc2018_trial.json", "stard/corpus.jsonl.gz", "guangdong/service_items.jsonl")


def publish(root: Path, out: Path) -> None:
    """Trains on `root` (the folder `data/gov`) and writes `out`."""
    from . import card, data, export, features, golden, train
    from .figures import measure
    from .network import Settings

    table = train.frequencies(root)
    parts = train.sets(root)
    models = train.fit(parts.train, table, Settings())
    out.mkdir(parents=True, exist_ok=True)
    file = export.to_onnx(models, out.name).SerializeToString()
    gap = export.parity(models, file, [features.read(e.question, e.passage, table).features for e in parts.trial[:50]])
    if gap > export.TOLERANCE:
        raise ValueError(f"{out.name}: ONNX Runtime is {gap:.1e} from torch")
    (out / f"{out.name}.onnx").write_bytes(file)
    (out / "idf.tsv").write_text(table.text(), encoding="utf-8")
    (out / "golden.json").write_text(golden.graph(models, table))
    (out / "cases.json").write_text(golden.cases(models, table), encoding="utf-8")
    sets = [
        ("CMRC 2018", "trial, a tenth of the paragraphs held out", parts.trial),
        ("Guangdong service items", "made questions, held out", parts.services),
        ("national statutes", "made questions, held out", parts.statutes),
    ]
    # These two are only measured on; a run without them has a card without their figures.
    if (root / "cmrc2018/cmrc2018_dev.json").exists():
        sets.append(("CMRC 2018", "dev, the paragraph given", data.cmrc(root, "dev")))
    if (root / "ncp_policies/qa.dev.jsonl").exists():
        sets.append(("NCP policies", "questions with a verbatim answer, the document given", data.policies(root)))
    figures = []
    for dataset, split, examples in sets:
        result = measure(models, examples, table)
        print(f"{dataset}, {split}: {result.line()}", flush=True)
        values = (("F1", result.f1, "reader"), ("EM", result.exact, "reader"))
        values += (
            ("F1", result.baseline_f1, "sentence ranked first by BM25"),
            ("EM", result.baseline_exact, "the same"),
        )
        values += (("F1", result.best_possible, "best candidate, an upper bound"),)
        figures += [card.Figure(dataset, split, metric, v, result.count, note) for metric, v, note in values]
    revision = (
        f"CMRC 2018 c0eb1b6, STARD bae10e1, QABasedOnPolicyKnowledgeGraph b1f5aec; features {len(features.NAMES)}"
    )
    (out / "card.toml").write_text(card.card(out, revision, figures, len(parts.train)), encoding="utf-8")
    parity = f"ONNX Runtime gives the scores torch gives within {gap:.1e}, on the candidates of 50 held-out passages."
    (out / "README.md").write_text(card.readme(out.name, figures, parity), encoding="utf-8")
    print(f"{out.name}: {len(file)} bytes, parity {gap:.1e}")


def main(arguments: list[str]) -> int:
    """Runs one of `NAMES`."""
    repository = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(prog="strata_training", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--data", help="folder with data/gov (default: STRATA_DATASETS, STRATA_SHARED)")
    parser.add_argument("--out", type=Path, default=repository / "shared-models", help="where the model's folder goes")
    parser.add_argument("--index", type=Path, help="gov-choice: `strata-gov ingest` of STARD's articles")
    given = parser.parse_args(arguments)
    if given.name == "gov-choice" and given.index is None:
        parser.error("gov-choice needs --index: strata-gov ingest DATA/gov/stard/corpus.jsonl.gz --index DIR")
    try:
        root = data_root(given.data)
        for part in PARTS:
            need(root, f"data/gov/{part}")
        if given.name == "gov-reader":
            import torch

            torch.set_num_threads(1)
            publish(need(root, "data/gov"), given.out / given.name)
        elif given.name == "gov-choice":
            from . import choice

            choice.main(need(root, "data/gov"), given.index, repository)
        else:
            from . import refusal

            refusal.main(need(root, "data/gov"), repository / "datasets" / "gov" / "smalltalk.jsonl")
    except MissingData as error:
        print(f"error: {error}")
        return 1
    return 0
