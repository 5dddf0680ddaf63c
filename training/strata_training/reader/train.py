"""Trains the reader: which examples, which weights, which are held out."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import data, features, idf, synthetic
from .data import Example
from .network import Item, Scorer, Settings, train
from .targets import f1_of

SEED = 20
MEMBERS = (0, 1, 2)
SERVICES, STATUTES = 700, 1800
IDF_AT_LEAST = 30
HELD = 10  # one in so many is held out
SYNTHETIC_WEIGHT = 0.3
LEAST_F1 = 0.2  # examples whose best candidate is worse teach nothing


@dataclass(frozen=True)
class Sets:
    """Examples by part."""

    train: list[Example]
    trial: list[Example]  # held out
    services: list[Example]  # held out
    statutes: list[Example]  # held out


def frequencies(root: Path) -> idf.Idf:
    """The idf table: statutes, the encyclopaedia paragraphs of CMRC's trial part, service items."""
    texts = [article["text"] for article in data.statutes(root)]
    texts += sorted({example.passage for example in data.cmrc(root, "trial")})
    texts += [f"{item['TASK_NAME']}。{item.get('accept_standard') or ''}" for item in data.services(root)]
    return idf.count(texts, IDF_AT_LEAST)


def held(example: Example) -> bool:
    """Whether an example is held out: by its passage, so that no passage is on both sides."""
    return (example.group * 2654435761 >> 7) % HELD == 0


def sets(root: Path) -> Sets:
    """All examples, parted."""
    rng = random.Random(SEED)
    trial = data.cmrc(root, "trial")
    services = synthetic.service_examples(root, rng, SERVICES)
    statutes = synthetic.statute_examples(root, rng, STATUTES)
    keep = lambda examples: [e for e in examples if held(e)]  # noqa: E731
    rest = [e for e in trial + services + statutes if not held(e)]
    return Sets(rest, keep(trial), keep(services), keep(statutes))


def items(examples: list[Example], table: idf.Idf) -> list[Item]:
    """Features and targets of examples that some candidate answers."""
    found = []
    for example in examples:
        read = features.read(example.question, example.passage, table)
        if not len(read.spans):
            continue
        f1 = f1_of(read, example.answers)
        if f1.max() >= LEAST_F1:
            weight = 1.0 if example.source == "cmrc-trial" else SYNTHETIC_WEIGHT
            found.append(Item(read.features, f1.astype(np.float32), weight))
    return found


def fit(examples: list[Example], table: idf.Idf, settings: Settings, seeds: tuple[int, ...] = MEMBERS) -> list[Scorer]:
    """One perceptron a seed."""
    prepared = items(examples, table)
    return [train(prepared, settings, seed) for seed in seeds]
