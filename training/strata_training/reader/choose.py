"""From scores to the answer: the candidate with the highest expected F1 under the probabilities of the best ones."""

from __future__ import annotations

import numpy as np

BEST = 40


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Softmax, in float64."""
    shifted = np.exp(scores.astype(np.float64) - scores.max())
    return shifted / shifted.sum()


def expected_f1(scores: np.ndarray, spans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best candidates, highest score first (of equals the first in the text), and their expected F1.

    F1 between two candidates is that of their units: twice the units both have over the sum of their lengths.
    """
    best = np.argsort(-scores, kind="stable")[:BEST]
    share = probabilities(scores)[best]
    start, end = spans[best, 0].astype(float), spans[best, 1].astype(float)
    both = np.maximum(np.minimum(end[:, None], end) - np.maximum(start[:, None], start), 0.0)
    lengths = (end - start)[:, None] + (end - start)
    return best, (2.0 * both / lengths) @ share


def answer(scores: np.ndarray, spans: np.ndarray) -> tuple[int, float]:
    """Index of the answer and its expected F1, the reader's confidence: 0 to 1."""
    best, expected = expected_f1(scores, spans)
    top = int(expected.argmax())
    return int(best[top]), float(expected[top])
