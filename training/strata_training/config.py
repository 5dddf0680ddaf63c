"""What each model is: data, endpoints, settings, and what a reader of its card must know.

Settings were chosen by scaffold-grouped cross-validation on the training part and by the valid part, and not
changed after the test part was first read. One reservation: the first trials for ESOL and Lipophilicity (tree
depth, learning rate) used the split with ties in the other order, so some of today's test rows took part in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .network import NetworkSettings


@dataclass(frozen=True)
class Task:
    """One endpoint: its column in the data file and its name in results."""

    column: str
    name: str
    title: str
    higher_is_better: bool | None = None
    rounds: int | None = None


@dataclass(frozen=True)
class ModelSpec:
    """One model under shared-models/."""

    name: str
    title: str
    description: str
    dataset: str
    file: str
    tasks: tuple[Task, ...]
    provenance: str
    weaknesses: tuple[str, ...]
    smiles_column: str = "smiles"
    unit: str | None = None
    trees: dict = field(default_factory=dict)
    rounds: int = 100
    network: NetworkSettings = NetworkSettings()
    network_weight: float = 0.5
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    metric_fraction: float | None = None

    @property
    def regression(self) -> bool:
        """Whether the endpoints are numbers in a unit."""
        return self.unit is not None


_BINARY = {
    "learning_rate": 0.08,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "lambda_l2": 5.0,
}

_TOX21 = {
    "NR-AR": "androgen receptor",
    "NR-AR-LBD": "androgen receptor, ligand-binding domain",
    "NR-AhR": "aryl hydrocarbon receptor",
    "NR-Aromatase": "aromatase",
    "NR-ER": "oestrogen receptor alpha",
    "NR-ER-LBD": "oestrogen receptor alpha, ligand-binding domain",
    "NR-PPAR-gamma": "PPAR gamma",
    "SR-ARE": "antioxidant response element",
    "SR-ATAD5": "ATAD5 (genotoxicity)",
    "SR-HSE": "heat shock response",
    "SR-MMP": "mitochondrial membrane potential",
    "SR-p53": "p53 (DNA damage)",
}

_SMALL_TEST = "The test part is small: a figure of this size moves by several hundredths with the split."

SPECS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        ModelSpec(
            name="esol",
            title="Aqueous solubility (ESOL)",
            description="Logarithm of the solubility in water at 25 °C, for neutral small organic molecules. "
            "Higher is more soluble.",
            dataset="ESOL",
            file="delaney-processed.csv",
            tasks=(Task("measured log solubility in mols per litre", "ESOL", "Aqueous solubility (log S)", True),),
            unit="log10(mol/L)",
            provenance="Delaney 2004 (J. Chem. Inf. Comput. Sci. 44, 1000), as in MoleculeNet",
            weaknesses=(
                "1,128 molecules, mostly small, simple and neutral; drug-like salts, zwitterions and peptides are "
                "outside what it has seen.",
                "No pH, no crystal form: the value is that of the neutral compound.",
                _SMALL_TEST,
            ),
            trees={
                "learning_rate": 0.07,
                "num_leaves": 7,
                "min_data_in_leaf": 10,
                "feature_fraction": 0.6,
                "bagging_fraction": 0.7,
                "lambda_l2": 5.0,
            },
            rounds=200,
            network=NetworkSettings(hidden=128, epochs=60, min_share=0.01),
        ),
        ModelSpec(
            name="lipophilicity",
            title="Lipophilicity (log D at pH 7.4)",
            description="Octanol-water distribution coefficient at pH 7.4. Neither high nor low is good as such; "
            "oral drugs usually lie between 1 and 3.",
            dataset="Lipophilicity",
            file="Lipophilicity.csv",
            tasks=(Task("exp", "Lipophilicity", "Lipophilicity (log D, pH 7.4)"),),
            unit="log10(ratio)",
            provenance="AstraZeneca's measurements deposited in ChEMBL (CHEMBL3301361; ChEMBL itself is CC BY-SA 3.0), "
            "as in MoleculeNet",
            weaknesses=(
                "One company's chemistry (4,200 molecules): unusual classes are extrapolation.",
                "Values are limited to what the assay can measure, about -1.5 to 4.5.",
            ),
            trees={
                "learning_rate": 0.1,
                "num_leaves": 15,
                "min_data_in_leaf": 10,
                "feature_fraction": 0.6,
                "bagging_fraction": 0.8,
                "lambda_l2": 5.0,
                "extra_trees": True,
            },
            rounds=250,
            network=NetworkSettings(hidden=128, epochs=40, min_share=0.01),
        ),
        ModelSpec(
            name="bbbp",
            title="Blood-brain barrier penetration (BBBP)",
            description="Probability that a molecule passes the blood-brain barrier. Higher means it gets "
            "into the brain.",
            dataset="BBBP",
            file="BBBP.csv",
            tasks=(Task("BBBP", "BBBP", "Blood-brain barrier penetration", True),),
            provenance="Martins et al. 2012 (J. Chem. Inf. Model. 52, 1686), as in MoleculeNet",
            weaknesses=(
                "Four in five training molecules are positives but only half of the test part: the probability leans "
                "to yes, far from calibrated on unfamiliar scaffolds (see ECE). Rank by it.",
                "The figure depends on the split more than on the model: up to .95 on other scaffold splits.",
                _SMALL_TEST,
            ),
            trees=_BINARY,
            rounds=75,
            network=NetworkSettings(hidden=64, epochs=40),
        ),
        ModelSpec(
            name="bace",
            title="BACE-1 inhibition",
            description="Probability that a molecule inhibits human beta-secretase 1 (IC50 of 100 nM or less).",
            dataset="BACE",
            file="bace.csv",
            smiles_column="mol",
            tasks=(Task("Class", "BACE", "BACE-1 inhibitor", True),),
            provenance="Subramanian et al. 2016 (J. Chem. Inf. Model. 56, 1936), as in MoleculeNet",
            weaknesses=(
                "1,513 molecules of a few inhibitor series: of use within such series, not for finding new ones.",
                _SMALL_TEST,
            ),
            trees={**_BINARY, "extra_trees": True, "feature_fraction": 0.8},
            rounds=75,
            network=NetworkSettings(hidden=64, epochs=40),
        ),
        ModelSpec(
            name="clintox",
            title="Clinical toxicity (ClinTox)",
            description="Two probabilities: that a drug failed clinical trials for toxicity (CT_TOX, higher is worse), "
            "and that it resembles drugs approved by the FDA (FDA_APPROVED, higher is better).",
            dataset="ClinTox",
            file="clintox.csv",
            tasks=(
                Task("CT_TOX", "CT_TOX", "Failed clinical trials for toxicity", False),
                Task("FDA_APPROVED", "FDA_APPROVED", "Resembles FDA-approved drugs", True),
            ),
            provenance="SWEETLEAD (approved drugs) and AACT (failed trials), as in MoleculeNet",
            weaknesses=(
                "The two classes were drawn as SMILES by different sources (charges, protonation), which a model "
                "can learn instead of toxicity: high figures here mean little for new molecules.",
                "About 110 toxic molecules in all, around ten in the test part.",
            ),
            trees={**_BINARY, "extra_trees": True, "feature_fraction": 0.8},
            rounds=75,
            network=NetworkSettings(hidden=64, epochs=40),
            network_weight=0.3,
        ),
        ModelSpec(
            name="tox21",
            title="Tox21: twelve toxicity pathways",
            description="Probability that a molecule is active in each of twelve assays: seven nuclear receptors (NR) "
            "and five stress responses (SR). Higher is worse.",
            dataset="Tox21",
            file="tox21.csv",
            tasks=tuple(Task(name, name, f"Tox21 {what}", False) for name, what in _TOX21.items()),
            provenance="Tox21 data challenge 2014 (NIH/NCATS, EPA, FDA), as in MoleculeNet",
            weaknesses=(
                "Actives are few (3 to 16 % an assay) and labels missing here and there.",
                "Salts and mixtures are kept as given.",
            ),
            trees=_BINARY,
            rounds=50,
            network=NetworkSettings(hidden=64, epochs=20, batch=128),
        ),
        ModelSpec(
            name="hiv",
            title="HIV replication inhibition",
            description="Probability that a molecule inhibits HIV replication in cells. Higher is better.",
            dataset="HIV",
            file="HIV.csv",
            tasks=(Task("HIV_active", "HIV_active", "Inhibits HIV replication", True),),
            provenance="NCI DTP AIDS antiviral screen (public domain), as in MoleculeNet",
            weaknesses=(
                "3.5 % actives; the probability is low for most actives too: rank by it rather than cut it.",
                "Includes metal complexes, dyes and other frequent hitters of the screen of the 1990s.",
            ),
            trees={**_BINARY, "num_leaves": 31, "extra_trees": True},
            rounds=150,
            network=NetworkSettings(hidden=64, epochs=10, batch=256),
            network_weight=0.3,
            metric_fraction=0.01,
        ),
    )
}
