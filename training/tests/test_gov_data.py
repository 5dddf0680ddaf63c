"""The sample documents of datasets/gov: answers stand where they are said to, and the check sees it when they do not."""

import importlib.util
import json
import pathlib
import sys

import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "datasets/gov"
sys.path.insert(0, str(FOLDER))
SPEC = importlib.util.spec_from_file_location("gov_check", FOLDER / "check.py")
check = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check)


def test_nothing_is_wrong():
    assert check.wrong_questions() == []
    assert check.wrong_cases() == []
    assert check.wrong_drafts() == []


def altered(monkeypatch, name, **changes):
    """Lets the check read one file's first record with changes."""
    real = check.records

    def records(asked):
        rows = real(asked)
        return [{**rows[0], **changes}, *rows[1:]] if asked == name else rows

    monkeypatch.setattr(check, "records", records)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("questions/ask.jsonl", {"answer": "应当自用工之日起二个月内订立书面劳动合同"}),
        ("questions/ask.jsonl", {"address": "第十条第一款"}),
        ("questions/ask.jsonl", {"address": "第九百条"}),
        ("questions/ask.jsonl", {"as_of": "2013-06-30"}),
        ("questions/versions.jsonl", {"doc": "notices/ebike-2024.md"}),
    ],
)
def test_a_wrong_answer_or_address_is_seen(monkeypatch, name, changes):
    altered(monkeypatch, name, **changes)
    assert len({problem.split(":")[0] for problem in check.wrong_questions()}) == 1


def test_a_wrong_department_and_lost_personal_data_are_seen(monkeypatch):
    altered(monkeypatch, "hotline/cases.jsonl", department="气象局")
    assert len(check.wrong_cases()) == 1
    altered(monkeypatch, "hotline/personal.jsonl", personal=[{"kind": "phone", "text": "19999999999"}])
    assert len(check.wrong_cases()) == 2


def test_addresses_count_paragraphs_and_items():
    law = "laws/labour-contract.md"
    assert check.at(law, "第十四条第三款").startswith("用人单位自用工之日起满一年不与劳动者订立书面劳动合同的")
    assert check.at(law, "第十四条第二款第（三）项").startswith("（三）连续订立二次固定期限劳动合同")
    assert check.at("notices/lift-2024.md", "三、（二）").startswith("（二）财政补助标准")
    assert check.at("guides/services.xlsx", "水质检测申请").split("\t")[3] == "5个工作日"


def test_personal_data_is_marked_and_made_up():
    weights, digits = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2], "10X98765432"
    kinds = {}
    for record in check.records("hotline/personal.jsonl"):
        for personal in record["personal"]:
            kinds.setdefault(personal["kind"], []).append(personal["text"])
    assert set(kinds) == {"name", "phone", "id", "plate", "address", "bank", "email"}
    for number in kinds["id"]:
        # 2299 is the code of no place; the check digit is right, so that a mask with a check finds it.
        assert number.startswith("2299")
        assert digits[sum(int(d) * w for d, w in zip(number, weights)) % 11] == number[17]
    assert all(phone.startswith("1990000") for phone in kinds["phone"])


def test_versions_follow_each_other():
    rows = check.records("questions/versions.jsonl")
    assert len(rows) == 30
    by_question = {}
    for row in rows:
        by_question.setdefault(row["question"], []).append(row)
    for group in by_question.values():
        assert [row["as_of"] for row in group] == ["2020-06-01", "2022-06-01", "2025-06-01"]
        assert len({row["doc"] for row in group}) == 3


def test_every_expected_finding_occurs():
    findings = set()
    for path in (FOLDER / "drafts").glob("*.json"):
        findings |= {entry["finding"] for entry in json.loads(path.read_text(encoding="utf-8"))["citations"]}
    assert findings == {"ok", "wrong-article", "misquoted", "no-such-article", "superseded", "repealed", "unknown-work"}
