"""Writes data/rdkit2d_normalized.tsv, data/rdkit2d_cdf.bin and the golden rows with descriptastorus and RDKit.

    python make_normalized.py COLUMNS.json DATA_DIR LIBRARY.smi GOLDEN_DIR

COLUMNS.json is the list of the 200 columns in their order. descriptastorus (BSD-3-Clause) fitted a distribution to each of them; the
value a model reads is that distribution's CDF. A CDF of one argument is a curve: here it becomes cubic pieces, at most TOLERANCE
away from it, so that nothing at run time needs 47 families of distributions. Counts get their values at whole numbers.
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np
from rdkit import Chem, RDConfig, RDLogger

from descriptastorus.descriptors import dists, rdNormalizedDescriptors

RDLogger.DisableLog("rdApp.*")
TOLERANCE = 2e-7
ROWS = 220
EXTRA = ["[2H]C([2H])([2H])O", "C[N+](C)(C)C.[Cl-]", "OS(=O)(=O)c1ccccc1", "C1CC2CCC1C2", "N#N", "C[CH2]", "C[Si](C)(C)C",
         "OP(O)(=O)OP(O)(O)=O", "F/C=C/F", "F/C(Cl)=C(Br)/I", "C/C(CC)=C(/C)CCl", "CC/C(=N/O)c1ccccc1", "Cl[Pt](Cl)(N)N",
         "[Na+].CC(=O)[O-]", "CCCCCCCCC", "O=[N+]([O-])c1ccccc1", "O=C1CN=C(c2ccccc2)c2ccccc2N1", "CN1CCC(O)C1CNC(C)(C)C",
         "CC(C)(C)/C(C)=C(/Cl)CO", "OC(=O)/C=C/c1ccccc1", "C/C(=C\\C(=O)O)C(F)(F)F", "N/C(=N\\OCC)c1cccnc1",
         "CC(/C=C/CO)=C\\C(=O)OC", "C/C(N)=C(/C#N)C=O"]
# Of descriptastorus: RDKit's own pattern of later years is another.
ALKANE = "[R0;D2][R0;D2][R0;D2][R0;D2]"


def is_count(name):
    return name.startswith(("fr_", "Num")) or name in ("HeavyAtomCount", "NHOHCount", "NOCount", "RingCount")


def counts(name):
    """Values at whole numbers up to where the curve ends."""
    low, high = dists.dists[name][2:4]
    values = [float(rdNormalizedDescriptors.cdfs[name](float(v))) for v in range(int(low), int(high) + 1)]
    while len(values) > 1 and values[-1] == values[-2]:
        values.pop()
    return float(low), values


def pieces(name):
    """Starts and cubics of pieces; the last start has only a value."""
    cdf = rdNormalizedDescriptors.cdfs[name]
    low, high = (float(v) for v in dists.dists[name][2:4])
    top = float(cdf(high))
    while high > low and abs(float(cdf(low + (high - low) / 2)) - top) < 1e-9:
        high = low + (high - low) / 2
    nodes = (1 - np.cos((2 * np.arange(4) + 1) * np.pi / 8)) / 2
    test = np.linspace(0, 1, 41)
    out, worst = [], 0.0
    waiting = [(low, high)] if high > low else []
    while waiting:
        a, b = waiting.pop()
        power = np.linalg.solve(np.vander(nodes, 4, increasing=True), cdf(a + (b - a) * nodes))
        power = power.astype(np.float32).astype(float)
        error = np.abs(np.vander(test, 4, increasing=True) @ power - cdf(a + (b - a) * test)).max()
        # Curves that rise like a root at their lower end: below a billionth of the range no descriptor lies but the end itself.
        if error <= TOLERANCE or b - a < 1e-9 * max(1.0, high - low):
            out.append((a, *power))
            worst = max(worst, error if b - a >= 1e-9 * max(1.0, high - low) else 0.0)
            continue
        waiting += [((a + b) / 2, b), (a, (a + b) / 2)]
    return low, float(cdf(low)), out, high, top, worst


def tables(columns, data):
    """Text says which table a column has; numbers are in the binary file: 'CDF1', then per column its kind and numbers."""
    blob, worst, lines = bytearray(b"CDF1"), 0.0, []
    blob += struct.pack("<I", len(columns))
    patterns = {}
    for line in (Path(RDConfig.RDDataDir) / "FragmentDescriptors.csv").read_text().splitlines():
        parts = line.split("\t")
        if not line.startswith("#") and len(parts) >= 3:
            patterns[parts[0].replace("=", "_").replace("-", "_")] = parts[2]
    patterns["fr_unbrch_alkane"] = ALKANE
    for name in columns:
        lines.append(f"{name}\t{patterns.get(name, '')}")
        if is_count(name):
            low, values = counts(name)
            blob += struct.pack("<BId", 0, len(values), low) + np.array(values, "<f8").tobytes()
        else:
            low, bottom, cubics, high, top, error = pieces(name)
            worst = max(worst, error)
            blob += struct.pack("<BIdddd", 1, len(cubics), low, bottom, high, top)
            for a, *power in cubics:
                blob += struct.pack("<d4f", a, *power)
    head = "# Columns of rdkit2d-normalized-200/1 in order, and the SMARTS that fr_ columns count (RDKit FragmentDescriptors.csv).\n"
    (data / "rdkit2d_normalized.tsv").write_text(head + "\n".join(lines) + "\n")
    (data / "rdkit2d_cdf.bin").write_bytes(blob)
    print(len(blob), "bytes; worst", worst)


def stereo(mol):
    return [[b.GetBeginAtomIdx(), b.GetEndAtomIdx(), int(b.GetStereo())] for b in mol.GetBonds() if int(b.GetStereo())]


def golden(columns, library, out):
    generator = rdNormalizedDescriptors.RDKit2DNormalized()
    assert [name for name, _ in generator.columns] == columns
    smiles = [line.split()[0] for line in library.read_text().splitlines() if line.strip() and not line.startswith("#")]
    rows = []
    for text in smiles[:ROWS] + EXTRA:
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            continue
        values = np.nan_to_num(np.array(generator.process(text)[1:], float), nan=0.0)
        rows.append({"smiles": text, "row": [float(f"{v:.7g}") for v in values], "stereo": stereo(mol)})
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (out / "normalized.json").write_text('{"molecules":[\n' + text + "\n]}\n")
    print(len(rows), "golden rows")


COLUMNS = json.loads(Path(sys.argv[1]).read_text())
tables(COLUMNS, Path(sys.argv[2]))
golden(COLUMNS, Path(sys.argv[3]), Path(sys.argv[4]))
