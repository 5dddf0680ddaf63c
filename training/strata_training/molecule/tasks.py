"""The eight benchmarks: the shipped property models' data, and FreeSolv."""

from __future__ import annotations

from ..config import SPECS, ModelSpec, Task
from ..network import NetworkSettings
from .settings import Tuning

FREESOLV = ModelSpec(
    name="freesolv",
    title="Hydration free energy (FreeSolv)",
    description="Free energy of transfer from gas to water at 25 °C, for neutral small molecules. "
    "Lower is more soluble.",
    dataset="FreeSolv",
    file="SAMPL.csv",
    tasks=(Task("expt", "FreeSolv", "Hydration free energy"),),
    unit="kcal/mol",
    provenance="Mobley and Guthrie 2014 (J. Comput. Aided Mol. Des. 28, 711), as in MoleculeNet",
    weaknesses=(
        "642 small molecules, fragments rather than drugs.",
        "The test part is 65 molecules, polycyclic or with several polar groups: a figure moves by tenths.",
    ),
    trees={**SPECS["esol"].trees},
    rounds=200,
    network=NetworkSettings(hidden=128, epochs=60, min_share=0.01),
)

TASKS: dict[str, ModelSpec] = {**SPECS, "freesolv": FREESOLV}

LAST = Tuning(encoder_share=0.0)
WHOLE = Tuning(epochs=20)
# Ways to train the heads that are tried on the valid part; a large set costs too much to tune the whole encoder long.
TRIED: dict[str, tuple[Tuning, ...]] = {
    **{name: (LAST, WHOLE) for name in TASKS},
    "lipophilicity": (LAST, Tuning(epochs=8, batch=64)),
    "tox21": (Tuning(encoder_share=0.0, epochs=15, batch=64), Tuning(epochs=8, batch=64)),
    "hiv": (Tuning(encoder_share=0.0, epochs=8, batch=128),),
}
