"""Makes datasets/gov/laws: current statutes in full, from the articles of the LawRefBook corpus and the headings below.

The corpus (`data/gov/stard/corpus.jsonl.gz` under STRATA_SHARED) has the articles only, so titles, histories and chapter
headings stand here. Half-width punctuation of the corpus becomes full-width, as in the gazettes.
Run: STRATA_SHARED=... python datasets/gov/make_laws.py; the .html, .docx and GB18030 files come from make_formats.py.
"""

import gzip
import json
import os
import pathlib
import re

HERE = pathlib.Path(__file__).parent
DIGITS = "零一二三四五六七八九"
# Written by make_formats.py in other formats.
OTHER_FORMATS = {"consumer-protection", "legal-aid", "residence-permit"}

# name: (name in the corpus, title, front matter, history, headings as (first article, heading))
LAWS = {
    "labour-contract": (
        "劳动合同法",
        "中华人民共和国劳动合同法",
        {"version": "2012修正", "published": "2012-12-28", "effective_from": "2013-07-01", "issuer": "全国人民代表大会常务委员会"},
        "2007年6月29日第十届全国人民代表大会常务委员会第二十八次会议通过 根据2012年12月28日第十一届全国人民代表大会常务委员会"
        "第三十次会议《关于修改〈中华人民共和国劳动合同法〉的决定》修正",
        [
            (1, "第一章 总则"), (7, "第二章 劳动合同的订立"), (29, "第三章 劳动合同的履行和变更"),
            (36, "第四章 劳动合同的解除和终止"), (51, "第五章 特别规定"), (51, "第一节 集体合同"),
            (57, "第二节 劳务派遣"), (68, "第三节 非全日制用工"), (73, "第六章 监督检查"), (80, "第七章 法律责任"),
            (96, "第八章 附则"),
        ],
    ),
    "administrative-licence": (
        "行政许可法",
        "中华人民共和国行政许可法",
        {"version": "2019修正", "published": "2019-04-23", "effective_from": "2019-04-23", "issuer": "全国人民代表大会常务委员会"},
        "2003年8月27日第十届全国人民代表大会常务委员会第四次会议通过 根据2019年4月23日第十三届全国人民代表大会常务委员会第十次"
        "会议《关于修改〈中华人民共和国建筑法〉等八部法律的决定》修正",
        [
            (1, "第一章 总则"), (11, "第二章 行政许可的设定"), (22, "第三章 行政许可的实施机关"),
            (29, "第四章 行政许可的实施程序"), (29, "第一节 申请与受理"), (34, "第二节 审查与决定"), (42, "第三节 期限"),
            (46, "第四节 听证"), (49, "第五节 变更与延续"), (51, "第六节 特别规定"), (58, "第五章 行政许可的费用"),
            (60, "第六章 监督检查"), (71, "第七章 法律责任"), (82, "第八章 附则"),
        ],
    ),
    "government-information": (
        "政府信息公开条例",
        "中华人民共和国政府信息公开条例",
        {"version": "2019修订", "published": "2019-04-03", "effective_from": "2019-05-15", "issuer": "国务院", "number": "国务院令第711号"},
        "2007年4月5日中华人民共和国国务院令第492号公布 2019年4月3日中华人民共和国国务院令第711号修订",
        [
            (1, "第一章 总则"), (10, "第二章 公开的主体和范围"), (19, "第三章 主动公开"), (27, "第四章 依申请公开"),
            (46, "第五章 监督和保障"), (54, "第六章 附则"),
        ],
    ),
    "road-traffic-safety": (
        "道路交通安全法",
        "中华人民共和国道路交通安全法",
        {"version": "2021修正", "published": "2021-04-29", "effective_from": "2021-04-29", "issuer": "全国人民代表大会常务委员会"},
        "2003年10月28日第十届全国人民代表大会常务委员会第五次会议通过 根据2007年12月29日第十届全国人民代表大会常务委员会"
        "第三十一次会议《关于修改〈中华人民共和国道路交通安全法〉的决定》第一次修正 根据2011年4月22日第十一届全国人民代表大会"
        "常务委员会第二十次会议《关于修改〈中华人民共和国道路交通安全法〉的决定》第二次修正 根据2021年4月29日第十三届全国人民"
        "代表大会常务委员会第二十八次会议《关于修改〈中华人民共和国道路交通安全法〉等八部法律的决定》第三次修正",
        [
            (1, "第一章 总则"), (8, "第二章 车辆和驾驶人"), (8, "第一节 机动车、非机动车"), (19, "第二节 机动车驾驶人"),
            (25, "第三章 道路通行条件"), (35, "第四章 道路通行规定"), (35, "第一节 一般规定"), (42, "第二节 机动车通行规定"),
            (57, "第三节 非机动车通行规定"), (61, "第四节 行人和乘车人通行规定"), (67, "第五节 高速公路的特别规定"),
            (70, "第五章 交通事故处理"), (78, "第六章 执法监督"), (87, "第七章 法律责任"), (119, "第八章 附则"),
        ],
    ),
    "consumer-protection": (
        "消费者权益保护法",
        "中华人民共和国消费者权益保护法",
        {"version": "2013修正", "published": "2013-10-25", "effective_from": "2014-03-15", "issuer": "全国人民代表大会常务委员会"},
        "1993年10月31日第八届全国人民代表大会常务委员会第四次会议通过 根据2009年8月27日第十一届全国人民代表大会常务委员会"
        "第十次会议《关于修改部分法律的决定》第一次修正 根据2013年10月25日第十二届全国人民代表大会常务委员会第五次会议《关于"
        "修改〈中华人民共和国消费者权益保护法〉的决定》第二次修正",
        [
            (1, "第一章 总则"), (7, "第二章 消费者的权利"), (16, "第三章 经营者的义务"),
            (30, "第四章 国家对消费者合法权益的保护"), (36, "第五章 消费者组织"), (39, "第六章 争议的解决"),
            (48, "第七章 法律责任"), (62, "第八章 附则"),
        ],
    ),
    "administrative-penalty": (
        "行政处罚法",
        "中华人民共和国行政处罚法",
        {"version": "2021修订", "published": "2021-01-22", "effective_from": "2021-07-15", "issuer": "全国人民代表大会常务委员会"},
        "1996年3月17日第八届全国人民代表大会第四次会议通过 根据2009年8月27日第十一届全国人民代表大会常务委员会第十次会议"
        "《关于修改部分法律的决定》第一次修正 根据2017年9月1日第十二届全国人民代表大会常务委员会第二十九次会议《关于修改"
        "〈中华人民共和国法官法〉等八部法律的决定》第二次修正 2021年1月22日第十三届全国人民代表大会常务委员会第二十五次会议修订",
        [
            (1, "第一章 总则"), (9, "第二章 行政处罚的种类和设定"), (17, "第三章 行政处罚的实施机关"),
            (22, "第四章 行政处罚的管辖和适用"), (39, "第五章 行政处罚的决定"), (39, "第一节 一般规定"), (51, "第二节 简易程序"),
            (54, "第三节 普通程序"), (63, "第四节 听证程序"), (66, "第六章 行政处罚的执行"), (76, "第七章 法律责任"),
            (84, "第八章 附则"),
        ],
    ),
    "social-insurance": (
        "社会保险法",
        "中华人民共和国社会保险法",
        {"version": "2018修正", "published": "2018-12-29", "effective_from": "2018-12-29", "issuer": "全国人民代表大会常务委员会"},
        "2010年10月28日第十一届全国人民代表大会常务委员会第十七次会议通过 根据2018年12月29日第十三届全国人民代表大会常务"
        "委员会第七次会议《关于修改〈中华人民共和国社会保险法〉的决定》修正",
        [
            (1, "第一章 总则"), (10, "第二章 基本养老保险"), (23, "第三章 基本医疗保险"), (33, "第四章 工伤保险"),
            (44, "第五章 失业保险"), (53, "第六章 生育保险"), (57, "第七章 社会保险费征缴"), (64, "第八章 社会保险基金"),
            (72, "第九章 社会保险经办"), (76, "第十章 社会保险监督"), (84, "第十一章 法律责任"), (95, "第十二章 附则"),
        ],
    ),
    "fire-protection": (
        "消防法",
        "中华人民共和国消防法",
        {"version": "2021修正", "published": "2021-04-29", "effective_from": "2021-04-29", "issuer": "全国人民代表大会常务委员会"},
        "1998年4月29日第九届全国人民代表大会常务委员会第二次会议通过 2008年10月28日第十一届全国人民代表大会常务委员会第五次"
        "会议修订 根据2019年4月23日第十三届全国人民代表大会常务委员会第十次会议《关于修改〈中华人民共和国建筑法〉等八部法律的"
        "决定》第一次修正 根据2021年4月29日第十三届全国人民代表大会常务委员会第二十八次会议《关于修改〈中华人民共和国道路交通"
        "安全法〉等八部法律的决定》第二次修正",
        [
            (1, "第一章 总则"), (8, "第二章 火灾预防"), (35, "第三章 消防组织"), (43, "第四章 灭火救援"),
            (52, "第五章 监督检查"), (58, "第六章 法律责任"), (73, "第七章 附则"),
        ],
    ),
    "noise-pollution": (
        "噪声污染防治法",
        "中华人民共和国噪声污染防治法",
        {"published": "2021-12-24", "effective_from": "2022-06-05", "issuer": "全国人民代表大会常务委员会"},
        "2021年12月24日第十三届全国人民代表大会常务委员会第三十二次会议通过",
        [
            (1, "第一章 总则"), (13, "第二章 噪声污染防治标准和规划"), (22, "第三章 噪声污染防治的监督管理"),
            (34, "第四章 工业噪声污染防治"), (39, "第五章 建筑施工噪声污染防治"), (44, "第六章 交通运输噪声污染防治"),
            (59, "第七章 社会生活噪声污染防治"), (71, "第八章 法律责任"), (88, "第九章 附则"),
        ],
    ),
    "legal-aid": (
        "法律援助法",
        "中华人民共和国法律援助法",
        {"published": "2021-08-20", "effective_from": "2022-01-01", "issuer": "全国人民代表大会常务委员会"},
        "2021年8月20日第十三届全国人民代表大会常务委员会第三十次会议通过",
        [
            (1, "第一章 总则"), (12, "第二章 机构和人员"), (22, "第三章 形式和范围"), (35, "第四章 程序和实施"),
            (52, "第五章 保障和监督"), (61, "第六章 法律责任"), (68, "第七章 附则"),
        ],
    ),
    "residence-permit": (
        "居住证暂行条例",
        "居住证暂行条例",
        {"published": "2015-11-26", "effective_from": "2016-01-01", "issuer": "国务院", "number": "国务院令第663号"},
        "2015年11月26日中华人民共和国国务院令第663号公布 自2016年1月1日起施行",
        [],
    ),
}


