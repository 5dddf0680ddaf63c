"""The reader: text rules, candidates, features, targets, the graph, and the files it ships agree with each other."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from strata_training.reader import candidates, choose, entities, features, score
from strata_training.reader.idf import Idf, count
from strata_training.reader.question import TYPES, ask
from strata_training.reader.targets import f1_of
from strata_training.reader.text import CLAUSE, ENUMERATION, NONE, SENTENCE, cut

FOLDER = Path(__file__).parents[2] / "shared-models/gov-reader"
PASSAGE = "居住证办理指南\n办理时限：自受理之日起15个工作日内制发。咨询电话：020-12345678、12345，网址www.gov.cn。"


@pytest.fixture
def table() -> Idf:
    return count([PASSAGE, "自受理之日起办理", "咨询"], 1)


def test_units_and_gaps():
    t = cut("Ａ1、第3条：满50%的，2020-2-3 9:00起。\n王·李")
    assert t.units == ["a1", "第", "3", "条", "满", "50%", "的", "2020-2-3", "9:00", "起", "王", "李"]
    assert t.gaps == [
        SENTENCE,
        ENUMERATION,
        NONE,
        NONE,
        CLAUSE,
        NONE,
        NONE,
        CLAUSE,
        NONE,
        NONE,
        SENTENCE,
        NONE,
        SENTENCE,
    ]
    assert [t.raw[a:b] for a, b in zip(t.starts, t.ends)][0] == "Ａ1"


def test_a_space_ends_a_sentence_only_between_chinese_and_before_numbered_items():
    gaps = lambda raw: cut(raw).gaps[1:-1]  # noqa: E731
    assert gaps("通知 各单位")[1] == SENTENCE
    assert gaps("用 word")[0] == NONE
    assert gaps("供应 1.实施")[1] == SENTENCE
    assert gaps("供应 10万")[1] == NONE


def test_empty_texts_have_no_candidates(table):
    for passage in ("", "。，……", " \n"):
        read = features.read("在哪里？", passage, table)
        assert read.features.shape == (0, len(features.NAMES)) and len(read.spans) == 0
    assert features.read("？", PASSAGE, table).features.shape[0] > 0
    assert features.read("", PASSAGE, table).features.shape[0] > 0


def test_official_score():
    # "二月十二日" in "自二月十二日起": 5 of 5 and 7 characters.
    assert score.f1(["二月十二日"], "自二月十二日起") == pytest.approx(2 * 5 / 12)
    assert score.exact(["《办法》"], "办法。") == 1.0
    assert score.f1(["ab cd"], "AB") == pytest.approx(2 / 3)
    # Contiguous: one character apart breaks the run.
    assert score.f1(["甲乙丙丁"], "甲乙某丙丁") == pytest.approx(2 * 2 / 9)


def test_targets_are_the_official_score(table):
    read = features.read("多少天办好？", PASSAGE, table)
    answers = ("15个工作日", "自受理之日起15个工作日内")
    found = f1_of(read, answers)
    assert found.max() == 1.0
    for at, (a, b) in enumerate(read.characters):
        assert found[at] == pytest.approx(score.f1(list(answers), PASSAGE[a:b]))


def test_candidates_hold_entities_clauses_and_sentences():
    t = cut(PASSAGE)
    found = candidates.spans(t, candidates.layout(t), entities.find(t), candidates.matched(ask("电话"), t))
    texts = {PASSAGE[t.starts[a] : t.ends[b - 1]] for a, b in found}
    assert {"020-12345678", "15个工作日内", "居住证办理指南", "自受理之日起15个工作日内制发"} <= texts
    assert "020-12345678、12345，网址www.gov.cn" in texts
    assert found == sorted(set(found)) and all(a < b for a, b in found)


def test_question_words_split_and_focus():
    asked = ask("玩家用什么武器封敌人？")
    assert asked.text.units[slice(*asked.word)] == ["什", "么"]
    assert asked.focus == ("武", "器", "封")
    names = [name for (name, _), is_it in zip(TYPES, ask("补贴标准是多少元").types) if is_it]
    assert "money" in names and "number" in names


def test_features_say_what_their_names_say(table):
    read = features.read("居住证的咨询电话是多少？", PASSAGE, table)
    column = {name: k for k, name in enumerate(features.NAMES)}
    texts = [PASSAGE[a:b] for a, b in read.characters]
    phone = read.features[texts.index("020-12345678")]
    assert phone[column["is_phone"]] == 1 and phone[column["expected_is"]] == 1 and phone[column["prev_colon"]] == 1
    assert phone[column["cover_inside"]] == 0 and phone[column["cover_left_near"]] > 0.5
    assert phone[column["length"]] == pytest.approx(math.log(1))
    whole = read.features[texts.index("居住证办理指南")]
    assert whole[column["from_sentence"]] == 1 and whole[column["to_sentence"]] == 1
    assert np.isfinite(read.features).all() and len(set(features.NAMES)) == len(features.NAMES)


def test_a_pair_of_brackets_or_quotation_marks_is_not_torn(table):
    passage = "依据《城市管理条例（试行）》办理。"
    texts = {passage[a:b] for a, b in features.read("依据什么？", passage, table).characters}
    assert "《城市管理条例（试行）》" in texts and "试行" in texts
    assert not any(t.count("（") != t.count("）") and "试行" in t and "办理" not in t and "条例" in t for t in texts)


def test_the_choice_prefers_what_overlaps_the_likely():
    spans = np.array([[0, 4], [0, 5], [1, 5], [20, 24]])
    scores = np.log(np.array([0.25, 0.24, 0.21, 0.30], np.float32))
    at, confidence = choose.answer(scores, spans)
    assert at == 1 and 0.3 < confidence < 1
    assert choose.answer(np.zeros(1, np.float32), np.array([[3, 4]])) == (0, 1.0)


def test_idf_file_comes_back(table):
    again = Idf.parse(table.text())
    assert again == table and again.of("从未") == 1.0 and 0 <= again.of("自") < 1


def tiny(width: int, seeds: int):
    torch = pytest.importorskip("torch")
    from strata_training.reader.network import Item, Settings, train

    rng = np.random.default_rng(4)
    items = []
    for _ in range(40):
        x = rng.normal(size=(30, width)).astype(np.float32)
        f1 = 1 / (1 + np.exp(-3 * x[:, 0]))
        items.append(Item(x, f1.astype(np.float32), 1.0))
    settings = Settings(hidden=8, epochs=12, keep=16, rate=1e-2, dropout=0.0)
    torch.set_num_threads(1)
    return [train(items, settings, seed) for seed in range(seeds)], items


def test_the_graph_says_what_torch_says_and_training_learns():
    from strata_training.reader import export
    from strata_training.reader.network import score as scores_of

    models, items = tiny(5, 2)
    file = export.to_onnx(models, "tiny").SerializeToString()
    passages = [item.features for item in items[:5]] + [items[0].features * 100]
    assert export.parity(models, file, passages) <= export.TOLERANCE
    picked = [item.f1[scores_of(models, item.features).argmax()] for item in items]
    assert np.mean(picked) > np.mean([item.f1.mean() for item in items]) + 0.3
    again, _ = tiny(5, 1)
    assert np.array_equal(scores_of(again, items[0].features), scores_of(models[:1], items[0].features))


@pytest.mark.skipif(not (FOLDER / "cases.json").exists(), reason="shared-models/gov-reader is not built")
def test_shipped_files_agree():
    from strata_training.reader import export

    table = Idf.parse((FOLDER / "idf.tsv").read_text(encoding="utf-8"))
    run = export.session((FOLDER / "gov-reader.onnx").read_bytes())
    told = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))
    assert tuple(told["features"]) == features.NAMES
    for case in told["cases"]:
        read = features.read(case["question"], case["passage"], table)
        assert read.spans.ravel().tolist() == case["spans"] and read.text.units == case["units"]
        if not len(read.spans):
            continue
        assert np.abs(read.features[case["rows"]] - np.array(case["features"], np.float32)).max() < 1e-6
        scores = run.run(None, {"features": read.features})[0]
        assert np.abs(scores - np.array(case["scores"], np.float32)).max() <= 1e-4
        assert choose.answer(scores, read.spans)[0] == case["answer"]["candidate"]
