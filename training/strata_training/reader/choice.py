"""Fits which of the first passages answers: the weights of `crates/text/src/choose.rs`.

A log-linear model over the passages of a question (a conditional logit), by the features that the program itself makes: over an
index of STARD's articles, for the tenth of STARD's train questions that the retriever did not see, and for questions made by
rule from articles, each also searched within the right law alone. No other questions are fitted on: STARD dev, NCP, CMRC
and our own questions are measured on by `strata-gov eval --retrieval --choose 20` against `--choose 0`. They were looked at
while the features were being chosen, though; the penalty is by cross-validation.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from ..text.data import tuning_split
from . import data, synthetic

SEED, RETRIEVER_SEED = 11, 0
MADE = 1200
PENALTY = 0.03
FOLDS = 5


@dataclass(frozen=True)
class Asked:
    """Passages of a question: features (a literal question's once more), and which are right."""

    features: np.ndarray
    right: np.ndarray


def held_out(root: Path) -> list[dict]:
    """The tenth of STARD's train questions that the retriever's training left out."""
    rows = data.stard_train(root)
    _, held = tuning_split(len(rows), RETRIEVER_SEED)
    return [{"question": rows[at]["question"], "relevant": rows[at]["relevant"]} for at in held]


def made(root: Path, rng: random.Random) -> list[dict]:
    """Questions about articles by rule, worn at their beginning."""
    articles, seen, found = data.statutes(root), set(), []
    while len(found) < MADE:
        article = articles[rng.randrange(len(articles))]
        questions = list(synthetic.article_questions(article["name"], article["text"], rng))
        if not questions or article["id"] in seen:
            continue
        seen.add(article["id"])
        question, _ = rng.choice(questions)
        head, tail = question[:-8], question[-8:]
        if head:
            question = synthetic.worn(head, rng, rng.choice((0.1, 0.25, 0.4, 0.5))) + tail
        found.append({"question": question, "relevant": [article["id"]]})
    return found


def parse(lines: list[str]) -> tuple[list[str], list[Asked]]:
    """Names of the features, and the questions whose passages are of both kinds; others teach nothing."""
    names, found = [], []
    for row in map(json.loads, lines):
        names, right = row["names"], np.array(row["right"], bool)
        if right.any() and not right.all():
            rows = np.array(row["rows"])
            found.append(Asked(np.hstack([rows, rows * row["literal"]]), right))
    return names, found


def describe(command: list[str], questions: list[dict]) -> list[str]:
    """Lines of the program for questions."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in questions)
        file.flush()
        filled = [file.name if part == "QUESTIONS" else part for part in command]
        return subprocess.run(filled, stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()


def fit(sets: list[tuple[list[Asked], float]]) -> np.ndarray:
    """Weights by the likelihood that the chosen passage is right; each set weighs as it says, however many questions it has."""
    asked = [(one, weight / len(group)) for group, weight in sets for one in group]
    centred = np.vstack([one.features - one.features.mean(axis=0) for one, _ in asked])
    scale = centred.std(axis=0) + 1e-9
    rows = centred / scale
    right = np.concatenate([one.right for one, _ in asked])
    sizes = [len(one.right) for one, _ in asked]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    weight = np.array([weight for _, weight in asked])

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = rows @ w
        e = np.exp(z - np.repeat(np.maximum.reduceat(z, first), sizes))
        total, there = np.add.reduceat(e, first), np.add.reduceat(e * right, first)
        slope = np.repeat(weight, sizes) * (e / np.repeat(total, sizes) - e * right / np.repeat(there, sizes))
        return PENALTY * w @ w - weight @ np.log(there / total), rows.T @ slope + 2 * PENALTY * w

    return minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x / scale


def ranks(asked: list[Asked], weights: np.ndarray | None) -> tuple[float, float]:
    """Share of the questions with a right passage first, and mean reciprocal rank, in order of the weights or as found."""
    at = []
    for one in asked:
        order = slice(None) if weights is None else np.argsort(-(one.features @ weights), kind="stable")
        at.append(int(one.right[order].argmax()))
    return float(np.mean([a == 0 for a in at])), float(np.mean([1 / (a + 1) if a < 10 else 0 for a in at]))


def validate(sets: list[tuple[str, list[Asked], float]]) -> None:
    """Prints what weights fitted on four fifths do on the other: R@1 and MRR@10 before and after, where a right one is found."""
    folds = [np.random.default_rng(3).permutation(len(group)) % FOLDS for _, group, _ in sets]
    sums = np.zeros((len(sets), 2))
    for fold in range(FOLDS):
        parts = [([one for one, of in zip(group, by) if of != fold], w) for (_, group, w), by in zip(sets, folds)]
        weights = fit(parts)
        for at, ((_, group, _), by) in enumerate(zip(sets, folds)):
            test = [one for one, of in zip(group, by) if of == fold]
            sums[at] += np.array(ranks(test, weights)) * len(test) / len(group)
    for (name, group, _), after in zip(sets, sums):
        before = ranks(group, None)
        print(f"{name}, {len(group)}: R@1 {before[0]:.3f} -> {after[0]:.3f}, MRR@10 {before[1]:.3f} -> {after[1]:.3f}")


def text(names: list[str], weights: np.ndarray) -> str:
    """The file of weights."""
    plain, literal = weights[: len(names)], weights[len(names) :]
    lines = [
        "# Weights of the choice among passages: [for any question, more for a literal one].",
        "# Made by `python -m strata_training gov-choice`: fitted on STARD train questions left out of the retriever's",
        "# training (MIT), and on questions made by rule from statutes, which are free of copyright; on nothing else.",
        "[weights]",
        *(f"{name} = [{a:.5f}, {b:.5f}]" for name, a, b in zip(names, plain, literal)),
    ]
    return "\n".join(lines) + "\n"


def main(root: Path, index: Path, repository: Path) -> None:
    """Fits on `root` (the folder `data/gov`) and `index` (of STARD's articles), and writes the weights."""
    run = "cargo run --quiet --release -p strata-text --example choose_features --".split()
    command = [*run, str(index.resolve()), "QUESTIONS", str(repository / "shared-models")]
    sets, names = [], []
    for name, questions, weight in (
        ("STARD train, held out", held_out(root), 1.0),
        ("made", made(root, random.Random(SEED)), 0.5),
    ):
        for within in ([], ["--within"]):
            names, asked = parse(describe([*command, *within], questions))
            sets.append((f"{name}{', in the law' if within else ''}", asked, weight))
    validate(sets)
    weights = fit([(group, weight) for _, group, weight in sets])
    (repository / "crates/text/src/choose/weights.toml").write_text(text(names, weights), encoding="utf-8")
