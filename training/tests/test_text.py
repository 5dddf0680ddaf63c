"""The retriever of government documents: tokens, passages, BM25, figures, the file, and a run from data to folder."""

import gzip
import hashlib
import json
import tomllib

import numpy as np
import pytest

from strata_training.text import bureaus, data, evaluate, export, retriever, router
from strata_training.text.encoder import latent
from strata_training.text.examples import vocabulary
from strata_training.text.lexical import Lexical, passages
from strata_training.text.tokens import UNKNOWN, Vocabulary, tokens
from strata_training.text.train import Plan

RECORDS = [
    data.Record("道路法第一条", "机动车驾驶人饮酒后不得驾驶机动车。"),
    data.Record("婚姻法第二条", "夫妻双方自愿离婚的，应当签订书面离婚协议。"),
    data.Record("税法第三条", "纳税人应当在规定的期限内申报纳税。"),
    data.Record("劳动法第四条", "用人单位应当按月向劳动者支付工资，不得拖欠。"),
]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", []),
        ("。 !", []),
        ("低保", ["低", "保", "低保"]),
        ("低，保", ["低", "保"]),
        ("ＡＢ年", ["ab", "年", "ab年"]),
        ("2020年2月", ["2020", "年", "2020年", "2", "年2", "月", "2月"]),
        ("1.5%", ["1", "5"]),
        ("a" * 33, ["a" * 32, "a", "a" * 33]),
    ],
)
def test_tokens(text, made):
    assert tokens(text) == made


def test_ids_are_of_known_tokens_each_once():
    words = Vocabulary.of(["法", "律", "法律"])
    assert words.ids("法律法律的法") == [2, 3, 4]
    assert words.ids("法律法律", 2) == [2, 3]
    assert words.ids("的") == words.ids("") == [UNKNOWN]
    assert Vocabulary(words.file().decode().splitlines()).ids("法律") == [2, 3, 4]


def test_vocabulary_has_every_common_character():
    words = vocabulary(["法律法律", "法院"] + [f"{i}号" for i in range(9000)], 7000)
    assert len(words) == 7000
    assert "法" in words.lines and "龘" not in words.lines and "齄" in words.lines
    assert len(set(words.lines)) == 7000


def test_passages_are_whole_sentences_that_overlap():
    text = "".join(f"这是第{i}句话，内容各不相同。" for i in range(60))
    cut = passages(text)
    assert len(cut) > 2 and all(len(part) <= 250 for part in cut)
    assert all(part.endswith("。") for part in cut)
    for before, after in zip(cut, cut[1:], strict=False):
        shared = next(n for n in range(len(after), -1, -1) if before.endswith(after[:n]))
        assert 60 < shared <= 125
    assert passages("短") == ["短"]
    assert passages("长" * 300 + "。短。") == ["长" * 300 + "。", "短。"]


def test_bm25_is_the_formula():
    index = Lexical(RECORDS)
    scores, coverage = index.score("工资")
    bag = tokens(RECORDS[3].whole)
    average = np.mean([len(tokens(record.whole)) for record in RECORDS])
    right = 0.0
    for token in tokens("工资"):
        df = sum(token in tokens(record.whole) for record in RECORDS)
        tf, idf = bag.count(token), np.log(1 + (4 - df + 0.5) / (df + 0.5))
        right += idf * tf * 1.9 / (tf + 0.9 * (0.25 + 0.75 * len(bag) / average))
    assert scores[3] == pytest.approx(right, rel=1e-5)
    assert scores.argmax() == 3 and 0 < coverage < 1
    assert index.score("xyz")[1] == 0


def test_figures():
    ranks = evaluate.Ranks.new()
    ranks.add(np.array([0.1, 0.9, 0.5]), [2])
    ranks.add(np.array([0.1, 0.9, 0.5]), [1, 0])
    means = ranks.means()
    assert means["MRR@10"] == 0.75 and means["hit@1"] == 0.5 and means["R@1"] == 0.25 and means["R@10"] == 1
    fused = evaluate.Fusion().fuse(np.array([2.0, 1.0]), np.array([0.0, 0.9]), 0.0)
    assert fused == pytest.approx([0.15, 0.15 * 0.5 + 0.85 * 0.9])


def test_latent_finds_singular_vectors():
    import scipy.sparse as sparse

    rng = np.random.default_rng(0)
    left, right = np.linalg.qr(rng.normal(size=(90, 5)))[0], np.linalg.qr(rng.normal(size=(60, 5)))[0]
    matrix = sparse.csr_matrix((left * [9, 7, 5, 3, 2]) @ right.T, dtype=np.float32)
    found = latent(matrix, 5, 0)
    assert np.abs(np.abs((found * right).sum(0)) - 1).max() < 1e-3


def test_file_says_what_torch_says():
    rng = np.random.default_rng(3)
    whole = rng.normal(size=(50, 8)).astype(np.float32)
    table = export.Bytes.of(whole)
    assert (np.abs(table.table() - whole).max(1) <= np.abs(whole).max(1) / 253).all()
    bags = [rng.choice(np.arange(2, 50), n, replace=False).tolist() for n in (1, 3, 40, 7, 2, 9, 11, 5)]
    file = export.to_onnx(table, "tiny")
    assert export.gap(file, export.answer(table, bags), bags) < 1e-6
    with pytest.raises(ValueError, match="from torch"):
        export.gap(file, export.answer(table, bags) + 2e-4, bags)
    empty = export.session(file).run(
        None, {"input_ids": np.zeros((1, 1), int), "attention_mask": np.zeros((1, 1), int)}
    )
    assert np.isfinite(empty[0]).all()


