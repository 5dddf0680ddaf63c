"""Golden files: one for the ONNX graph, one for everything before and after it.

The passages are statutes, service guides and sentences written here, so that the file carries no other licence.
"""

from __future__ import annotations

import json

import numpy as np

from . import choose, features
from .idf import Idf
from .network import Scorer, score

TOLERANCE = 1e-4
ROWS = 10  # candidates of a case whose features are written out

CASES: tuple[tuple[str, str], ...] = (
    (
        "办理居住证需要多长时间？",
        "居住证办理指南\n受理条件：在本市居住半年以上的公民。\n办理时限：自受理之日起15个工作日内制发。\n咨询电话：020-12345678。",
    ),
    (
        "居住证的咨询电话是多少？",
        "居住证办理指南\n受理条件：在本市居住半年以上的公民。\n办理时限：自受理之日起15个工作日内制发。\n咨询电话：020-12345678。",
    ),
    (
        "谁可以申请公共租赁住房？",
        "第四条　申请公共租赁住房，应当符合下列条件：（一）在本地无住房或者住房面积低于规定标准；（二）收入、财产低于规定标准；（三）申请人为外来务工人员的，在本地稳定就业达到规定年限。",
    ),
    (
        "食品生产许可证的有效期是几年？",
        "食品生产许可证有效期为5年。有效期届满需要延续的，应当在届满30个工作日前提出申请。",
    ),
    (
        "对不按规定处置医疗废物的单位怎么处罚？",
        "医疗卫生机构不按照规定处置医疗废物的，由县级以上地方人民政府卫生行政主管部门责令限期改正，给予警告；逾期不改正的，处5000元以上3万元以下的罚款。构成犯罪的，依法追究刑事责任。",
    ),
    ("什么是个体工商户？", "第五十四条 自然人从事工商业经营，经依法登记，为个体工商户。个体工商户可以起字号。"),
    ("《劳动合同法》什么时候起施行？", "第九十八条 本法自2008年1月1日起施行。"),
    (
        "市政府出台了哪些稳岗措施？",
        "为稳定就业，市政府出台三项措施： 一、返还失业保险费50%； 二、缓缴社会保险费，最长6个月； 三、发放一次性吸纳就业补贴，每人1000元。",
    ),
    (
        "每人能领多少补贴？",
        "为稳定就业，市政府出台三项措施： 一、返还失业保险费50%； 二、缓缴社会保险费，最长6个月； 三、发放一次性吸纳就业补贴，每人1000元。",
    ),
    ("小微企业贷款由哪个部门负责？", "市金融工作局会同人民银行负责小微企业贷款风险补偿工作，资金由市财政局安排。"),
    ("政务服务中心在哪里？", "办事大厅设在市民中心B座2楼（福中三路），周一至周五9:00至17:30开放，APP名称为“i深圳”。"),
    (
        "政务服务的App叫什么名字？",
        "办事大厅设在市民中心B座2楼（福中三路），周一至周五9:00至17:30开放，APP名称为“i深圳”。",
    ),
    (
        "企业是否可以延期缴纳税款？",
        "纳税人因有特殊困难，不能按期缴纳税款的，经省、自治区、直辖市税务局批准，可以延期缴纳税款，但是最长不得超过三个月。",
    ),
    (
        "为什么要进行垃圾分类？",
        "为了加强生活垃圾管理，改善城乡环境，保障公众健康，根据有关法律，制定本条例。单位和个人应当分类投放生活垃圾。",
    ),
    (
        "如何申请法律援助？",
        "公民申请代理、刑事辩护的法律援助，应当提交下列证件、证明材料：身份证；经济困难的证明；与所申请法律援助事项有关的案件材料。",
    ),
    ("今天天气怎么样？", "纳税人应当依照法律、行政法规的规定办理纳税申报。"),
    ("ISO 9001:2015认证补贴比例？", "通过ISO 9001:2015认证的企业,按认证费用的 50% 给予补助,最高不超过 20,000 元。"),
    ("负责人是谁？", "项目负责人：买买提·艾力；联系人：王小明，电话13800000000。"),
    ("？", "只有标点的问题。"),
    ("没有内容的段落？", "……（）"),
)


def graph(models: list[Scorer], table: Idf) -> str:
    """The golden example of the ONNX graph: the candidates of the first case, and what torch says."""
    rows = features.read(*CASES[0], table).features
    rows = rows[:: max(len(rows) // 16, 1)]
    example = {
        "inputs": {"features": {"shape": list(rows.shape), "data": [number(v) for v in rows.ravel()]}},
        "outputs": {"scores": {"shape": [len(rows)], "data": [number(v) for v in score(models, rows)]}},
        "tolerance": TOLERANCE,
    }
    return json.dumps(example, separators=(",", ":"))


def number(value: float) -> float | int:
    """A float32 with as few digits as bring it back."""
    value = float(np.format_float_positional(np.float32(value), unique=True))
    return int(value) if value == int(value) else value


def case(models: list[Scorer], table: Idf, question: str, passage: str) -> dict:
    """One case: units, candidates, features of some, scores of all, the answer."""
    read = features.read(question, passage, table)
    asked = features.ask(question)
    found = {
        "question": question,
        "passage": passage,
        "types": [name for (name, _), is_it in zip(features.TYPES, asked.types) if is_it],
        "word": list(asked.word),
        "focus": list(asked.focus),
        "units": read.text.units,
        "gaps": read.text.gaps,
        "spans": read.spans.ravel().tolist(),
        "characters": read.characters.ravel().tolist(),
    }
    if not len(read.spans):
        return found | {"rows": [], "features": [], "scores": [], "answer": None}
    scores = score(models, read.features)
    rows = list(range(0, len(scores), max(len(scores) // ROWS, 1)))[:ROWS]
    at, confidence = choose.answer(scores, read.spans)
    first, last = read.characters[at].tolist()
    return found | {
        "rows": rows,
        "features": [[number(v) for v in read.features[r]] for r in rows],
        "scores": [number(v) for v in scores],
        "answer": {"candidate": at, "start": first, "end": last, "text": passage[first:last], "confidence": confidence},
    }


def cases(models: list[Scorer], table: Idf) -> str:
    """All cases, one a line."""
    made = [json.dumps(case(models, table, *pair), ensure_ascii=False, separators=(",", ":")) for pair in CASES]
    return '{"features":' + json.dumps(features.NAMES) + ',"cases":[\n' + ",\n".join(made) + "\n]}\n"
