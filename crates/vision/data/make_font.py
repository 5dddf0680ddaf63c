"""Cuts the label font out of Noto Sans CJK SC: `python3 make_font.py NotoSansCJK-Regular.ttc`.

Needs fonttools. Keeps ASCII, Latin-1, the signs of degrees, dashes, arrows and mathematics that labels use, CJK
punctuation, full-width forms and the 3,755 characters of GB 2312 level 1, plus a few of level 2 that mines use.
"""

import sys

from fontTools import subset

keep = set(range(0x20, 0x7F)) | set(range(0xA0, 0x100)) | set(range(0x3001, 0x3012)) | set(range(0xFF01, 0xFF5F))
keep |= {ord(c) for c in "–—‘’“”…•‰′″℃←↑→↓≈≠≤≥△○●□■★√∞·￥"}
for high in range(0xB0, 0xD8):
    for low in range(0xA1, 0xFF):
        try:
            keep.add(ord(bytes([high, low]).decode("gb2312")))
        except UnicodeDecodeError:
            pass
keep |= {ord(c) for c in "巷瓦矸钎辊砾岩罐蚀裂磷锚铲掘碴溜撬"}

options = subset.Options()
options.font_number = 2  # Simplified Chinese in the collection.
options.layout_features = []
options.hinting = False
options.desubroutinize = False
options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
options.drop_tables += ["BASE", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx", "DSIG"]
font = subset.load_font(sys.argv[1], options)
print("from", font["name"].getDebugName(4), font["name"].getDebugName(5))
cutter = subset.Subsetter(options)
cutter.populate(unicodes=keep)
cutter.subset(font)
subset.save_font(font, "label.otf", options)
print(len(font.getBestCmap()), "characters")
