"""Writes the data tables under crates/chem/data from RDKit (BSD-3-Clause) and its FilterCatalog sources.

    python make_tables.py OUT_DIR FILTER_CATALOG_DIR

OUT_DIR is crates/chem/data; FILTER_CATALOG_DIR holds RDKit's Code/GraphMol/FilterCatalog/*.in.
"""
import gzip
import pickle
import re
import struct
import sys
from pathlib import Path

from rdkit import Chem, RDConfig
from rdkit.Chem import FilterCatalog

OUT, FILTERS = Path(sys.argv[1]), Path(sys.argv[2])


ENTRY = re.compile(r'\{\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+),\s*(\d+)\s*,\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\}', re.S)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)


def joined(text):
    return "".join(STRING.findall(text)).replace('\\"', '"').replace("\\\\", "\\")


def alerts():
    for name, files in {"pains": ["pains_a", "pains_b", "pains_c"], "brenk": ["brenk"], "nih": ["nih"]}.items():
        rows = ["# set\tname\tmost matches allowed\tSMARTS"]
        for file in files:
            catalog = getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, file.upper())
            params = FilterCatalog.FilterCatalogParams()
            params.AddCatalog(catalog)
            installed = FilterCatalog.FilterCatalog(params)
            names = [installed.GetEntryWithIdx(i).GetDescription() for i in range(installed.GetNumEntries())]
            found = [(joined(a), joined(b), int(c)) for a, b, c, _ in ENTRY.findall((FILTERS / f"{file}.in").read_text())]
            found = [(a, b, c) for a, b, c in found if Chem.MolFromSmarts(b) is not None]
            assert [a for a, _, _ in found] == names, (file, len(found), len(names))
            for rule, smarts, most in found:
                rows.append(f"{file.upper()}\t{rule}\t{most}\t{smarts}")
            print(file, len(found))
        (OUT / f"{name}.tsv").write_text("\n".join(rows) + "\n")


class Bits:
    def __init__(self):
        self.bytes, self.fill, self.acc = bytearray(), 0, 0

    def put(self, value, width):
        for i in range(width):
            self.acc |= (value >> i & 1) << self.fill
            self.fill += 1
            if self.fill == 8:
                self.bytes.append(self.acc)
                self.fill = self.acc = 0

    def done(self):
        if self.fill:
            self.bytes.append(self.acc)
        return bytes(self.bytes)


def rice(deltas, k):
    return sum((d >> k) + 1 + k for d in deltas)


def sa_scores():
    """Groups of fragment ids that share a score. Each group: score (f64), count (u32), k (u8); then, in one
    bit stream, Rice-coded differences of the sorted ids."""
    source = Path(RDConfig.RDContribDir) / "SA_Score" / "fpscores.pkl.gz"
    final = {}
    for row in pickle.load(gzip.open(source)):
        for fragment in row[1:]:
            final[fragment] = float(row[0])
    groups = {}
    for fragment, score in final.items():
        assert 0 <= fragment < 2**32
        groups.setdefault(score, []).append(fragment)
    head, bits = bytearray(), Bits()
    for score in sorted(groups):
        ids = sorted(groups[score])
        deltas = [b - a for a, b in zip([0] + ids, ids)]
        k = min(range(33), key=lambda k: rice(deltas, k))
        head += struct.pack("<dIB", score, len(ids), k)
        for delta in deltas:
            for _ in range(delta >> k):
                bits.put(1, 1)
            bits.put(0, 1)
            bits.put(delta & ((1 << k) - 1), k)
    blob = b"SAF1" + struct.pack("<II", len(groups), len(final)) + bytes(head) + bits.done()
    (OUT / "sa_fragments.bin").write_bytes(blob)
    print("sa", len(groups), len(final), len(blob))


alerts()
sa_scores()
