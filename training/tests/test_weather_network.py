"""The 3D Earth-specific transformer: shapes, longitude without an edge, shifted windows, the file's answers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from strata_training.weather import export, pangu
from strata_training.weather.network import Attention, Block, EarthBlock, Forecaster, Sizes, bias_places, regions
from strata_training.weather.train import SIZES

SMALL = replace(SIZES, width=8, heads=(1, 2), depths=(2, 2, 2, 2))


def _states(sizes: Sizes, batch: int = 1):
    generator = torch.Generator().manual_seed(1)
    upper = torch.randn(batch, sizes.variables, sizes.levels, sizes.latitudes, sizes.longitudes, generator=generator)
    return upper, torch.randn(batch, sizes.surface, sizes.latitudes, sizes.longitudes, generator=generator)


@pytest.fixture
def model() -> Forecaster:
    torch.manual_seed(0)
    made = Forecaster(SMALL).eval()
    for module in made.modules():  # as far from the start as a trained network
        if isinstance(module, Attention):
            torch.nn.init.normal_(module.table)
    return made


def test_published_sizes_have_the_published_number_of_weights():
    with torch.device("meta"):
        made = Forecaster(Sizes())
    assert made.sizes.tokens == (8, 181, 360)
    assert made.sizes.low_tokens == (8, 91, 180)
    assert sum(p.numel() for p in made.parameters()) == pytest.approx(64e6, rel=0.02)


@pytest.mark.parametrize("sizes", [SMALL, pangu.SCALES["tiny"]])
def test_a_step_keeps_the_shapes(sizes):
    upper, surface = _states(sizes, 2)
    with torch.no_grad():
        later, later_surface = Forecaster(sizes)(upper, surface)
    assert later.shape == upper.shape
    assert later_surface.shape == surface.shape


def test_longitude_has_no_edge(model):
    # Turned by a low-resolution window, 8 tokens of 2 x 2 points: the same windows, begun elsewhere.
    upper, surface = _states(SMALL)
    turn = SMALL.window[2] * 2 * SMALL.patch[2]
    with torch.no_grad():
        right = model(upper, surface)[0].roll(turn, -1)
        turned = model(upper.roll(turn, -1), surface.roll(turn, -1))[0]
        other = model(upper.roll(turn // 2 - 1, -1), surface.roll(turn // 2 - 1, -1))[0]
    assert torch.allclose(turned, right, atol=1e-5)
    assert not torch.allclose(other, model(upper, surface)[0].roll(turn // 2 - 1, -1), atol=1e-5)


@pytest.mark.parametrize("shifted", [False, True])
def test_windows_come_back_to_their_places(shifted):
    block = EarthBlock(Block((3, 7, 8), (2, 4, 4), 4, 1, 2, shifted))
    x = torch.randn(2, 3, 7, 8, 4)
    assert block.windows(x).shape == (4, block.block.kinds, 32, 4)
    assert torch.equal(block.whole(block.windows(x), 2), x)


def test_a_lifted_block_answers_one_plane_higher():
    block = EarthBlock(Block((4, 8, 8), (2, 4, 4), 4, 1, 2, True, True))
    x = torch.randn(1, 4, 8, 8, 4)
    assert torch.equal(block.whole(block.windows(x), 1), x.roll(1, 1))


def test_shifted_windows_do_not_join_the_poles_or_ground_and_top():
    block = Block((4, 8, 8), (2, 4, 4), 4, 1, 2, True)
    attention = EarthBlock(block).eval()
    torch.nn.init.normal_(attention.attention.table)
    x = torch.randn(1, 4, 8, 8, 4, requires_grad=True)
    attention(x)[0, 0, 0, 0, 0].backward()
    reach = x.grad[0].abs().sum(-1) > 1e-12
    assert reach[0, 0, 0]
    assert not reach[:, -2:].any(), "the north pole sees the south pole"
    assert not reach[-1].any(), "the ground sees the top"
    assert reach[..., -1].any(), "the first longitude sees the last"


def test_regions_of_windows_that_are_not_shifted_are_one():
    assert regions(Block((4, 8, 8), (2, 4, 4), 4, 1, 2, False)).unique().numel() == 1
    assert regions(Block((4, 8, 8), (2, 4, 4), 4, 1, 2, True)).unique().numel() > 1


def test_bias_depends_on_both_rows_and_on_the_difference_of_columns():
    window = (2, 3, 4)
    places = bias_places(window).reshape(2, 3, 4, 2, 3, 4)
    assert places[0, 1, 0, 1, 2, 2] == places[0, 1, 1, 1, 2, 3]
    assert places[0, 1, 0, 1, 2, 2] != places[0, 0, 0, 1, 1, 2]
    assert places.max() < 4 * 9 * 7


def test_columns_that_no_window_fits_are_refused():
    with pytest.raises(ValueError, match="no multiple of the window"):
        Forecaster(replace(SMALL, longitudes=40))


@pytest.mark.parametrize("expand", [False, True])
def test_the_file_says_what_torch_says(expand):
    made = pangu.build(pangu.SCALES["tiny"], 3, expand)
    upper, surface = (part[0] for part in _states(made.sizes))
    state = (upper * made.sd_upper + made.mean_upper).numpy(), (surface * made.sd_surface + made.mean_surface).numpy()
    graph = export.to_onnx(made, "tiny")
    assert export.gap(made, graph.SerializeToString(), [state]) < 1e-4
    said = {name for node in graph.graph.node for name in node.output}
    blocks = sum(made.sizes.depths)
    assert {f"block_{n}_output" for n in range(1, blocks + 1)} <= said
    assert {"embed_output", "downsample_output", "upsample_output"} <= said
    assert [d.dim_value for d in graph.graph.input[0].type.tensor_type.shape.dim] == [5, 13, 33, 64]


def test_a_block_boundary_and_the_long_skip_are_all_the_rest_needs():
    made = pangu.build(pangu.SCALES["tiny"], 3)
    graph = export.to_onnx(made, "tiny").graph
    first, second = made.sizes.depths[:2]
    cut, skip = f"block_{first + second}_output", f"block_{first}_output"
    made_by = {name: node for node in graph.node for name in node.output}
    free = {"input", "input_surface"}
    waiting, seen = ["output", "output_surface"], set()
    while waiting:
        name = waiting.pop()
        if name in seen or name in (cut, skip) or name not in made_by:
            seen.add(name)
            continue
        seen.add(name)
        waiting += made_by[name].input
    assert {cut, skip} <= seen
    assert not seen & free


def test_shipped_models_are_small_enough():
    assert sum(p.numel() for p in Forecaster(SIZES).parameters()) < 1_000_000
    assert np.prod(SIZES.tokens) == 4096
