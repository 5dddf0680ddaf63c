"""The molecule encoder: features, sums over graphs, pre-training on a handful, and the ONNX files."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Chem = pytest.importorskip("rdkit.Chem")

from strata_training.config import ModelSpec, Task  # noqa: E402
from strata_training.export import to_onnx  # noqa: E402
from strata_training.features import COUNTS, DIM, rdkit_features  # noqa: E402
from strata_training.members import train_ensemble  # noqa: E402
from strata_training.molecule import export  # noqa: E402
from strata_training.molecule.build import Trial, best  # noqa: E402
from strata_training.molecule.corpus import Corpus, identities, normalised, path_bits  # noqa: E402
from strata_training.molecule.encoder import Encoder, Size, batch_of  # noqa: E402
from strata_training.molecule.graph import graphs_of_smiles, onnx_inputs, pack  # noqa: E402
from strata_training.molecule.pretrain import Plan, pretrain  # noqa: E402
from strata_training.molecule.release import vectors  # noqa: E402
from strata_training.molecule.settings import Tuning  # noqa: E402
from strata_training.molecule.tune import Rows, tune  # noqa: E402
from strata_training.network import NetworkSettings  # noqa: E402

SMILES = ["C", "CCO", "c1ccccc1O", "CC(=O)[O-].[Na+]", "F/C=C/F", "C[C@H](N)C(=O)O", "FS(F)(F)(F)(F)F", "O=C=O"] * 5
SMALL = Size(hidden=16, steps=2, embedding=12)


def test_features_are_one_hot_by_block():
    graphs = graphs_of_smiles(["C[C@H](N)C(=O)O", "c1ccccc1[N+](=O)[O-]"])
    table = graphs.atom_table
    for first, last in ((0, 101), (101, 108), (108, 114), (114, 119), (119, 125), (125, 131)):
        assert (table[:, first:last].sum(axis=1) == 1).all()
    inputs = onnx_inputs(graphs, pack(graphs, np.array([0, 1])))
    assert inputs["f_atoms"].shape == (15, 133) and inputs["f_bonds"].shape == (28, 147)
    assert (inputs["bond_source"][inputs["bond_reverse"]] == inputs["bond_target"]).all()
    # The second molecule's first bond: aromatic carbons, in a ring, conjugated, no stereo.
    assert np.nonzero(inputs["f_bonds"][10, 133:])[0].tolist() == [4, 5, 6, 7]
    assert inputs["atom_mol"].tolist() == [0] * 6 + [1] * 9


def test_sparse_sums_say_what_loops_say():
    graphs = graphs_of_smiles(["CC(C)(C)c1ccncc1", "[Na+].[Cl-]", "C1CC1"])
    packed = pack(graphs, np.array([2, 0, 1]))
    batch = batch_of(packed)
    state = np.random.default_rng(0).random((len(packed.bonds), 3)).astype(np.float32)
    for bond in range(len(packed.bonds)):
        into = [b for b in range(len(packed.bonds)) if packed.target[b] == packed.source[bond] and b != bond ^ 1]
        assert batch.neighbours(torch.from_numpy(state))[bond].numpy() == pytest.approx(
            state[into].sum(axis=0), abs=1e-5
        )
    dense = torch.from_numpy(state).requires_grad_()
    batch.neighbours(dense).square().sum().backward()
    whole = batch.neighbours.matrix.to_dense()
    assert torch.allclose(dense.grad, 2 * whole.T @ (whole @ dense.detach()), atol=1e-4)


def test_same_molecule_in_another_guise_is_known():
    def known(text):
        return identities(Chem.MolFromSmiles(text))

    assert known("C[C@H](N)C(=O)O") == known("C[C@@H](N)C(=O)O")
    assert known("CCN.Cl") & known("CCN")
    assert not known("CCN.Cl") & known("CCO.Cl")


def _corpus():
    graphs = graphs_of_smiles(SMILES)
    features = rdkit_features(SMILES)
    paths = np.stack([path_bits(Chem.MolFromSmiles(text)) for text in SMILES])
    bits = np.packbits(np.concatenate([features[:, :COUNTS] > 0, paths > 0], axis=1), axis=1)
    return Corpus(SMILES, graphs, bits, normalised(features[:, COUNTS:]), {})


def test_pretraining_learns_and_goes_on_where_it_stopped(tmp_path):
    corpus = _corpus()

    def run(name: str, epochs: int):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        plan = Plan(epochs=epochs, batch=8, rate=1e-2, warm_steps=2, watched=8, kinds=4, report_every=1000)
        return pretrain(corpus, folder, SMALL, plan)

    _, first = run("whole", 1)
    encoder, later = run("whole", 12)
    assert later["bits"] < 0.5 * first["bits"]
    again, same = run("whole", 12)
    assert same == pytest.approx(later)
    raw = export.encoder_onnx(encoder)
    assert export.encoder_onnx(again).SerializeToString() == raw.SerializeToString()


def test_encoder_file_equals_network_and_reads_back(tmp_path: Path):
    torch.manual_seed(1)
    encoder = Encoder(SMALL)
    export.halve(encoder)
    raw = export.encoder_onnx(encoder).SerializeToString()
    graphs, rows = graphs_of_smiles(SMILES), np.arange(len(SMILES))
    found = export.run(raw, graphs, None, rows, batch=7)
    wanted = vectors(encoder.use(graphs), graphs, rows)
    assert np.abs(found - wanted).max() < 1e-5 and wanted.std() > 1e-3
    (tmp_path / "encoder.onnx").write_bytes(raw)
    assert export.encoder_onnx(export.read_encoder(tmp_path / "encoder.onnx")).SerializeToString() == raw


@pytest.mark.parametrize("regression", [True, False])
def test_blended_file_equals_its_parts(regression):
    graphs, features = graphs_of_smiles(SMILES), rdkit_features(SMILES)
    value = features[:, COUNTS + 5]
    targets = np.stack([value > np.median(value), value > 60], axis=1).astype(float)
    targets[::7, 1] = np.nan
    names = ("a",) if regression else ("a", "b")
    spec = ModelSpec(
        name="tiny",
        title="",
        description="",
        dataset="",
        file="",
        tasks=tuple(Task(name, name, name) for name in names),
        provenance="",
        weaknesses=(),
        unit="1" if regression else None,
        trees={"num_leaves": 3, "min_data_in_leaf": 2},
        rounds=4,
        network=NetworkSettings(hidden=4, epochs=2),
        seeds=(0, 1),
    )
    targets = value[:, None].astype(float) if regression else targets
    train, rows = np.arange(32), np.arange(len(SMILES))
    ensemble = train_ensemble(spec, features, targets, train)
    tuning = Tuning(epochs=3, hidden=6, encoder_share=0.3 if regression else 0.0)
    tuned = tune(spec, Encoder(SMALL), Rows(graphs, features, targets, train), tuning)
    export.halve(tuned.encoder)
    export.halve(tuned.heads)
    raw = export.blended_onnx(to_onnx(ensemble), tuned, 0.25, regression).SerializeToString()
    found = export.run(raw, graphs, features, rows)
    margins = 0.75 * ensemble.margins(features) + 0.25 * tuned.margins(graphs, features, rows)
    wanted = margins if regression else 1 / (1 + np.exp(-margins))
    assert features.shape[1] == DIM and found.shape == (40, 2 * len(names))
    assert np.abs(found - wanted).max() < 1e-4


def test_blend_is_chosen_on_the_valid_part():
    spec = ModelSpec("", "", "", "", "", (Task("a", "a", "a"),), "", (), unit="1")
    tried = [Trial(0.0, 1.0, 0.9), Trial(0.25, 0.8, 1.1), Trial(0.5, 0.8, 0.7)]
    assert best(spec, tried).weight == 0.25
