"""What a question asks for: its types, its question word, the noun it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .text import Text, cut

# Patterns over the folded question; a question may be of several types.
TYPES: tuple[tuple[str, str], ...] = (
    ("who", r"谁|何人|哪位|哪几位|哪些人|什么人|哪个人|哪一位"),
    (
        "when",
        r"何时|什么时候|什么时间|哪一?年|哪几年|哪一?天|几月|几号|几点|哪一?日|哪个月|何年|时间|日期|年份|哪个世纪|时期|年代",
    ),
    (
        "duration",
        r"多久|多长时间|多少[天年月日周]|多少个?(?:小时|工作日|月|分钟)|几[天年周]|几个(?:小时|月|工作日)|期限|时限",
    ),
    (
        "where",
        r"哪里|哪儿|何处|何地|什么地方|什么地点|在哪|位于|哪个(?:城市|国家|省|市|县|地区|地方)|哪国|哪座|地点|地址",
    ),
    (
        "number",
        r"多少|几[个名位家项种次人只条部座场届所级度]|多大|多高|多长|多远|多重|几岁|人数|比例|数量|第几|多深|多宽",
    ),
    ("money", r"多少[钱元]|金额|费用|补贴|补助|标准|价格|罚款|多少万元|资金|贷款"),
    ("phone", r"电话|热线|号码|传真|联系方式"),
    (
        "title",
        r"哪[部本首份篇张]|哪一[部本首份篇张]|什么(?:书|歌|小说|电影|文件|作品)|哪些(?:作品|文件|法律|法规)|依据",
    ),
    ("name", r"名称|名字|叫什么|别名|简称|全称|称为什么|原名|又称|英文名|学名|称号|称作"),
    ("list", r"哪些|哪几|有什么|有何|分别|包括|几个方面|哪[三四两五]|什么措施|什么条件"),
    ("why", r"为什么|为何|原因|因何|由于什么|因为什么|缘由|怎么会"),
    ("how", r"如何|怎么|怎样|怎麽|方式|方法|途径|怎么样|怎么办"),
    ("what", r"什么是|是什么|指什么|是指|定义|含义|意思|是怎样的"),
    ("yes", r"是否|吗|能否|可否|能不能|可不可以|是不是|有没有|要不要"),
    ("effect", r"影响|作用|意义|结果|后果|目的|特点|特征|特色|区别|用途|功能|优点|好处|要求|规定|情况|内容"),
    ("which", r"哪(?:个|一|家|种|项|所|座|支|只|场|届|条|类|国|省|市|区|县|块|艘|架|队|颗)|什么"),
)
PATTERNS = tuple(re.compile(pattern) for _, pattern in TYPES)

# The question word itself, longest first: it splits the question into what stands left and right of the answer.
WORD = re.compile(
    r"什么时候|什么时间|什么地方|什么原因|多长时间|为什么|怎么样|怎么办|哪一年|哪一天|哪一位|哪些人|哪几个|什么样的?|"
    r"哪些|哪里|哪儿|哪个|哪位|哪种|哪家|哪几[个种位项]?|哪[一年天国部本首所座支场届条类]?|什么|多少|多久|多[大高长远重深宽]|何时|何处|何地|何人|"
    r"为何|如何|怎样|怎么|怎麽|谁|是否|能否|可否|几|吗|何"
)
STOP = frozenset("的了是在和与及有吗呢么吧请问被其这该个些哪什谁何怎如样为")
FOCUS = 3


@dataclass(frozen=True)
class Question:
    """A question cut into units, with what is known of it."""

    text: Text
    types: tuple[bool, ...]
    content: tuple[bool, ...]  # units that are no part of a question word and no stop unit
    word: tuple[int, int]  # the units of the question word; at the end of the question when there is none
    focus: tuple[str, ...]  # up to three units of the noun asked about


def focus_of(units: list[str], content: list[bool], word: tuple[int, int]) -> tuple[str, ...]:
    """The content units right after the question word, else the last ones before it."""
    after = word[1]
    while after < len(units) and content[after] and after - word[1] < FOCUS:
        after += 1
    if after > word[1]:
        return tuple(units[word[1] : after])
    end = word[0]
    while end > 0 and not content[end - 1]:
        end -= 1
    start = end
    while start > 0 and content[start - 1] and end - start < FOCUS:
        start -= 1
    return tuple(units[start:end])


def ask(raw: str) -> Question:
    """Understands a question."""
    text = cut(raw)
    types = tuple(pattern.search(text.folded) is not None for pattern in PATTERNS)
    content = [unit not in STOP for unit in text.units]
    word = (len(text), len(text))
    for at, match in enumerate(WORD.finditer(text.folded)):
        inside = [u for u in range(len(text)) if text.starts[u] < match.end() and text.ends[u] > match.start()]
        for u in inside:
            content[u] = False
        if at == 0 and inside:
            word = (inside[0], inside[-1] + 1)
    return Question(text, types, tuple(content), word, focus_of(text.units, content, word))
