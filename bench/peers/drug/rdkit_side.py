"""RDKit's side of the suite `drug`: parse, canonical SMILES and ECFP4; or descriptors, QED and alerts.

Usage: python rdkit_side.py ecfp|props FILE COUNT ANSWERS
Molecules and answers are those of strata-chem's example `chem_side`.
"""
import sys
import time
import zlib
from pathlib import Path

from common import Stopwatch, finite, first_words, report, since_start, write_answers
from rdkit import Chem, rdBase
from rdkit.Chem import QED, Descriptors, FilterCatalog, rdFingerprintGenerator

rdBase.DisableLog("rdApp.*")
NAMES = Path(__file__).parents[3] / "crates/chem/tests/oracle/descriptor_names.txt"


def ecfp(smiles):
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    found, stages, first = [], [0.0] * 3, None
    clock = time.perf_counter
    watch = Stopwatch()
    for text in smiles:
        t0 = clock()
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            found.append(None)
            continue
        t1 = clock()
        canonical = Chem.MolToSmiles(mol)
        t2 = clock()
        bits = generator.GetFingerprint(mol)
        t3 = clock()
        stages = [stages[0] + t1 - t0, stages[1] + t2 - t1, stages[2] + t3 - t2]
        found.append((mol.GetNumAtoms(), canonical, bits))
        first = first or since_start()
    seconds = watch.seconds()
    answers = []
    for one in found:
        if one is None:
            answers.append(None)
            continue
        packed = bytearray(256)
        for bit in one[2].GetOnBits():
            packed[bit // 8] |= 1 << bit % 8
        answers.append([one[0], zlib.crc32(packed)])
    names = ("parse_seconds", "canonical_seconds", "ecfp4_seconds")
    return answers, seconds, dict(zip(names, stages), first_answer_seconds=first)


def props(smiles):
    params = FilterCatalog.FilterCatalogParams()
    for name in ("PAINS", "BRENK"):
        params.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    catalog = FilterCatalog.FilterCatalog(params)
    functions = [dict(Descriptors._descList)[name] for name in NAMES.read_text().split()]
    found, stages, first = [], [0.0] * 4, None
    clock = time.perf_counter
    watch = Stopwatch()
    for text in smiles:
        t0 = clock()
        mol = Chem.MolFromSmiles(text)
        if mol is None:
            found.append(None)
            continue
        t1 = clock()
        row = [function(mol) for function in functions]
        t2 = clock()
        qed = QED.qed(mol)
        t3 = clock()
        names = sorted(entry.GetDescription() for entry in catalog.GetMatches(mol))
        t4 = clock()
        stages = [stages[0] + t1 - t0, stages[1] + t2 - t1, stages[2] + t3 - t2, stages[3] + t4 - t3]
        found.append((row, qed, names))
        first = first or since_start()
    seconds = watch.seconds()
    answers = [one and [[finite(value) for value in one[0]], finite(one[1]), one[2]] for one in found]
    names = ("parse_seconds", "descriptors_seconds", "qed_seconds", "alerts_seconds")
    return answers, seconds, dict(zip(names, stages), first_answer_seconds=first)


def main():
    work, file, count, path = sys.argv[1:5]
    smiles = first_words(file, int(count))
    answers, seconds, further = {"ecfp": ecfp, "props": props}[work](smiles)
    write_answers(path, answers)
    report(len(smiles), seconds, **further)


if __name__ == "__main__":
    main()
