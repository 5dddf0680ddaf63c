"""Makes the files of datasets/gov that are not plain UTF-8: .docx, .xlsx, .pdf, .html and a GB18030 .txt.

Needs python-docx, openpyxl, reportlab and fonttools, Noto Sans CJK SC (SIL Open Font License; only the glyphs that the
notice uses are embedded), and STRATA_SHARED for the statutes. Run: python datasets/gov/make_formats.py NotoSansCJK-Regular.ttc
"""

import datetime
import html
import io
import pathlib
import re
import sys
import tempfile
import zipfile

import make_laws

HERE = pathlib.Path(__file__).parent
# One moment for every file, so that the same command gives the same bytes.
MOMENT = datetime.datetime(2025, 4, 1)

SHEET_NAME = "便民服务事项"
HEADER = ["序号", "事项名称", "主管部门", "申请材料", "办理时限", "收费标准", "办理地点", "咨询电话"]
ROWS = [
    ["无犯罪记录证明", "公安局", "本人身份证；委托办理的，另需委托书和受托人身份证", "3个工作日", "不收费", "居住地派出所；“临江公安”公众号", "0600-8866109"],
    ["机动车临时号牌核发", "公安局", "机动车所有人身份证明；购车发票；交通事故责任强制保险凭证", "当场办结", "每副5元", "市车辆管理所；新车销售服务站", "0600-8866107"],
    ["巡游出租汽车服务投诉", "交通运输局", "车牌号或者车票；乘车时间和地点", "10个工作日", "不收费", "市交通运输综合行政执法支队", "0600-8866195"],
    ["退休人员养老金资格认证", "人力资源和社会保障局", "身份证；行动不便的可以预约上门", "当场办结", "不收费", "“临江人社”手机应用；社区便民服务站", "12333"],
    ["家庭经济困难学生资助", "教育局", "资助申请表；家庭经济困难认定材料（低保、特困学生由系统核验）", "20个工作日", "不收费", "学生就读学校", "0600-8866015"],
    ["预防接种证补办", "卫生健康委员会", "儿童户口簿；监护人身份证", "当场办结", "不收费", "居住地社区卫生服务中心预防接种门诊", "0600-8866154"],
    ["房屋租赁合同备案", "住房和城乡建设局", "租赁合同；租赁双方身份证；房屋权属证明", "3个工作日", "不收费", "街道（乡镇）便民服务中心；“临江办”手机应用", "0600-8866165"],
    ["公共场所临时占用审批", "城市管理局", "申请书；占用方案和恢复承诺", "5个工作日", "按照占用面积每平方米每日0.3元", "市民中心二楼城管窗口B06", "0600-8866172"],
    ["特种设备使用登记", "市场监督管理局", "使用登记表；产品合格证；监督检验证明", "5个工作日", "不收费", "县（区）政务服务中心市场监管窗口", "0600-8866185"],
    ["残疾人两项补贴申请", "民政局", "残疾人证；身份证；社会保障卡", "15个工作日", "不收费", "户籍地街道（乡镇）便民服务中心；可以全国通办", "0600-8866148"],
    ["不动产登记资料查询", "自然资源和规划局", "查询人身份证；委托查询的，另需公证委托书", "当场办结", "不收费", "市不动产登记中心自助查询机", "0600-8866157"],
    ["水质检测申请", "水务局", "用户编号；联系方式", "5个工作日", "不收费", "供水集团客户服务中心", "0600-96390"],
    ["门诊慢特病资格认定", "医疗保障局", "病历资料或者诊断证明；身份证", "15个工作日", "不收费", "定点二级以上医院医保办", "0600-8866123"],
]

