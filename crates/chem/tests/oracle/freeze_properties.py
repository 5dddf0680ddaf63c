"""Writes the golden files of descriptors, alerts and SMARTS matches with RDKit.

    python freeze_properties.py LIBRARY.smi GOLDEN_DIR

LIBRARY.smi is datasets/demo-library.smi, our own list: drugs written by hand, then enumerated amides.
"""
import json
import sys
from pathlib import Path

from rdkit import Chem, RDConfig, RDLogger
from rdkit.Chem import Descriptors, FilterCatalog, rdFingerprintGenerator

sys.path.append(str(Path(RDConfig.RDContribDir) / "SA_Score"))
import sascorer  # noqa: E402

RDLogger.DisableLog("rdApp.*")
ROWS = 220
EXTRA = ["[2H]C([2H])([2H])O", "C[N+](C)(C)C.[Cl-]", "OS(=O)(=O)c1ccccc1", "C1CC2CCC1C2", "C1CCC2(CC1)OCCO2", "N#N",
         "O=C1NC(=S)SC1=Cc1ccccc1", "OP(O)(=O)OP(O)(O)=O", "C[Si](C)(C)C", "OB(O)c1ccccc1", "O=C1C=CC(=O)C=C1", "[H][H]"]
PATTERNS = [
    "[NX3][CX3]=O", "c1ccccc1", "[#6]-!@[#6]", "[!#6;!#1]", "[R2]", "[r5]", "[D3]", "[CX4;H2]", "[v4]", "[x2]", "[+]",
    "[$([NX3;H2]),$([NX3;H1])]", "[#6;!$(C=O)]", "*~*~*", "C=,:C", "[c,n]:[c,n]", "[OX2H]", "[CH2;R]", "C.C", "[k6]",
    "[z1]", "[Z2]", "[d2]", "[^2]", "[D{2-3}]", "[!$([#6,H0,-,-2,-3])]", "[a]-[A]", "[F,Cl,Br,I]", "[n;H1]",
]


MORGAN = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def ecfp4(mol):
    """FNV-1a, 64 bits, of the ECFP4 counts written as `bit:count;` in the order of the bits."""
    digest = 0xCBF29CE484222325
    for bit, count in sorted(MORGAN.GetCountFingerprint(mol).GetNonzeroElements().items()):
        for byte in f"{bit}:{count};".encode():
            digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return f"{digest:016x}"


def main(library, out):
    names = Path(__file__).with_name("descriptor_names.txt").read_text().split()
    functions = dict(Descriptors._descList)
    catalogs = []
    for name in ("PAINS_A", "PAINS_B", "PAINS_C", "BRENK", "NIH"):
        params = FilterCatalog.FilterCatalogParams()
        params.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
        catalogs.append((name, FilterCatalog.FilterCatalog(params)))
    smiles = [line.split()[0] for line in library.read_text().splitlines() if line.strip() and not line.startswith("#")]
    rows = []
    for text in smiles[:ROWS] + EXTRA:
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            continue
        values = [float(f"{functions[name](mol):.7g}") for name in names]
        hits = [f"{name}:{entry.GetDescription()}" for name, catalog in catalogs for entry in catalog.GetMatches(mol)]
        counts = [len(mol.GetSubstructMatches(Chem.MolFromSmarts(p), maxMatches=100000)) for p in PATTERNS]
        rows.append({"smiles": text, "descriptors": values, "sa": round(sascorer.calculateScore(mol), 6), "alerts": hits,
                     "ecfp4": ecfp4(mol), "counts": counts})
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    head = json.dumps({"names": names, "patterns": PATTERNS}, separators=(",", ":"))
    (out / "properties.json").write_text(head[:-1] + ',"molecules":[\n' + text + "\n]}\n")
    print(len(rows))


main(Path(sys.argv[1]), Path(sys.argv[2]))
