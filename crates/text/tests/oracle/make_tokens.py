"""Makes the golden token files with the Python package `tokenizers`:

    python make_tokens.py ../../../testkit/data/wordpiece.json ../data/wordpiece.json
    python make_tokens.py SHARED/models/text/bge-small-zh-v1.5-tokenizer/tokenizer.json ../data/bge-small-zh.json

Each case has a text, or a pair of texts, the most tokens, and the numbers and types that come out.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer

TEXTS = [
    "",
    " \n\t\u3000",
    "劳动合同法第一条",
    "申请人是不是应当办理身份证？",
    "COVID-19 working, 2020年12月；WTO café CAFE\u0301",
    "为这个句子生成表示以用于检索相关文章：工作日",
    "国发〔2020〕1号《关于……的通知》",
    "ＷＴＯ（１２３）％ 3.5% ①②㎡",
    "a\u0000b\ufffdc\u200bd\u00ade",
    "𠀀𠮷龘 한국어 かな ГОСТ",
    "x" * 101 + " " + "y" * 100,
    "[CLS]劳动[SEP][MASK]",
    "第一条 为了" * 30,
]
PAIRS = [
    ("劳动合同", "应当办理"),
    ("", "办理时限"),
    ("办理时限", ""),
    ("申请人的工作日" * 4, "不应当" * 20),
    ("不应当" * 20, "申请人的工作日" * 4),
    ("办理时限", "市政府" * 30),
]


def main() -> None:
    source, out = map(pathlib.Path, sys.argv[1:])
    tokenizer = Tokenizer.from_file(str(source))
    cases = []
    for most in (512, 16):
        tokenizer.enable_truncation(most)
        for text in TEXTS:
            made = tokenizer.encode(text)
            cases.append({"text": text, "most": most, "ids": made.ids, "types": made.type_ids})
    # Where each text of a pair alone is beyond the limit, releases of the library differ in which gets the odd token.
    for most in (512, 40):
        tokenizer.enable_truncation(most)
        for first, second in PAIRS:
            made = tokenizer.encode(first, second)
            cases.append({"text": first, "pair": second, "most": most, "ids": made.ids, "types": made.type_ids})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    out.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