NOTICE = [
    ("title", "临江市人民政府办公室关于推行政务服务延时错时服务的通知"),
    ("centre", "临政办发〔2025〕6号"),
    ("text", "各县（区）人民政府，市政府各部门、各直属机构："),
    ("text", "为解决企业和群众“上班没空办、下班没处办”的问题，经市人民政府同意，现就推行政务服务延时错时服务有关事项通知如下："),
    ("heading", "一、服务范围"),
    ("text", "市民中心、各县（区）政务服务中心以及街道（乡镇）便民服务中心的公安、社保、医保、税务、不动产登记、市场监管窗口，实行延时错时服务。"),
    ("heading", "二、服务时间"),
    ("text", "（一）工作日午间12:00至13:30实行轮班值守，窗口不打烊。"),
    ("text", "（二）每周三延时至20:00，受理当日18:00前预约的业务。"),
    ("text", "（三）每周六9:00至12:00提供预约服务，法定节假日除外。"),
    ("heading", "三、预约方式"),
    ("text", "（一）通过“临江办”手机应用预约，可以预约未来七日内的时段。"),
    ("text", "（二）拨打12345或者市民中心总服务台0600-8866000预约。"),
    ("text", "（三）老年人、残疾人可以现场取号，优先办理，无需预约。"),
    ("heading", "四、上门服务"),
    ("text", "对高龄、重病、失能等行动不便的群众，由街道（乡镇）便民服务中心提供上门服务，自预约之日起三个工作日内上门，不收取费用。"),
    ("heading", "五、监督评价"),
    ("text", "各窗口应当主动邀请办事群众评价，对差评实行一个工作日内联系核实、五个工作日内整改反馈。"),
    ("text", "本通知自2025年3月1日起施行，有效期至2028年2月29日。"),
    ("right", "临江市人民政府办公室"),
    ("right", "2025年2月10日"),
]


def repack(data: bytes, path: pathlib.Path) -> None:
    """Writes a zip-based document with one time stamp on every part."""
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>2025-04-01T00:00:00Z", source.read(name))
            target.writestr(zipfile.ZipInfo(name, MOMENT.timetuple()[:6]), part, zipfile.ZIP_DEFLATED)


def docx(paragraphs: list[tuple[str, str]], path: pathlib.Path) -> None:
    """A law or a draft as a Word document with heading styles."""
    import docx as word

    document = word.Document()
    document.core_properties.created = document.core_properties.modified = MOMENT
    document.core_properties.author = ""
    for style, text in paragraphs:
        level = {"title": 0, "chapter": 1, "section": 2}.get(style)
        if level is None:
            document.add_paragraph(text)
        else:
            document.add_heading(text, level)
    out = io.BytesIO()
    document.save(out)
    repack(out.getvalue(), path)


def xlsx(path: pathlib.Path) -> None:
    """The table of services: a merged title above the header row."""
    import openpyxl

    book = openpyxl.Workbook()
    book.properties.created = book.properties.modified = MOMENT
    sheet = book.active
    sheet.title = SHEET_NAME
    sheet.append(["临江市便民服务事项一览表（2025年3月）"])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(HEADER))
    sheet.append(HEADER)
    for number, row in enumerate(ROWS, 1):
        sheet.append([number, *row])
    out = io.BytesIO()
    book.save(out)
    repack(out.getvalue(), path)


def web_page(name: str) -> str:
    """A law as a page of a bureau's web site, with navigation and a script that are no part of the text."""
    marks = {"title": "h1", "history": "p class=\"history\"", "chapter": "h2", "section": "h3"}
    lines = []
    for style, text in make_laws.paragraphs(name):
        mark = marks.get(style, "p")
        lines.append(f"<{mark}>{html.escape(text)}</{mark.split()[0]}>")
    title = html.escape(make_laws.LAWS[name][1])
    return (
        f'<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        "<style>p { text-indent: 2em }</style>\n<script>var page = 1;</script>\n</head>\n<body>\n"
        "<nav><a href=\"#\">首页</a> <a href=\"#\">法律法规</a></nav>\n<main>\n" + "\n".join(lines)
        + "\n</main>\n<footer>临江市司法局</footer>\n</body>\n</html>\n"
    )


