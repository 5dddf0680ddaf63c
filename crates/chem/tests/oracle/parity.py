"""RDKit's answers for the parity tests (`tests/parity.rs`), one JSON line a molecule on standard output.

    python parity.py molecules UNION.smi.gz COUNT     everything, for the first COUNT lines
    python parity.py acceptance FOLDER COUNT          accepted or not, first COUNT rows of each CSV file of FOLDER
"""
import csv
import gzip
import json
import sys
from pathlib import Path

from rdkit import Chem, RDConfig, RDLogger
from rdkit.Chem import Crippen, FilterCatalog, Lipinski, QED, rdFingerprintGenerator, rdMolDescriptors
from rdkit.Chem.Scaffolds import MurckoScaffold

sys.path.append(str(Path(RDConfig.RDContribDir) / "SA_Score"))
import sascorer  # noqa: E402

RDLogger.DisableLog("rdApp.*")
ORDERS = 10
COUNTS = [Lipinski.NumHDonors, Lipinski.NumHAcceptors, Lipinski.NHOHCount, Lipinski.NOCount, Lipinski.NumRotatableBonds,
          Lipinski.NumHeteroatoms, Lipinski.HeavyAtomCount, Lipinski.RingCount]


def pains():
    params = FilterCatalog.FilterCatalogParams()
    for name in ("PAINS_A", "PAINS_B", "PAINS_C"):
        params.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog.FilterCatalog(params)


def answers(smiles, seed, generator, catalog):
    row = {"smiles": smiles}
    mol = Chem.MolFromSmiles(smiles)
    row["ok"] = mol is not None
    if mol is None:
        return row
    row["random"] = list(Chem.MolToRandomSmilesVect(mol, ORDERS, randomSeed=seed))
    row["bits"] = list(generator.GetFingerprint(mol).GetOnBits())
    row["counts"] = sorted(generator.GetCountFingerprint(mol).GetNonzeroElements().items())
    row["tpsa"] = rdMolDescriptors.CalcTPSA(mol)
    row["logp"] = Crippen.MolLogP(mol)
    row["qed"] = QED.qed(mol)
    row["lipinski"] = [count(mol) for count in COUNTS]
    row["pains"] = sorted(entry.GetDescription() for entry in catalog.GetMatches(mol))
    row["sa"] = sascorer.calculateScore(mol)
    scaffold = Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol), isomericSmiles=False)
    # Once more through the reader: RDKit's form of a molecule cut from a larger one is not always final.
    again = Chem.MolFromSmiles(scaffold)
    row["scaffold"] = scaffold if again is None else Chem.MolToSmiles(again)
    return row


def molecules(path, count):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    catalog = pains()
    with gzip.open(path, "rt") as lines:
        for seed, line in zip(range(count), lines):
            print(json.dumps(answers(line.split()[0], seed + 1, generator, catalog), separators=(",", ":")))


def acceptance(folder, count):
    for path in sorted(Path(folder).glob("*.csv")):
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            column = "smiles" if "smiles" in reader.fieldnames else "mol"
            for _, row in zip(range(count), reader):
                ok = Chem.MolFromSmiles(row[column]) is not None
                print(json.dumps({"file": path.name, "smiles": row[column], "ok": ok}, separators=(",", ":")))


{"molecules": molecules, "acceptance": acceptance}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