def _folder(root):
    gov = root / "data" / "gov"
    for name in ("stard", "guangdong", "ncp_policies", "cmrc2018"):
        (gov / name).mkdir(parents=True)
    lines = lambda rows: "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)  # noqa: E731
    many = RECORDS * 8
    with gzip.open(gov / "stard" / "corpus.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(lines({"id": i, "name": r.title, "text": r.text + str(i)} for i, r in enumerate(many)))
    asked = [("酒后能开车吗？", 0), ("怎么离婚？", 1), ("什么时候报税？", 2), ("老板不发工资怎么办？", 3)]
    rows = [{"qid": i, "question": q, "relevant": [a], "answer": "您好，" + q} for i, (q, a) in enumerate(asked * 3)]
    (gov / "stard" / "queries.train.jsonl").write_text(lines(rows))
    (gov / "stard" / "queries.dev.jsonl").write_text(lines([*rows[:4], rows[0] | {"relevant": [5]}]))
    nurse = {"TASK_NAME": "护士执业注册", "DEPT_NAME": "某省卫生健康委", "TASK_TYPE_TEXT": "行政许可"}
    water = {"TASK_NAME": "取水许可", "DEPT_NAME": "某省水利厅", "TASK_TYPE_TEXT": "行政许可"}
    items = [
        item | {"TASK_NAME": f"{item['TASK_NAME']}{i}", "parentCatalogName": str(i)}
        for i in range(20)
        for item in (nurse, water)
    ]
    (gov / "guangdong" / "service_items.jsonl").write_text(lines([i | {"theme_category": "['卫生']"} for i in items]))
    (gov / "ncp_policies" / "docs.jsonl").write_text(
        lines({"docid": str(i), "text": f"关于事项{i}的通知 全文内容{i}。"} for i in range(12))
    )
    ask = {"qid": "q", "docid": "3", "question": "事项3的通知说什么？", "answer": "全文内容3。", "answer_start": 10}
    (gov / "ncp_policies" / "qa.dev.jsonl").write_text(lines([ask]))
    paragraph = {"context": "黄河是中国第二长河。", "qas": [{"question": "中国第二长河是哪条？", "answers": []}]}
    for part in ("trial", "dev"):
        (gov / "cmrc2018" / f"cmrc2018_{part}.json").write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    return gov


def test_a_run_makes_a_folder_that_holds_together(tmp_path):
    gov = _folder(tmp_path)
    plan = Plan(size=7000, width=16, steps=6, asked=4, answers=2, made=6, hard=3, refreshed=3)
    for name in ("one", "two"):
        retriever.run(gov, tmp_path / name, plan)
    card = tomllib.loads((tmp_path / "one" / "card.toml").read_text())
    for file in card["files"]:
        raw = (tmp_path / "one" / file["path"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(raw).hexdigest() and file["bytes"] == len(raw)
        assert raw == (tmp_path / "two" / file["path"]).read_bytes(), "the same seed gives the same file"
    golden = json.loads((tmp_path / "one" / "golden.json").read_text())
    given = {k: np.array(v["data"], np.int64).reshape(v["shape"]) for k, v in golden["inputs"].items()}
    said = export.session((tmp_path / "one" / "gov-retriever.onnx").read_bytes()).run(None, given)[0]
    right = np.array(golden["outputs"]["sentence_embedding"]["data"]).reshape(said.shape)
    assert np.abs(said - right).max() < 1e-4
    assert np.abs(np.linalg.norm(said, axis=1) - 1).max() < 1e-5
    assert any(f["split"].startswith("dev, no relevant") and f["n"] == 1 for f in card["figures"])


def test_departments_are_merged():
    assert bureaus.bureau("广州市公安局") == bureaus.bureau("广东省公安厅") == "公安"
    assert bureaus.bureau("广东省医疗器械质量监督检验所") == "药品监督管理"
    assert bureaus.bureau("广东省工商业联合会") is None
    fit, held = bureaus.sentences()
    assert {name for _, name in fit} == {name for _, name in held} == set(bureaus.NAMES)
    assert not {text for text, _ in fit} & {text for text, _ in held}


def test_a_router_learns_and_its_file_agrees(tmp_path):
    gov = _folder(tmp_path)
    with pytest.raises(data.MissingData, match="train gov-retriever first"):
        router.run(gov, tmp_path)
    plan = Plan(size=7000, width=16, steps=2, asked=4, answers=2, made=6, hard=3, refreshed=3)
    retriever.run(gov, tmp_path / "gov-retriever", plan)
    router.run(gov, tmp_path)
    card = tomllib.loads((tmp_path / "gov-router" / "card.toml").read_text())
    figures = {(f["dataset"], f["metric"]): f["value"] for f in card["figures"]}
    assert figures["Guangdong items", "accuracy"] > 0.9
    golden = json.loads((tmp_path / "gov-router" / "golden.json").read_text())
    given = {k: np.array(v["data"], np.int64).reshape(v["shape"]) for k, v in golden["inputs"].items()}
    said = export.session((tmp_path / "gov-router" / "gov-router.onnx").read_bytes()).run(None, given)[0]
    assert said.shape == (3, len(bureaus.NAMES)) and np.abs(said.sum(1) - 1).max() < 1e-5
    assert np.abs(said.ravel() - golden["outputs"]["probabilities"]["data"]).max() < 1e-4
    cases = router.split(gov, router.Plan())
    items = [{case.item for case in part if case.item} for part in (cases.fit, cases.valid, cases.items)]
    assert not items[0] & items[1] and not items[0] & items[2] and not items[1] & items[2]


def test_missing_data_is_named(tmp_path):
    with pytest.raises(data.MissingData, match="STRATA_SHARED"):
        data.folder(None)
    with pytest.raises(data.MissingData, match="data/gov is missing"):
        data.folder(tmp_path)
