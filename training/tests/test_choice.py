"""The choice among passages: the fit finds what tells the right passage, and a constant of a question tells nothing."""

import json

import numpy as np

from strata_training.reader.choice import fit, parse, ranks, text


def questions(seed: int, count: int = 200) -> list[str]:
    """Lines whose right passage has the larger first feature, up to noise; the second is one number a question."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(count):
        rows = np.column_stack([rng.random(6), np.full(6, rng.random())])
        right = [bool(at == (rows[:, 0] + 0.1 * rng.random(6)).argmax()) for at in range(6)]
        lines.append(json.dumps({"names": ["a", "b"], "literal": 0.5, "rows": rows.tolist(), "right": right}))
    return lines


def test_the_fit_finds_what_tells():
    names, train = parse(questions(0))
    _, test = parse(questions(1))
    weights = fit([(train, 1.0)])
    assert ranks(test, weights)[0] > 0.8
    assert ranks(test, None)[0] < 0.4
    assert weights[0] > 1 and abs(weights[1]) < 1e-3
    assert "a = [" in text(names, weights)


def test_questions_without_a_choice_are_left_out():
    line = {"names": ["a"], "literal": 0.0, "rows": [[1.0], [2.0]]}
    lines = [json.dumps(line | {"right": right}) for right in ([True, True], [False, False], [True, False])]
    assert len(parse(lines)[1]) == 1
