"""Freezes RDKit's MACCS keys, tautomers and standard forms in tests/golden/library.json.

Usage: python make_library_golden.py > ../golden/library.json
"""
import json

from rdkit import Chem, rdBase
from rdkit.Chem import MACCSkeys
from rdkit.Chem.MolStandardize import rdMolStandardize

rdBase.DisableLog("rdApp.*")
DRUGS = """CC(=O)Oc1ccccc1C(=O)O
Cn1cnc2c1c(=O)n(C)c(=O)n2C
CC(C)Cc1ccc(cc1)C(C)C(=O)O
CC(=O)Nc1ccc(O)cc1
CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5
CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O
CN1CCC[C@H]1c1cccnc1
C[C@H](CCCC(C)C)[C@H]1CC[C@@H]2[C@@]1(CC[C@H]3[C@H]2CC=C4[C@@]3(CC[C@@H](C4)O)C)C
OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O
Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1
CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1
CC/C(=C(\\c1ccccc1)c1ccc(OCCN(C)C)cc1)c1ccccc1
COc1ccc2nc([nH]c2c1)[S@](=O)Cc1ncc(C)c(OC)c1C
CN(C)C(=N)NC(=N)N
O=C(O)Cc1ccccc1Nc1c(Cl)cccc1Cl
CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1
O=C1NC(=O)C(c2ccccc2)(c2ccccc2)N1
CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21
CC(C)NCC(O)COc1cccc2ccccc12
O=C(O)c1cn(C2CC2)c2cc(N3CCNCC3)c(F)cc2c1=O
Nc1ccc(S(=O)(=O)Nc2ncccn2)cc1
NS(=O)(=O)c1cc2c(cc1Cl)NCNS2(=O)=O
CC(C)(C)NCC(O)c1ccc(O)c(CO)c1
Cc1nc2ccccc2c(=O)n1-c1ccccc1C
O=C1CN=C(c2ccccn2)c2cc(Br)ccc2N1
CN1CCN(C2=Nc3cc(Cl)ccc3Nc3ccccc32)CC1
N[C@@H](Cc1ccc(O)c(O)c1)C(=O)O
NCCc1c[nH]c2ccc(O)cc12
CC12CCC3C(CCC4=CC(=O)CCC43C)C1CCC2O
CC(=O)OCC[N+](C)(C)C
N[Pt](N)(Cl)Cl
OP(=O)(O)C(O)(Cc1cccnc1)P(=O)(O)O
ClCCN(CCCl)P1(=O)NCCCO1
Nc1nc(=O)c2ncn(COCCO)c2[nH]1
O=c1[nH]cc(F)c(=O)[nH]1
CC1=C(C(=O)OC)C(c2ccccc2[N+](=O)[O-])C(C(=O)OC)=C(C)N1
CSc1ccc2Sc3ccccc3N(CCC3CCCCN3C)c2c1
O=C(NO)CCCCCCC(=O)Nc1ccccc1
B(O)(O)[C@H](CC(C)C)NC(=O)[C@H](Cc1ccccc1)NC(=O)c1cnccn1
Ic1cc(C(=O)O)c(I)c(N)c1I
C#CC1(O)CCC2C3CCc4cc(O)ccc4C3CCC12C
[2H]C([2H])([2H])Oc1ccccc1
C[Si](C)(C)c1ccccc1
[Na+].O=C([O-])c1ccccc1
S=C=NCc1ccccc1
C1CC2CCC1N2
O=S1(=O)CCCC1
C1=CC=CC=CC=C1
c1cc2ccc3cccc4ccc(c1)c2c34
CC(C)=NNC(N)=S
O=[N+]([O-])c1ccc(N=Nc2ccccc2)cc1
OC1CC(O)CC(O)C1
FC(F)(Cl)Br
CCOP(=S)(OCC)Oc1ccc([N+](=O)[O-])cc1
[Li+].[AlH4-]
C1CO1
C1CN1""".split("\n")
TAUTOMERS = """Oc1ccccn1
O=c1cccc[nH]1
CC(O)=CC(C)=O
CC(=O)CC(C)=O
Oc1ncnc2[nH]cnc12
Nc1cc[nH]c(=O)n1
N=c1cc[nH]c(=O)[nH]1
O=c1[nH]cc(F)c(=O)[nH]1
Cc1cnc[nH]1
Cc1c[nH]cn1
CC(O)=N
NC(=N)Nc1ccccc1
Oc1ccc(N=Nc2ccccc2)cc1
O=C1C=CC(=NNc2ccccc2)C=C1
c1ccc2[nH]nnc2c1
C1=CNC=CC1=O
SC1=NCCN1
CC(=N)c1ccccc1
C=C(O)c1ccccc1
CCCc1nn(C)c2c1nc(O)nc2O
Nc1nc(O)c2ncn(COCCO)c2n1
CC(=O)Oc1ccccc1C(=O)O
ON=Cc1ccccc1
O=NCc1ccccc1
Oc1cccc2ccccc12
CC/C=C/C(C)=O
C[C@H](O)C(=O)c1ccccc1
c1ccccc1""".split("\n")
SALTS = """O=C([O-])c1ccccc1.[Na+]
CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1.Cl
C[NH2+]CCc1ccccc1.[Cl-]
[NH3+]CC(=O)[O-]
C[N+](C)(C)CC(=O)[O-]
[NH3+][C@@H](Cc1ccccc1)C(=O)[O-]
CC(=O)OCC[N+](C)(C)C.[Cl-]
O=[N+]([O-])c1ccccc1
CC(=O)[O-].[K+]
c1cc[nH+]cc1.[Br-]
OC(=O)/C=C/C(=O)O.CN1CCCC1
[O-]S(=O)(=O)c1ccccc1.[Na+]
CC([O-])=O.CC([O-])=O.[Ca+2]
CN1CC[NH+](C)CC1.[O-]C(=O)C(O)C(O)C(=O)O
[N-]=[N+]=NCc1ccccc1
F[B-](F)(F)F.CC[N+](CC)(CC)CC""".split("\n")
enumerator = rdMolStandardize.TautomerEnumerator()
neutral = rdMolStandardize.Uncharger()
largest = rdMolStandardize.LargestFragmentChooser(preferOrganic=True)
fix = lambda m: Chem.CanonSmiles(Chem.MolToSmiles(m))
out = {"rdkit": rdBase.rdkitVersion, "maccs": [], "tautomers": [], "standard": []}
for s in DRUGS:
    out["maccs"].append([s, list(MACCSkeys.GenMACCSKeys(Chem.MolFromSmiles(s)).GetOnBits())])
for s in TAUTOMERS:
    out["tautomers"].append([s, fix(enumerator.Canonicalize(Chem.MolFromSmiles(s)))])
for s in SALTS:
    out["standard"].append([s, fix(neutral.uncharge(largest.choose(Chem.MolFromSmiles(s))))])
print("{" + ",\n".join(f'"{k}": ' + (json.dumps(v) if isinstance(v, str) else "[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in v) + "\n]") for k, v in out.items()) + "}")
