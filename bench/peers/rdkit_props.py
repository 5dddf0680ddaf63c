"""RDKit against strata-chem in turns: the 110 descriptors, QED, PAINS and PAINS with Brenk on the same molecules.

Usage: python rdkit_props.py BENCH_PROPS_BINARY FILE.smi [MOLECULES] [ROUNDS]
Both read molecules parsed beforehand. Prints one JSON line a round, tool and stage in CPU microseconds a molecule, and
the medians and ratios last.
"""
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, FilterCatalog, QED

rdBase.DisableLog("rdApp.*")
NAMES = Path(__file__).parents[2] / "crates/chem/tests/oracle/descriptor_names.txt"


def catalog(*names):
    params = FilterCatalog.FilterCatalogParams()
    for name in names:
        params.AddCatalog(getattr(FilterCatalog.FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog.FilterCatalog(params)


def main():
    binary, path = sys.argv[1], sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    smiles = [line.split()[0] for line in open(path) if line.strip()][:count]
    mols = [mol for mol in map(Chem.MolFromSmiles, smiles) if mol]
    functions = [dict(Descriptors._descList)[name] for name in NAMES.read_text().split()]
    pains, both = catalog("PAINS"), catalog("PAINS", "BRENK")
    stages = {
        "all descriptors": lambda mol: [function(mol) for function in functions],
        "QED, all of it": QED.qed,
        "PAINS": pains.GetMatches,
        "PAINS + Brenk": both.GetMatches,
    }
    ours, theirs = {}, {}
    for number in range(rounds):
        lines = subprocess.run([binary, path, str(count)], capture_output=True, text=True, check=True).stdout
        for line in map(json.loads, lines.splitlines()):
            ours.setdefault(line["stage"], []).append(line["cpu_us_per_molecule"])
            print(json.dumps({"tool": "strata", "round": number, **line}))
        for name, call in stages.items():
            start = time.process_time()
            for mol in mols:
                call(mol)
            each = round((time.process_time() - start) * 1e6 / len(mols), 2)
            theirs.setdefault(name, []).append(each)
            print(json.dumps({"tool": "rdkit", "round": number, "stage": name, "molecules": len(mols),
                              "cpu_us_per_molecule": each}))
    # Our alert stages start from a match target; RDKit's from the molecule.
    target = statistics.median(ours["match target"])
    for name, values in theirs.items():
        mine = statistics.median(ours[name]) + (target if name.startswith("PAINS") else 0.0)
        peer = statistics.median(values)
        print(json.dumps({"stage": name, "strata_us": round(mine, 2), "rdkit_us": peer, "ratio": round(peer / mine, 1)}))


if __name__ == "__main__":
    main()
