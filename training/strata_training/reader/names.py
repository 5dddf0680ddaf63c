"""Names of the features, in order, and the classes of units and words they are about."""

from __future__ import annotations

from . import entities
from .question import TYPES

NEAR, FAR = 6, 16  # units of the windows beside a candidate
PAIR = 2.0  # weight of a pair of units against one unit
DECAYS = (0.75, 0.93)
KINDS = entities.NAMES
# Entity types that answer a type of question.
EXPECTED = {
    "when": ("date",),
    "duration": ("duration", "date"),
    "number": ("number", "percent", "duration"),
    "money": ("money", "percent"),
    "phone": ("phone",),
    "title": ("title",),
    "name": ("quote", "title", "latin"),
    "who": ("person",),
}
# Classes of the unit before a candidate and of the one after it.
CUES = (
    ("is", "为是即叫称名成"),
    ("at", "在于至到向往自从"),
    ("by", "由被让给"),
    ("with", "以用过按经"),
    ("and", "和与及或、"),
    ("of", "的"),
    ("did", "了过着"),
    ("has", "有括含"),
    ("rest", "等者时后前中上下内"),
)
LASTS = (
    ("place", "省市县区州镇乡村路街国岛山河湖洲港"),
    ("organisation", "部局委厅院会司学行心府关校织团队社室站党军办"),
    ("person", "人员者长家生士帝王"),
    ("thing", "法案例书剧片赛奖机车病"),
    ("number", "年月日元个名万亿号时天米岁次"),
)
SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻苏潘葛范彭鲁韦马方俞任袁柳史唐费薛雷贺"
    "汤罗毕郝邬安常于傅康余顾孟黄穆萧尹姚邵汪毛宋庞熊纪舒项祝董梁杜蓝季贾江童颜郭梅林钟徐邱骆高夏蔡田胡凌霍万柯卢"
    "莫房解丁邓石崔吉龚程邢裴陆翁段侯武刘龙叶白廖尚温庄曾关向欧"
)
WORDS = (
    ("cause", ("因", "由于", "所以", "导致", "原因")),
    ("purpose", ("为了", "以便", "旨在", "从而", "使得")),
    ("manner", ("通过", "采取", "采用", "利用", "方式", "按照", "根据")),
    ("modal", ("应当", "可以", "不得", "必须", "需要", "严禁", "要")),
    ("define", ("是指", "是一", "又称", "简称", "称为", "是由")),
    ("include", ("包括", "分为", "分别", "主要", "以及", "其中")),
    ("not", ("不", "没", "无", "未", "非")),
)
WINDOWS = (
    "inside",
    "left_near",
    "left_far",
    "right_near",
    "right_far",
    "clauses",
    "sentences",
    "around",
    "previous",
    "next",
)


def names() -> tuple[str, ...]:
    """Names of the features, in order."""
    found = [f"cover_{w}" for w in WINDOWS] + ["relative", "rank", "best_in", "pairs_inside", "pairs_sentences"]
    found += [f"{side}_{d}" for d in ("slow", "fast")[::-1] for side in ("before", "after")]
    found += ["run_before", "run_after", "run_inside_start", "run_inside_end", "word_before", "word_after"]
    found += ["asked_left", "asked_right", "asked_left_swapped", "asked_right_swapped"]
    found += ["focus_inside", "focus_left", "focus_right", "focus_last", "focus_sentence"]
    found += [f"is_{k}" for k in KINDS] + [f"has_{k}" for k in KINDS]
    found += ["expected", "expected_is", "expected_has", "expected_share"]
    found += [f"prev_{c}" for c, _ in CUES] + [
        "prev_sentence",
        "prev_clause",
        "prev_colon",
        "prev_open",
        "prev_enumeration",
    ]
    found += [f"next_{c}" for c, _ in CUES] + [
        "next_sentence",
        "next_clause",
        "next_colon",
        "next_close",
        "next_enumeration",
    ]
    found += [f"last_{c}" for c, _ in LASTS] + ["surname", "numbered", "digits"]
    found += [f"word_{w}" for w, _ in WORDS] + [f"before_{w}" for w, _ in WORDS[:3]]
    found += [
        "length",
        "clauses",
        "sentences",
        "enumerations",
        "from_sentence",
        "to_sentence",
        "from_clause",
        "to_clause",
    ]
    found += [
        "place",
        "first_sentence",
        "idf",
        "colon_inside",
        "bond_before",
        "bond_after",
        "passage_cover",
        "question_length",
        "passage_length",
    ]
    found += [f"ask_{t}" for t, _ in TYPES]
    return tuple(found)


NAMES = names()
