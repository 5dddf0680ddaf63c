"""Features of molecules: 2048 folded ECFP4 counts, then descriptors under RDKit's names.

Two makers of the same columns: `rust`, the featuriser the screening program itself uses (what shipped models
are trained on, so that training and screening cannot drift apart), and `rdkit`, the reference it is
compared with.
"""

from __future__ import annotations


import numpy as np

FEATURISER = "ecfp4c-2048+rdkit-110/1"
COUNTS = 2048
LIMIT = 10_000.0

_VSA = [f"SMR_VSA{i}" for i in range(1, 11)] + [f"SlogP_VSA{i}" for i in range(1, 13)]
DESCRIPTORS: list[str] = (
    "MaxAbsEStateIndex MaxEStateIndex MinAbsEStateIndex MinEStateIndex qed MolWt HeavyAtomMolWt ExactMolWt "
    "NumValenceElectrons BalabanJ BertzCT Chi0 Chi0n Chi0v Chi1 Chi1n Chi1v Chi2n Chi2v Chi3n Chi3v Chi4n "
    "Chi4v HallKierAlpha Kappa1 Kappa2 Kappa3 LabuteASA".split()
    + [f"PEOE_VSA{i}" for i in range(1, 15)]
    + _VSA
    + ["TPSA"]
    + [f"EState_VSA{i}" for i in range(1, 12)]
    + [f"VSA_EState{i}" for i in range(1, 11)]
    + "FractionCSP3 HeavyAtomCount NHOHCount NOCount NumAliphaticCarbocycles NumAliphaticHeterocycles "
    "NumAliphaticRings NumAmideBonds NumAromaticCarbocycles NumAromaticHeterocycles NumAromaticRings "
    "NumBridgeheadAtoms NumHAcceptors NumHDonors NumHeteroatoms NumHeterocycles NumRotatableBonds "
    "NumSaturatedCarbocycles NumSaturatedHeterocycles NumSaturatedRings NumSpiroAtoms RingCount MolLogP "
    "MolMR".split()
)
DIM = COUNTS + len(DESCRIPTORS)


def rdkit_features(smiles: list[str]) -> np.ndarray:
    """Features by RDKit; every row must parse. Non-finite values become 0, the rest is clipped."""
    from rdkit import Chem
    from rdkit.Chem import Descriptors, rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=COUNTS)
    functions = dict(Descriptors.descList)
    wanted = [functions[name] for name in DESCRIPTORS]
    out = np.empty((len(smiles), DIM), dtype=np.float32)
    for row, text in enumerate(smiles):
        mol = Chem.MolFromSmiles(text)
        out[row, :COUNTS] = generator.GetCountFingerprintAsNumPy(mol)
        values = np.array([function(mol) for function in wanted], dtype=np.float64)
        out[row, COUNTS:] = np.clip(np.where(np.isfinite(values), values, 0.0), -LIMIT, LIMIT)
    return out


def rdkit_bits(smiles: list[str]) -> list[list[int]]:
    """On bits of the 2048-bit ECFP4 without chirality, ascending, a molecule a list."""
    from rdkit import Chem
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=COUNTS)
    return [sorted(generator.GetFingerprint(Chem.MolFromSmiles(text)).GetOnBits()) for text in smiles]
