"""Search by words with bm25s and txtai over the tokens of our index: the peers of `bench_search index` and `bench_search words`.

    python bm25.py PEER index FOLDER ARTICLES COUNT QUESTIONS ANSWERS
    python bm25.py PEER make FOLDER ARTICLES COUNT
    python bm25.py PEER words FOLDER QUESTIONS ANSWERS

PEER is `bm25s` or `txtai`. Tokens are made by `training/strata_training/text/tokens.py` (`han-bigram/1`), the same for every side; k1 and
b are ours. `index` is timed from the file of articles to an index on the disk. An answer is the scores of the ten best and their ids.
"""

import gzip
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "training/strata_training/text"))
import side
from tokens import tokens

K1, B, TOP, ASKED = 0.9, 0.75, 10, 50


def articles(path, count):
    """Ids and tokens; a title's last character and the text's first are no pair."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for _, line in zip(range(count), lines)]
    return [str(row["id"]) for row in rows], [tokens(row["name"]) + tokens(row["text"]) for row in rows]


def questions(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)["question"] for line in lines]


class Bm25s:
    """bm25s with Lucene's formula, which is ours without the factor k1 + 1."""

    @staticmethod
    def make(folder, ids, texts):
        import bm25s

        made = bm25s.BM25(k1=K1, b=B, method="lucene")
        made.index(texts, show_progress=False)
        made.save(folder, corpus=None)
        (folder / "ids.json").write_text(json.dumps(ids))

    def __init__(self, folder):
        import bm25s

        self.index = bm25s.BM25.load(folder, mmap=True)
        self.ids = json.loads((folder / "ids.json").read_text())

    def ask(self, question):
        found, scores = self.index.retrieve([tokens(question)], k=TOP, show_progress=False)
        pairs = [(float(score) * (K1 + 1), self.ids[at]) for score, at in zip(scores[0], found[0])]
        return [pair for pair in pairs if pair[0] > 0]


class Txtai:
    """txtai's sparse index of terms; the formula is the same."""

    CONFIG = {"method": "bm25", "terms": True, "k1": K1, "b": B, "normalize": False}

    @classmethod
    def make(cls, folder, ids, texts):
        from txtai.scoring import ScoringFactory

        made = ScoringFactory.create(cls.CONFIG)
        made.index((at, text, None) for at, text in enumerate(texts))
        folder.mkdir()
        made.save(str(folder / "scoring"))
        made.close()
        (folder / "ids.json").write_text(json.dumps(ids))

    def __init__(self, folder):
        from txtai.scoring import ScoringFactory

        self.index = ScoringFactory.create(self.CONFIG)
        self.index.load(str(folder / "scoring"))
        self.ids = json.loads((folder / "ids.json").read_text())

    def ask(self, question):
        return [(float(score), self.ids[at]) for at, score in self.index.search(tokens(question), TOP)]


def answer(pairs):
    return [score for score, _ in pairs] + [name for _, name in pairs]


def main():
    peer, what, folder, *rest = sys.argv[1:]
    peer, folder = {"bm25s": Bm25s, "txtai": Txtai}[peer], pathlib.Path(folder)
    if what in ("index", "make"):
        watch = side.Watch()
        ids, texts = articles(rest[0], int(rest[1]))
        tokens_seconds = watch.took()["seconds"]
        peer.make(folder, ids, texts)
        took = watch.took()
        if what == "index":
            made = peer(folder)
            side.write_answers(rest[3], (answer(made.ask(question)) for question in questions(rest[2])[:ASKED]))
        side.report(items=len(ids), tokens_seconds=tokens_seconds, **took)
        return
    index, asked = peer(folder), questions(rest[0])
    index.ask(asked[0])
    first, times, all_found = side.since_start(), [], []
    watch = side.Watch()
    for question in asked:
        begun = time.perf_counter()
        all_found.append(answer(index.ask(question)))
        times.append((time.perf_counter() - begun) * 1e3)
    took = watch.took()
    side.write_answers(rest[1], all_found)
    side.report(items=len(asked), first_answer_seconds=first, **took, **side.latencies(times))


if __name__ == "__main__":
    main()
