"""SimOTA: every object is learnt by someone, nobody learns two."""

import torch

from strata_training.vision.assign import assign, pairwise_iou
from strata_training.vision.network import cells

GRID = cells(128, 128)


def guess(truth: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corner, stride = GRID
    middle = (corner + 0.5) * stride
    half = torch.rand(len(middle), 2, generator=generator) * 30 + 2
    return torch.cat([middle - half, middle + half], 1), torch.randn(len(middle), 4, generator=generator)


def test_iou_of_known_boxes():
    a = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    b = torch.tensor([[1.0, 1.0, 3.0, 3.0], [0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0]])
    assert torch.allclose(pairwise_iou(a, b)[0], torch.tensor([1 / 7, 1.0, 0.0]))


def test_every_object_has_a_cell_and_no_cell_two_objects():
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        low = torch.rand(5, 2, generator=generator) * 90
        size = torch.rand(5, 2, generator=generator) * 36 + 2  # down to two pixels
        kind = torch.randint(0, 3, (5, 1), generator=generator).float()
        truth = torch.cat([kind, low, low + size], 1)
        boxes, scores = guess(truth, seed)
        found = assign(boxes, scores, truth, GRID)
        assert len(set(found.cells.tolist())) == len(found.cells)
        # Objects on the very same cells may lose them to each other; these do not lie that close.
        assert len(set(found.objects.tolist())) >= 4
        assert torch.equal(found.iou, pairwise_iou(truth[:, 1:], boxes)[found.objects, found.cells])


def test_the_best_prediction_is_among_the_chosen():
    truth = torch.tensor([[1.0, 40.0, 40.0, 72.0, 80.0]])
    boxes, scores = guess(truth, 4)
    corner, stride = GRID
    inside = int((((corner + 0.5) * stride - torch.tensor([56.0, 60.0])).abs().sum(1)).argmin())
    boxes[inside] = truth[0, 1:]
    scores[inside] = torch.tensor([5.0, -5.0, 5.0, -5.0])
    assert inside in assign(boxes, scores, truth, GRID).cells.tolist()


def test_no_objects_no_cells():
    boxes, scores = guess(torch.zeros(0, 5), 0)
    assert len(assign(boxes, scores, torch.zeros(0, 5), GRID).cells) == 0
