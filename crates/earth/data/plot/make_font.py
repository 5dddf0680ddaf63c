"""Cuts the lettering of maps out of Noto Sans CJK SC: `python3 make_font.py NotoSansCJK-Regular.ttc`.

Needs fonttools. Keeps ASCII, Latin-1, Greek and the signs that scales and titles use, without hinting and layout tables.
"""

import sys

from fontTools import subset

keep = set(range(0x20, 0x7F)) | set(range(0xA0, 0x100)) | set(range(0x391, 0x3CA))
keep |= {ord(c) for c in "–—‘’“”…•‰′″℃←↑→↓≈≠≤≥−×·²³"}

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
subset.save_font(font, "lettering.otf", options)
print(len(font.getBestCmap()), "characters")
