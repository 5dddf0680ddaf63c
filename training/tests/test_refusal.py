"""Refusal: signals have no scale, the fit separates, the threshold is the quantile it says."""

import numpy as np
import pytest

from strata_training.reader.refusal import Logistic, Rows, curve, fit, threshold
from strata_training.reader.signals import Index, passages

RECORDS = [
    "居住证办理指南。公民在本市居住半年以上的，可以申领居住证。办理时限为十五个工作日。",
    "个体工商户登记。申请人应当提交身份证明和经营场所证明。",
    "道路运输许可证。从事货运经营的，应当向交通运输局提出申请。",
]


def test_signals_separate_what_is_there_from_what_is_not():
    index = Index(RECORDS)
    there = index.signals("申领居住证的办理时限是多久？")
    away = index.signals("红烧肉要炖多久？")
    assert there.record == 0 and all(a > b for a, b in zip(there.values, away.values))
    assert index.signals("").values == (0.0, 0.0, 0.0)
    assert max(index.signals(RECORDS[1]).values[:2]) <= 1.0


def test_a_record_left_out_is_not_found():
    assert Index(RECORDS).scores("居住证", without=0).argmax() != 0


def test_signals_do_not_grow_with_the_index():
    others = [f"第{n}号公路第{n * 7}桥的养护记录，没有别的内容。" for n in range(2000)]
    small, large = (Index(RECORDS + others[:count]) for count in (200, 2000))
    for question in ("申领居住证的办理时限是多久？", "红烧肉要炖多久？"):
        for a, b in zip(small.signals(question).values, large.signals(question).values):
            assert abs(a - b) < 0.1


def test_passages_cover_the_text_and_overlap():
    text = "".join(f"第{n}句话有二十个字左右吧应该是差不多的了。" for n in range(40))
    found = passages(text)
    assert (
        all(len(p) <= 250 for p in found) and found[0] == text[: len(found[0])] and found[-1] == text[-len(found[-1]) :]
    )
    assert all(a[-20:] in b for a, b in zip(found, found[1:]))
    assert passages("") == []


def test_fit_and_threshold():
    rng = np.random.default_rng(1)
    signals = rng.normal(size=(400, 3)) + np.repeat([[0.0], [1.5]], 200, 0)
    answerable = np.repeat([False, True], 200)
    model = fit(Rows(signals, answerable, np.where(answerable, "yes", "no")))
    right = (model.z(signals) > 0) == answerable
    assert right.mean() > 0.85 and (model.weights > 0).all()
    points = curve(model.z(signals), answerable)
    assert len(points) == 21 and all(a[1] <= b[1] for a, b in zip(points, points[1:]))


def test_threshold_refuses_the_share_of_lines_it_is_given():
    index, model = Index(RECORDS), Logistic(np.array([10.0, 2.0, 2.0]), -5.0)
    lines = ["红烧肉要炖多久", "明天会下雨吗", "讲个笑话", "身份证明"]
    at = threshold(model, index, lines, 0.75)
    z = model.z(np.array([index.signals(line).values for line in lines]))
    assert (z < at).mean() == pytest.approx(0.75)
