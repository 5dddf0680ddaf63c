"""Questions made by rule: fields of Guangdong's service items, and patterns in the articles of statutes.

They teach what CMRC's encyclopaedia questions do not: places, telephones and time limits of a service, conditions and
duties in lists, who is responsible, within how many days, what a term means. Every answer stands verbatim in its
passage.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from . import data
from .data import Example
from .text import SENTENCE, cut

WASTE = ("请问", "请问一下，", "根据规定，", "", "", "", "", "")
FIELDS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "place",
        ("办理地点", "办事地点", "受理地点"),
        ("{n}在哪里办理？", "办{n}去哪儿？", "{n}的办理地点在哪？", "{n}到什么地方办？"),
    ),
    (
        "consult",
        ("咨询电话", "联系电话"),
        ("{n}的咨询电话是多少？", "咨询{n}打什么电话？", "{n}怎么联系？", "{n}咨询热线是多少？"),
    ),
    ("complain", ("监督投诉电话", "投诉电话"), ("{n}的投诉电话是多少？", "投诉{n}打哪个电话？")),
    (
        "limit",
        ("承诺办结时限", "办结时限"),
        ("{n}多久能办好？", "{n}几个工作日办结？", "办理{n}需要多长时间？", "{n}的办理时限是多少天？"),
    ),
    (
        "accept",
        ("受理条件", "申请条件", "办理条件"),
        ("{n}的受理条件是什么？", "申请{n}需要满足哪些条件？", "什么人可以办{n}？"),
    ),
    (
        "material",
        ("申请材料", "所需材料", "材料清单"),
        ("{n}需要哪些材料？", "办{n}要带什么？", "{n}应提交哪些申请材料？"),
    ),
    ("department", ("实施主体", "办理部门"), ("{n}由哪个部门办理？", "{n}归谁管？", "{n}找哪个单位办？")),
    ("who", ("服务对象",), ("哪些人可以办理{n}？", "{n}的服务对象有哪些？")),
)


def service_values(item: dict) -> dict[str, str]:
    """The fields of an item that say something."""
    days = re.fullmatch(r"([0-9]+)\(工作日\)", item.get("handle_time_limit") or "")
    place = (item.get("handle_location") or "").removeprefix("办理地点：")
    material = item.get("material_intro")
    found = {
        "place": "" if place == "无线下办理窗口" else place,
        "consult": item.get("consult_phone") or "",
        "complain": item.get("complain_phone") or "",
        "limit": f"{days[1]}个工作日" if days else "",
        "accept": (item.get("accept_standard") or "").strip(),
        "material": "、".join(material) if isinstance(material, list) else "",
        "department": item.get("DEPT_NAME") or "",
        "who": "、".join(item.get("service_object_name") or []),
    }
    return {key: value for key, value in found.items() if value not in ("", "无") and len(value) <= 500}


def service_examples(root: Path, rng: random.Random, count: int) -> list[Example]:
    """Service guides as a citizen sees them, one question each."""
    found = []
    for at, item in enumerate(data.services(root)):
        values, name = service_values(item), item["TASK_NAME"][:40]
        if len(values) < 4:
            continue
        order = [field for field in FIELDS if field[0] in values]
        rng.shuffle(order)
        parts = [f"{rng.choice(labels)}：{values[key]}" for key, labels, _ in order]
        passage = f"{name}办事指南\n" + ("\n" if rng.random() < 0.7 else "。").join(parts)
        key, _, questions = rng.choice(order)
        found.append(Example(rng.choice(questions).format(n=name), passage, (values[key],), "guangdong", at))
    rng.shuffle(found)
    return found[:count]


def worn(text: str, rng: random.Random, share: float) -> str:
    """A text without some of its units, as people ask with fewer or other words."""
    kept = [u for u in cut(text).units if rng.random() > share]
    return "".join(kept) or text


# Pattern over one sentence; questions with its groups; which group is the answer.
PATTERNS: tuple[tuple[re.Pattern, tuple[str, ...], str], ...] = (
    (
        re.compile(
            r"(?P<s>[^，。；：\n]{0,24}?)由(?P<a>[^，。；：\n]{2,24}?)(?P<v>(?:会同[^，。；]{2,20})?(?:负责|制定|规定|组织|批准|决定|管理|予以)[^，。；：\n]{0,24})"
        ),
        ("{s}由谁{v}？", "{s}由哪个部门{v}？", "谁{v}{s}？", "{s}的{v}由什么机关？"),
        "a",
    ),
    (
        re.compile(
            r"(?P<s>[^。；：\n]{4,50}?)应当(?:自[^，。；]{2,30}之日起|在|于)?(?P<a>[0-9一二三四五六七八九十]+(?:个工作)?日(?:以)?内)(?P<v>[^，。；\n]{3,40})"
        ),
        ("{s}应当在多少日内{v}？", "{v}的期限是多久？", "{s}几天内{v}？", "{s}多长时间{v}？"),
        "a",
    ),
    (
        re.compile(r"(?:本法|本条例|本办法|本规定)?所称(?:的)?(?P<s>[^，。；\n]{2,20})，?是?指(?P<a>[^。\n]{6,120})"),
        ("什么是{s}？", "{s}是什么？", "{s}是指什么？", "{s}的定义是什么？"),
        "a",
    ),
    (
        re.compile(
            r"(?P<s>[^。；\n]{6,60}的)，(?P<a>(?:由[^，。；\n]{4,30})?(?:责令|处|给予|没收|吊销|依法)[^。；\n]{6,120})"
        ),
        ("{s}怎么处罚？", "{s}会受到什么处罚？", "{s}如何处理？", "对{s}有什么处罚？", "{s}罚多少钱？"),
        "a",
    ),
    (
        re.compile(r"(?P<s>[^，。；：\n]{3,30})(?:应当|必须|可以)(?P<a>[^。；：\n]{8,160})"),
        (
            "{s}应当怎么做？",
            "{s}如何做？",
            "{s}有哪些要求？",
            "对{s}有什么规定？",
            "{s}有哪些义务？",
            "{s}需要做什么？",
        ),
        "a",
    ),
    (
        re.compile(r"(?P<s>[^，。；：\n]{3,30})不得(?P<a>[^。；：\n]{6,120})"),
        ("{s}不得做什么？", "{s}有哪些禁止行为？", "禁止{s}做什么？", "{s}不能做哪些事？"),
        "a",
    ),
    (
        re.compile(r"(?P<a>为了?[^。；：\n]{8,120}?)，(?:根据|依据|制定)"),
        ("为什么制定{t}？", "{t}的目的是什么？", "制定{t}是为了什么？"),
        "a",
    ),
    (
        re.compile(
            r"自(?P<a>[0-9一二三四五六七八九十〇]{4}年[0-9一二三四五六七八九十]+月[0-9一二三四五六七八九十]+日)起施行"
        ),
        ("{t}什么时候施行？", "{t}从哪天起生效？", "{t}何时开始实施？"),
        "a",
    ),
)
LIST = re.compile(r"(?P<s>[^。；\n：:]{4,60})[：:]\s*(?P<a>[（(]一[）)].*)", re.S)
LIST_QUESTIONS = {
    "条件": ("{s}需要哪些条件？", "{s}要满足什么条件？"),
    "情形": ("哪些情形下{s}？", "{s}有哪些情形？"),
    "材料": ("{s}要提交哪些材料？", "{s}需要什么材料？"),
    "职责": ("{s}有哪些职责？", "{s}的职责是什么？"),
    "": ("{s}有哪些？", "{s}包括哪些内容？", "{s}包括什么？", "{s}是什么？", "{s}具体有哪些措施？"),
}
LIST_WORDS = re.compile(r"(?:应当)?(?:具备|符合|提交|履行|包括|有)?(?:下列|以下)(?:之一|各项|的)?|之一的?，?")


def list_question(stem: str, rng: random.Random) -> str:
    """A question for a numbered list with this heading."""
    kind = next((word for word in LIST_QUESTIONS if word and word in stem), "")
    bare = LIST_WORDS.sub("", stem).strip("，的 ") or stem
    return rng.choice(LIST_QUESTIONS[kind]).format(s=bare)


def article_questions(name: str, text: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Questions about an article, each with its answer."""
    title = re.sub(r"第[一二三四五六七八九十百千零]+条.*$", "", name)
    found = LIST.search(text)
    if found and len(found["a"]) <= 400:
        yield list_question(found["s"], rng), found["a"].strip()
    for pattern, questions, group in PATTERNS:
        found = pattern.search(text)
        if found:
            parts = {key: (value or "").strip("，、的") for key, value in found.groupdict().items()} | {"t": title}
            yield rng.choice(questions).format(**parts), found[group]


