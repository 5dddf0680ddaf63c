"""Freezes RDKit's answers for a list of well-known molecules in tests/golden/graph.json.

Usage: python make_graph_golden.py > ../golden/graph.json
"""
import json
import random

from rdkit import Chem, rdBase
from rdkit.Chem import rdFingerprintGenerator as fp
from rdkit.Chem.Scaffolds import MurckoScaffold

rdBase.DisableLog("rdApp.*")
random.seed(7)
CORES = ["c1ccccc1", "c1ccncc1", "c1ccc2[nH]ccc2c1", "C1CCNCC1", "C1COCCN1", "c1ccsc1", "c1ccoc1", "c1cnc2ccccc2c1",
         "O=c1cc[nH]c(=O)[nH]1", "c1cc2ccccc2o1", "C1CC2CCC1N2", "c1ccc2c(c1)CCC2", "O=C1CCCN1", "c1nc[nH]n1",
         "c1ccc2ncccc2c1", "C1CCC1", "c1cnoc1", "c1csc(n1)", "O=c1ccc2ccccc2o1", "c1ccc(-c2ccccc2)cc1"]
TAILS = ["C", "CC(=O)O", "C(=O)N", "S(=O)(=O)N", "N(=O)=O", "OC", "C#N", "C(F)(F)F", "N(C)C", "P(=O)(O)O", "Cl",
         "C/C=C/C", "[N+](C)(C)C", "[C@@H](N)C", "[C@H](O)CC", "N=[N+]=[N-]", "[O-]", "B(O)O", "[Si](C)(C)C", "S(C)=O"]
NAMED = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O", "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1", "morphine": "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5",
    "penicillin G": "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O", "nicotine": "CN1CCC[C@H]1c1cccnc1",
    "cholesterol": "C[C@H](CCCC(C)C)[C@H]1CC[C@@H]2[C@@]1(CC[C@H]3[C@H]2CC=C4[C@@]3(CC[C@@H](C4)O)C)C",
    "glucose": "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O", "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1",
    "sildenafil": "CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1", "tamoxifen": "CC/C(=C(\\c1ccccc1)c1ccc(OCCN(C)C)cc1)c1ccccc1",
    "cubane": "C12C3C4C1C5C2C3C45", "adamantane": "C1C2CC3CC1CC(C2)C3", "azulene": "c1ccc2cccc2cc1", "ferrocene-like": "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1",
    "cisplatin": "N[Pt](N)(Cl)Cl", "cis-dimethylcyclohexane": "C[C@H]1CC[C@@H](C)CC1", "inositol": "O[C@H]1[C@H](O)[C@@H](O)[C@H](O)[C@H](O)[C@@H]1O",
    "omeprazole": "COc1ccc2nc([nH]c2c1)[S@](=O)Cc1ncc(C)c(OC)c1C", "retinal": "O=C/C=C(C)/C=C/C=C(C)/C=C/C1=C(C)CCCC1(C)C",
    "chlorophyll core": "C1=CC2=NC1=CC1=CC=C(N1)C=C1C=CC(N1)=CC1=NC(=C2)C=C1", "sulfolane": "O=S1(=O)CCCC1", "heavy water": "[2H]O[2H]",
    "fullerene piece": "c1cc2ccc3cccc4ccc(c1)c2c34", "perchloric acid": "OCl(=O)(=O)=O", "imine H": "[H]/N=C(/C)CC", "diazomethane": "C=[N]#N",
    "bad valence": "CN(C)(C)C", "bad ring": "c1cccc1", "open ring": "C1CC", "open branch": "CC(C", "bad atom": "CC[Xx]", "lone aromatic": "cc",
    "nothing after dot": "C.", "five bonds": "C(C)(C)(C)(C)C", "pyrrole without H": "c1ccnc1", "same ring bond": "C11",
}
rows = list(NAMED.items())
for i in range(200):
    a, b = random.choice(CORES), random.choice(CORES)
    t, u = random.choice(TAILS), random.choice(TAILS)
    text = f"{t.replace('/', '').replace('[O-]', 'O') if t[0] in 'CO' else 'C'}C({a.replace('1', '8').replace('2', '9')})C{random.choice(['', '=C', 'NC(=O)', 'OC'])}C({u})C{b}"
    rows.append((f"assembly {i}", text))
bits = fp.GetMorganGenerator(radius=2, fpSize=2048)
small = fp.GetMorganGenerator(radius=3, fpSize=1024)
feats = fp.GetMorganGenerator(radius=2, fpSize=2048, atomInvariantsGenerator=fp.GetMorganFeatureAtomInvGen())
out = []
for name, smiles in rows:
    mol = Chem.MolFromSmiles(smiles)
    row = {"name": name, "smiles": smiles, "ok": mol is not None}
    if mol is not None:
        row["rdkit"] = Chem.MolToSmiles(mol)
        row["random"] = [Chem.MolToSmiles(mol, doRandom=True) for _ in range(3)]
        row["hydrogens"] = [a.GetTotalNumHs() for a in mol.GetAtoms()]
        row["aromatic"] = [int(a.GetIsAromatic()) for a in mol.GetAtoms()]
        row["hybridisation"] = [str(a.GetHybridization()) for a in mol.GetAtoms()]
        row["conjugated"] = [int(b.GetIsConjugated()) for b in mol.GetBonds()]
        row["rings"] = sorted(len(r) for r in mol.GetRingInfo().AtomRings())
        for key, gen in (("ecfp4", bits), ("fcfp4", feats), ("ecfp6_1024", small)):
            row[key] = sorted(gen.GetCountFingerprint(mol).GetNonzeroElements().items())
        row["scaffold"] = Chem.MolToSmiles(MurckoScaffold.GetScaffoldForMol(mol), False)
    out.append(row)
print("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in out) + "\n]")
