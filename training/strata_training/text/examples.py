"""What the encoder learns from: lay questions and answers, and questions made of the records themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .data import Question, Record
from .tokens import PADDING, UNKNOWN, Vocabulary, tokens

TEMPLATES = (
    "{}怎么办理？",
    "如何申请{}？",
    "办理{}需要什么材料？",
    "{}找哪个部门？",
    "我想办{}，去哪里办？",
    "{}的条件是什么？",
)


@dataclass
class Pair:
    """A query and the bag that should be found, the record it is of, and records that are no wrong answers."""

    query: np.ndarray
    bag: np.ndarray
    record: int
    right: frozenset[int]


@dataclass
class Pool:
    """Records and questions as token ids; statutes come first, service items after them."""

    vocabulary: Vocabulary
    records: list[Record]
    items: int  # where service items begin
    questions: list[Question]
    rare: np.ndarray
    rng: np.random.Generator
    longest: int = 96  # tokens of a record that one step looks at
    dropped: float = 0.2

    def __post_init__(self) -> None:
        ids = self.vocabulary.ids
        self.bags = [np.array(ids(record.whole)) for record in self.records]
        self.ordered = [self._in_order(record.text) for record in self.records]
        self.asked = [np.array(ids(question.text)) for question in self.questions]
        self.answers = [np.array(ids(question.answer)) for question in self.questions]

    def _in_order(self, text: str) -> np.ndarray:
        known = self.vocabulary._ids
        return np.array([known.get(token, UNKNOWN) for token in tokens(text)], np.int64)

    def thinned(self, bag: np.ndarray, share: float) -> np.ndarray:
        """Without a random part, so that no one token carries the match."""
        kept = bag[self.rng.random(len(bag)) >= share]
        return kept if len(kept) else bag

    def cut(self, bag: np.ndarray) -> np.ndarray:
        """Some of a long record's tokens."""
        return bag if len(bag) <= self.longest else self.rng.choice(bag, self.longest, replace=False)

    def asked_pair(self, place: int, answer: bool) -> Pair:
        """A lay question (or the lay answer to it) and one of its articles."""
        question = self.questions[place]
        record = int(self.rng.choice(question.relevant))
        source = self.answers[place] if answer else self.asked[place]
        query = self.thinned(source, self.dropped + (0.2 if answer else 0.0))
        return Pair(query, self.cut(self.bags[record]), record, frozenset(question.relevant))

    def made_pair(self) -> Pair:
        """A query made of a record: a part of its text, rare words of it, or a template about a service item."""
        record = int(self.rng.integers(len(self.records)))
        if record >= self.items and self.rng.random() < 0.5:
            form = TEMPLATES[int(self.rng.integers(len(TEMPLATES)))]
            text = form.format(self.records[record].title)
            query, bag = self.thinned(np.array(self.vocabulary.ids(text)), self.dropped), self.bags[record]
        elif self.rng.random() < 0.6:
            query, bag = self._span(record)
        else:
            query, bag = self._words(record)
        return Pair(query, self.cut(bag), record, frozenset([record]))

    def _span(self, record: int) -> tuple[np.ndarray, np.ndarray]:
        """Inverse cloze: a part of the text; half the time the record is without what was taken."""
        text, whole = self.ordered[record], self.bags[record]
        length = int(self.rng.integers(8, 50))
        begin = int(self.rng.integers(0, max(1, len(text) - length)))
        part = np.unique(text[begin : begin + length])
        part = part[part > UNKNOWN]
        if not len(part):
            return whole, whole
        query = self.thinned(part, 0.3)
        rest = np.setdiff1d(whole, self.thinned(query, 0.5)) if self.rng.random() < 0.5 else whole
        return query, rest if len(rest) >= 4 else whole

    def _words(self, record: int) -> tuple[np.ndarray, np.ndarray]:
        """A bag of 3 to 11 of its tokens, rare ones more often."""
        whole = self.bags[record]
        weights = self.rare[whole].astype(np.float64)
        some = min(len(whole), int(self.rng.integers(3, 12)))
        query = self.rng.choice(whole, some, replace=False, p=weights / weights.sum())
        rest = np.setdiff1d(whole, query) if self.rng.random() < 0.5 else whole
        return query, rest if len(rest) >= 4 else whole


def vocabulary(texts: list[str], size: int) -> Vocabulary:
    """The tokens of most texts, and every character of GB 2312 that is not among them, `size` lines in all."""
    df: dict[str, int] = {}
    for text in texts:
        for token in set(tokens(text)):
            df[token] = df.get(token, 0) + 1
    ranked = sorted(df, key=lambda token: (-df[token], token))
    rows = range(0xB0, 0xF8)
    codes = [bytes([row, cell]) for row in rows for cell in range(0xA1, 0xFF)]
    characters = [c for c in (code.decode("gb2312", "ignore") for code in codes) if c]
    room = size - 2
    while True:
        kept = ranked[:room]
        missing = sorted(set(characters) - set(kept))
        if room + len(missing) <= size - 2:
            break
        room = size - 2 - len(missing)
    made = Vocabulary.of([*kept, *missing])
    if len(made) > size or made.lines[PADDING] == made.lines[UNKNOWN]:
        raise ValueError("the vocabulary does not fit")
    return made