def statute_examples(root: Path, rng: random.Random, count: int) -> list[Example]:
    """Articles of one law after another as a passage, with questions about one of them."""
    articles = data.statutes(root)
    found = []
    while len(found) < count:
        at = rng.randrange(len(articles))
        made = list(article_questions(articles[at]["name"], articles[at]["text"], rng))
        if not made:
            continue
        question, answer = rng.choice(made)
        law = articles[at]["path"]
        first = max(at - rng.randrange(5), 0)
        group = [a for a in articles[first : first + rng.randrange(1, 8)] if a["path"] == law] or [articles[at]]
        if articles[at] not in group:
            group = [articles[at]]
        joint = rng.choice(("\n", "\n", " "))
        # The number of an article is at the end of its name.
        parts = [re.sub(r"^.*?(第[一二三四五六七八九十百千零]+条)", r"\1", a["name"]) + " " + a["text"] for a in group]
        passage = joint.join(parts)
        if joint == " ":
            passage, answer = passage.replace("\n", " "), answer.replace("\n", " ")
        if answer not in passage or len(passage) > 1500:
            continue
        asked = rng.choice(WASTE) + (question if rng.random() < 0.4 else reworded(question, rng))
        found.append(Example(asked, passage, (answer,), "statutes", articles[at]["id"]))
    return found


def reworded(question: str, rng: random.Random) -> str:
    """The question with a tenth to a third of its words before the last few lost."""
    head, tail = question[:-8], question[-8:]
    return worn(head, rng, rng.choice((0.1, 0.2, 0.35))) + tail if head else question


def lay_examples(root: Path, least: float = 0.35) -> list[tuple[Example, float]]:
    """STARD's train questions with the article that their lay answer repeats most, and how much it does.

    The answer is not verbatim: it serves as a reference that candidates are compared with by their pairs of units.
    """
    articles = data.statutes(root)
    found = []
    for row in data.stard_train(root):
        reference = pairs(row["answer"])
        best = max(row["relevant"], key=lambda a: len(pairs(articles[a]["text"]) & reference))
        share = len(pairs(articles[best]["text"]) & reference) / max(len(reference), 1)
        if share >= least:
            found.append((Example(row["question"], articles[best]["text"], (row["answer"],), "stard", best), share))
    return found


def pairs(text: str) -> set[str]:
    """Pairs of units that stand side by side in a sentence."""
    t = cut(text)
    return {t.units[u] + t.units[u + 1] for u in range(len(t) - 1) if t.gaps[u + 1] != SENTENCE}