def font_subset(source: str, text: str, path: str) -> None:
    """A TrueType font with the glyphs of a text alone, from an OpenType collection whose third face is Simplified Chinese."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import TTFont

    face = TTFont(source, fontNumber=2)
    glyphs, names = face.getGlyphSet(), face.getBestCmap()
    codes = {code: names[code] for code in sorted(set(map(ord, text)))}
    order = [".notdef", *dict.fromkeys(codes.values())]
    outlines = {}
    for glyph in order:
        pen = TTGlyphPen(None)
        glyphs[glyph].draw(Cu2QuPen(pen, 1.0, reverse_direction=True))
        outlines[glyph] = pen.glyph()
    builder = FontBuilder(face["head"].unitsPerEm, isTTF=True)
    builder.updateHead(created=0, modified=0)
    builder.font.recalcTimestamp = False
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap(codes)
    builder.setupGlyf(outlines)
    builder.setupHorizontalMetrics({g: face["hmtx"][g] for g in order})
    builder.setupHorizontalHeader(ascent=face["hhea"].ascent, descent=face["hhea"].descent)
    record = {"familyName": "Noto Sans CJK SC", "styleName": "Regular", "psName": "NotoSansCJKsc-Regular"}
    builder.setupNameTable({**record, "copyright": face["name"].getDebugName(0), "licenseDescription": face["name"].getDebugName(13)})
    builder.setupOS2(sTypoAscender=face["hhea"].ascent, sTypoDescender=face["hhea"].descent)
    builder.setupPost()
    builder.save(path)


def pdf(path: pathlib.Path, font: str) -> None:
    """The notice as a PDF with page numbers, with a subset of the font in it."""
    from reportlab.lib.enums import TA_CENTER, TA_RIGHT
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics, ttfonts
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    with tempfile.NamedTemporaryFile(suffix=".ttf") as file:
        font_subset(font, "".join(text for _, text in NOTICE) + "—0123456789 ", file.name)
        pdfmetrics.registerFont(ttfonts.TTFont("Noto Sans CJK SC", file.name))
    base = dict(fontName="Noto Sans CJK SC", fontSize=14, leading=26, wordWrap="CJK")
    styles = {
        "title": ParagraphStyle("title", **{**base, "fontSize": 19, "leading": 32}, alignment=TA_CENTER, spaceAfter=10),
        "centre": ParagraphStyle("centre", **base, alignment=TA_CENTER, spaceAfter=16),
        "heading": ParagraphStyle("heading", **base, firstLineIndent=28, spaceBefore=6),
        "text": ParagraphStyle("text", **base, firstLineIndent=28),
        "right": ParagraphStyle("right", **base, alignment=TA_RIGHT),
    }

    def number(canvas, document):
        canvas.setFont("Noto Sans CJK SC", 10)
        canvas.drawCentredString(A4[0] / 2, 40, f"— {document.page} —")

    template = SimpleDocTemplate(
        str(path), pagesize=A4, topMargin=80, bottomMargin=80, leftMargin=75, rightMargin=75, invariant=1, title=NOTICE[0][1],
    )
    template.build([Paragraph(text, styles[style]) for style, text in NOTICE], onFirstPage=number, onLaterPages=number)


if __name__ == "__main__":
    docx(make_laws.paragraphs("legal-aid"), HERE / "laws/legal-aid.docx")
    draft = [line for line in (HERE / "drafts/wage-reply.md").read_text(encoding="utf-8").split("\n") if line]
    docx([("title" if line[0] == "#" else "text", line.removeprefix("# ")) for line in draft], HERE / "drafts/wage-reply.docx")
    xlsx(HERE / "guides/services.xlsx")
    (HERE / "laws/consumer-protection.html").write_text(web_page("consumer-protection"), encoding="utf-8")
    law = "\r\n".join(text for _, text in make_laws.paragraphs("residence-permit")) + "\r\n"
    (HERE / "laws/residence-permit.txt").write_bytes(law.encode("gb18030"))
    pdf(HERE / "notices/extended-hours-2025.pdf", sys.argv[1])
