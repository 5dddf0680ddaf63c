"""`gov-retriever`: trains, settles the fusion, measures, writes the folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..vision.card import Figure
from . import card, data, export, release_text, samples
from .encoder import Encoder, start
from .evaluate import WAYS, Fusion, Ranks, Retriever, measure, tune
from .examples import Pool, vocabulary
from .lexical import Bags, Lexical
from .tokens import TOKENIZER, Vocabulary
from .train import Hard, Plan, train

NAME = "gov-retriever"


@dataclass
class Sources:
    """All that is read."""

    statutes: list[data.Record]
    items: list[data.Record]
    asked: list[data.Question]
    dev: list[data.Question]
    fit: list[int]
    held: list[int]

    @staticmethod
    def read(gov: Path, seed: int) -> Sources:
        """From the folder of the government sets."""
        asked = data.questions(gov, "train")
        fit, held = data.tuning_split(len(asked), seed)
        return Sources(data.statutes(gov), data.service_items(gov), asked, data.questions(gov, "dev"), fit, held)


def taught(sources: Sources, lexical: Lexical, plan: Plan) -> tuple[Vocabulary, Encoder]:
    """The vocabulary and the trained encoder."""
    records = [*sources.statutes, *sources.items]
    asked = [sources.asked[place] for place in sources.fit]
    texts = [record.whole for record in records] + [text for q in asked for text in (q.text, q.answer)]
    words = vocabulary(texts, plan.size)
    rng = np.random.default_rng(plan.seed)
    pool = Pool(words, records, len(sources.statutes), sources.asked, np.ones(1), rng)
    table, pool.rare = start(pool.bags, len(words), plan.width, plan.seed)
    encoder = Encoder(table)
    train(encoder, pool, Hard(pool, lexical, sources.fit, plan), plan)
    return words, encoder


def embedder(words: Vocabulary, table: export.Bytes, most: int):
    """Texts to vectors by the table as the file has it."""
    encoder = Encoder(table.table())
    return lambda texts: encoder.embed([np.array(words.ids(text, most)) for text in texts])


def shifted(questions: list[data.Question], by: int) -> list[data.Question]:
    """Questions of records that come after `by` others."""
    return [replace(q, relevant=[place + by for place in q.relevant]) for q in questions]


def with_answer(tests: data.Tests) -> list[data.Question]:
    """Questions whose right records are all that hold the answer word by word, not only the one it was asked of."""
    squeezed = ["".join(record.whole.split()) for record in tests.records]
    made = []
    for question in tests.questions:
        answer = "".join(question.answer.split())
        also = [place for place, text in enumerate(squeezed) if answer and answer in text]
        made.append(replace(question, relevant=sorted({*question.relevant, *also})))
    return made


def rows(dataset: str, split: str, ranks: dict[str, Ranks], metrics: list[str], of=None) -> list[Figure]:
    """Figures of all ways of ranking."""
    count = len(ranks[WAYS[0]].mrr) if of is None else int(np.sum(of))
    means = {way: ranks[way].means(of) for way in WAYS}
    made = [Figure(dataset, split, m, means[way][m], count, release_text.WAYS[way]) for way in WAYS for m in metrics]
    for figure in made:
        print(f"{dataset}, {split}, {figure.note}: {figure.metric} {figure.value:.4f} (n = {count})", flush=True)
    return made


def figures(gov: Path, sources: Sources, retriever: Retriever, fusion: Fusion) -> list[Figure]:
    """All held-out figures."""
    every = ["MRR@10", "R@1", "R@10", "R@100"]
    stard, articles = release_text.STARD, f"{len(sources.statutes):,} articles"
    held = measure(retriever, [sources.asked[place] for place in sources.held], fusion)
    made = rows(stard, "tuning tenth of train", held, every)
    dev = measure(retriever, sources.dev, fusion)
    seen = {record for place in sources.fit for record in sources.asked[place].relevant}
    unseen = np.array([not seen.intersection(question.relevant) for question in sources.dev])
    made += rows(stard, f"dev, {articles}", dev, every)
    made += rows(stard, "dev, no relevant article in train", dev, every, unseen)
    policies = data.policies(gov)
    ncp = Retriever(policies.records, retriever.embed)
    made += rows(release_text.NCP, "dev, 599 documents", measure(ncp, policies.questions, fusion), every[:3])
    answered = measure(ncp, with_answer(policies), fusion)
    made += rows(release_text.NCP, "dev, any document with the answer word by word", answered, ["hit@1"])
    cmrc = data.paragraphs(gov, "dev")
    asked = shifted(cmrc.questions, len(sources.statutes))
    among = measure(retriever.among(cmrc.records), asked, fusion)
    return made + rows(release_text.CMRC, f"dev, 848 paragraphs among {articles}", among, ["R@1", "R@10"])


def settle(gov: Path, sources: Sources, retriever: Retriever, seed: int) -> Fusion:
    """The fusion, by the tuning tenth and 300 questions of the CMRC trial among all articles."""
    trial = data.paragraphs(gov, "trial")
    some = np.random.default_rng(seed).choice(len(trial.questions), min(300, len(trial.questions)), replace=False)
    general = shifted([trial.questions[place] for place in sorted(some)], len(sources.statutes))
    held = [sources.asked[place] for place in sources.held]
    fusion, mean = tune([(retriever, held), (retriever.among(trial.records), general)])
    print(f"fusion: {fusion}, mean MRR@10 {mean:.4f}", flush=True)
    return fusion


def run(gov: Path, out: Path, plan: Plan | None = None) -> None:
    """Trains, measures, writes."""
    plan = plan or Plan()
    sources = Sources.read(gov, plan.seed)
    bags = Bags()
    words, encoder = taught(sources, Lexical(sources.statutes, bags), plan)
    table = export.Bytes.of(encoder.numpy())
    file = export.to_onnx(table, NAME)
    texts = [words.ids(record.whole, plan.longest) for record in sources.statutes[::5]]
    some = texts[::20]
    gap = export.gap(file, export.answer(table, some), some)
    speed = export.per_second(file, texts)
    print(f"{NAME}: {len(file)} bytes, parity {gap:.1e}, {speed:.0f} articles a second of processor", flush=True)
    retriever = Retriever(sources.statutes, embedder(words, table, plan.longest), bags)
    fusion = settle(gov, sources, retriever, plan.seed)
    measured = figures(gov, sources, retriever, fusion)
    examples = [words.ids(text) for text in samples.GOLDEN]
    golden = export.golden("sentence_embedding", export.answer(table, examples), examples)
    files = [
        (f"{NAME}.onnx", "model", file),
        ("vocabulary.txt", "tokenizer", words.file()),
        ("tokens.json", "other", export.tokens_golden(words, samples.TOKENS, plan.longest).encode()),
        ("golden.json", "golden", golden.encode()),
    ]
    preprocess = {"kit": "text/1", "tokenizer": TOKENIZER, "max_tokens": plan.longest}
    head = {"head": "embedding", "pooling": "none", "dim": plan.width, "normalize": True}
    head |= {"lexical_slope": fusion.slope, "lexical_offset": fusion.offset}
    head |= {"lexical_low": fusion.low, "lexical_high": fusion.high}
    made = release_text.model(plan, files, preprocess, head, measured)
    made.parity = release_text.parity(gap, speed, len(file))
    card.write(made, out)
