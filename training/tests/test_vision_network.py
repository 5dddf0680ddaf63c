"""The detector: norms, freezing, export and loss keep their promises. The graph is the shipped belt-damage model's."""

from pathlib import Path

import numpy as np
import pytest
import torch

from strata_training.vision import export
from strata_training.vision.loss import detection_loss, raw_targets
from strata_training.vision.network import Detector, cells, decode, flatten

GRAPH = Path(__file__).parents[2] / "shared-models/belt-damage/belt-damage.onnx"


@pytest.fixture
def model() -> Detector:
    torch.manual_seed(3)
    return Detector(GRAPH, 4).eval()


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(6, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 255


def test_norms_leave_the_function_and_fold_away(model, images):
    with torch.no_grad():
        before = flatten(model(images))
        model.restore_norm(images)
        assert torch.allclose(flatten(model(images)), before, atol=2e-3)
        # In training the batch's own statistics are the measured ones.
        model.train()
        assert torch.allclose(flatten(model(images)), before, atol=2e-2)
        model.eval()
        normed = flatten(model(images))
        model.fold_norm()
        assert len(model.norms) == 0
        assert torch.allclose(flatten(model(images)), normed, atol=2e-3)


def test_frozen_layers_get_no_gradient_and_say_the_same(model, images):
    model.restore_norm(images)
    with torch.no_grad():
        before = flatten(model(images))
    model.freeze(9)
    with torch.no_grad():
        assert torch.allclose(flatten(model(images)), before, atol=2e-3)
    flatten(model(images)).sum().backward()
    with_gradient = [p for p in model.parameters() if p.grad is not None]
    frozen = [p for p in model.parameters() if not p.requires_grad]
    assert len(frozen) == 18
    assert with_gradient and all(p.grad is None for p in frozen)


def test_the_file_takes_any_batch_and_size_and_says_what_torch_says(model):
    file = export.to_onnx(model, GRAPH, "tiny").SerializeToString()
    session = export.session(file)
    for shape in ((1, 3, 64, 64), (3, 3, 64, 96), (2, 3, 128, 64)):
        pictures = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
        found = session.run(None, {"images": pictures})[0]
        assert found.shape == (shape[0], shape[2] * shape[3] * 21 // 1024, 9)
        assert np.abs(found - export.answer(model, pictures)).max() < 1e-4


def test_raw_targets_undo_decoding():
    corner, stride = cells(64, 64)
    at = torch.tensor([5, 70, 82])
    boxes = torch.tensor([[3.0, 4.0, 20.0, 31.0], [10.0, 2.0, 60.0, 40.0], [0.0, 0.0, 64.0, 64.0]])
    flat = torch.zeros(1, len(corner), 9)
    flat[0, at, :4] = raw_targets(boxes, corner[at], stride[at])
    assert torch.allclose(decode(flat, 64, 64)[0, at], boxes, atol=1e-4)


def test_a_few_steps_lower_the_loss(model, images):
    truths = [torch.tensor([[i % 4, 10.0, 12.0, 40.0, 50.0]]) for i in range(6)]
    optimiser = torch.optim.AdamW(model.parameters(), 5e-4)
    losses = []
    for _ in range(8):
        parts = detection_loss(model(images), truths, with_l1=True)
        optimiser.zero_grad()
        parts["total"].backward()
        optimiser.step()
        losses.append(float(parts["total"].detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_pictures_without_objects_have_a_loss_of_objectness_only(model, images):
    parts = detection_loss(model(images), [torch.zeros(0, 5)] * 6, with_l1=True)
    assert parts["objectness"] > 0
    assert parts["box"] == parts["class"] == parts["l1"] == 0