def numeral(n: int) -> str:
    """A number below 1,000 as laws write it: 一百零五, 十二."""
    hundreds, tens, ones = n // 100, n // 10 % 10, n % 10
    out = DIGITS[hundreds] + "百" if hundreds else ""
    if tens:
        out += ("" if tens == 1 and not hundreds else DIGITS[tens]) + "十"
    elif hundreds and ones:
        out += "零"
    return out + (DIGITS[ones] if ones else "")


def full_width(text: str) -> str:
    """Punctuation as the gazettes print it."""
    text = re.sub(r"(?<=[^\x00-\x7f])[:,;]", lambda m: {":": "：", ",": "，", ";": "；"}[m[0]], text)
    return text.replace("(", "（").replace(")", "）").replace("<", "〈").replace(">", "〉")


def articles(work: str) -> list[tuple[str, str]]:
    """Number and text of every article of a law, in order; refuses a law with a gap or with inserted articles."""
    path = pathlib.Path(os.environ["STRATA_SHARED"]) / "data/gov/stard/corpus.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [r for r in map(json.loads, lines) if re.fullmatch(work + "第[^第]*条", r["name"])]
    out = []
    for place, record in enumerate(records, 1):
        number = f"第{numeral(place)}条"
        if record["name"] != work + number:
            raise SystemExit(f"{work}: expected {number}, found {record['name']}")
        out.append((number, full_width(record["text"].strip())))
    return out


def paragraphs(name: str) -> list[tuple[str, str]]:
    """A law as paragraphs: (style, text), style being title, history, chapter, section or text."""
    work, title, _, history, headings = LAWS[name]
    out = [("title", title), ("history", f"（{history}）")]
    for place, (number, text) in enumerate(articles(work), 1):
        out += [("section" if "节 " in h else "chapter", h) for first, h in headings if first == place]
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        out.append(("text", f"{number}　{lines[0]}"))
        out += [("text", line) for line in lines[1:]]
    return out


def markdown(name: str) -> str:
    """A law as Markdown with front matter."""
    front = {"kind": "law", **LAWS[name][2]}
    marks = {"title": "# ", "chapter": "## ", "section": "### "}
    body = "\n\n".join(marks.get(style, "") + text for style, text in paragraphs(name))
    return "---\n" + "".join(f"{k}: {v}\n" for k, v in front.items()) + f"---\n\n{body}\n"


if __name__ == "__main__":
    for name in sorted(set(LAWS) - OTHER_FORMATS):
        (HERE / f"laws/{name}.md").write_text(markdown(name), encoding="utf-8")
