"""The 3D Earth-specific transformer of Pangu-Weather (Bi et al. 2023, Nature 619), its sizes as parameters.

Patches of the upper-air fields and, as the lowest plane, of the surface fields become tokens; transformer blocks
attend within windows at two resolutions, every second block with shifted windows; a long skip joins the first
resolution's ends; patches are put back. Windows wrap around in longitude; in height and latitude a shifted window
sees only what was beside it before the shift. Each latitude band and height of windows has a position bias of its
own, because a degree of longitude is not as long everywhere and pressure levels differ.

Physical units in and out: normalisation is part of the graph. With `residual` the network gives the change over
its step, in units of that change's standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

MASKED = -100.0

Named = Callable[[str, Tensor], None]


@dataclass(frozen=True)
class Sizes:
    """Sizes of grid and network; the defaults are those of the published model."""

    latitudes: int = 721
    longitudes: int = 1440
    levels: int = 13
    variables: int = 5
    surface: int = 4
    constants: int = 3  # constant maps beside the surface fields
    patch: tuple[int, int, int] = (2, 4, 4)  # level, latitude, longitude
    window: tuple[int, int, int] = (2, 6, 12)  # plane, row, column
    width: int = 192  # of a token; twice that at the lower resolution
    heads: tuple[int, int] = (6, 12)
    depths: tuple[int, int, int, int] = (2, 6, 6, 2)
    mlp: int = 4
    residual: bool = False
    lifted: bool = False  # shifted windows take planes unshifted, and what they say goes one plane up, as trained

    @property
    def tokens(self) -> tuple[int, int, int]:
        """Planes, rows and columns of tokens; the first plane is the surface."""
        deep, high, wide = self.patch
        if self.longitudes % wide:
            raise ValueError(f"{self.longitudes} longitudes are no multiple of the patch's {wide}")
        return 1 + -(-self.levels // deep), -(-self.latitudes // high), self.longitudes // wide

    @property
    def low_tokens(self) -> tuple[int, int, int]:
        """The same at the lower resolution."""
        planes, rows, columns = self.tokens
        if columns % 2:
            raise ValueError(f"{columns} columns of tokens cannot be halved")
        return planes, -(-rows // 2), columns // 2


@dataclass(frozen=True)
class Block:
    """Sizes of one block."""

    tokens: tuple[int, int, int]
    window: tuple[int, int, int]
    width: int
    heads: int
    mlp: int
    shifted: bool
    lifted: bool = False
    padded: tuple[int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        if self.tokens[2] % self.window[2]:
            raise ValueError(f"{self.tokens[2]} columns of tokens are no multiple of the window's {self.window[2]}")
        padded = tuple(-(-t // w) * w for t, w in zip(self.tokens, self.window, strict=True))
        object.__setattr__(self, "padded", padded)

    @property
    def shift(self) -> tuple[int, int, int]:
        """Tokens by which windows are shifted."""
        return tuple(w // 2 for w in self.window) if self.shifted else (0, 0, 0)

    @property
    def taken(self) -> tuple[int, int, int]:
        """Tokens by which they are shifted on the way into windows; `shift` is that of the way back."""
        return (0, *self.shift[1:]) if self.lifted else self.shift

    @property
    def kinds(self) -> int:
        """Windows that differ in height or latitude."""
        return (self.padded[0] // self.window[0]) * (self.padded[1] // self.window[1])


def bias_places(window: tuple[int, int, int]) -> Tensor:
    """For each pair of a window's tokens its row of the bias table: both heights and rows, difference of columns."""
    deep, high, wide = window
    height, row, column = (part.reshape(-1) for part in torch.meshgrid(
        torch.arange(deep), torch.arange(high), torch.arange(wide), indexing="ij"))
    heights = height[:, None] * deep + height[None]
    rows = row[:, None] * high + row[None]
    columns = column[:, None] - column[None] + wide - 1
    return (heights * high * high + rows) * (2 * wide - 1) + columns


def regions(block: Block) -> Tensor:
    """A number a token and kind of window: tokens attend to those of their own number; longitude has no edge."""
    bands = []
    for padded, window, shift in zip(block.padded[:2], block.window[:2], block.shift[:2], strict=True):
        band = torch.zeros(padded, dtype=torch.long)
        if shift:
            band[-window:-shift] = 1
            band[-shift:] = 2
        bands.append(band.reshape(-1, window))
    height, row = bands  # windows x tokens of a window
    number = height[:, None, :, None] * 3 + row[None, :, None, :]
    number = number.reshape(block.kinds, block.window[0] * block.window[1], 1)
    return number.expand(-1, -1, block.window[2]).reshape(block.kinds, -1)


def extents(x: Tensor) -> tuple[int, ...]:
    """A shape as plain numbers, so that an exported graph has constants and does not compute it."""
    return tuple(int(extent) for extent in x.shape)


class Attention(nn.Module):
    """Attention within windows, with the Earth-specific bias."""

    def __init__(self, block: Block):
        super().__init__()
        self.block = block
        deep, high, wide = block.window
        self.qkv = nn.Linear(block.width, 3 * block.width)
        self.out = nn.Linear(block.width, block.width)
        rows = deep * deep * high * high * (2 * wide - 1)
        self.table = nn.Parameter(torch.empty(block.kinds, rows, block.heads))
        nn.init.trunc_normal_(self.table, std=0.02)
        self.register_buffer("places", bias_places(block.window).reshape(-1), persistent=False)
        self.register_buffer("regions", regions(block), persistent=False)
        self.expanded: nn.Parameter | None = None

    def bias(self) -> Tensor:
        """(kinds, heads, tokens, tokens), masked where a shifted window joins what is not adjacent."""
        if self.expanded is not None:
            return self.expanded
        size = extents(self.regions)[1]
        bias = self.table.index_select(1, self.places).reshape(self.block.kinds, size, size, self.block.heads)
        bias = bias.permute(0, 3, 1, 2)
        if self.block.shifted:
            apart = (self.regions[:, :, None] != self.regions[:, None, :]).to(bias.dtype)
            bias = bias + (apart * MASKED)[:, None]
        return bias

    def expand(self) -> None:
        """Keeps the bias as one constant instead of its table, as the published files do."""
        self.expanded = nn.Parameter(self.bias().detach().contiguous(), requires_grad=False)
        self.register_parameter("table", None)

    def forward(self, x: Tensor) -> Tensor:
        """`x`: (windows around a latitude circle, kinds, tokens, width)."""
        around, kinds, size, width = extents(x)
        heads = self.block.heads
        q, k, v = self.qkv(x).reshape(around, kinds, size, 3, heads, width // heads).permute(3, 0, 1, 4, 2, 5).unbind(0)
        weights = (q * (width // heads) ** -0.5) @ k.transpose(-1, -2) + self.bias()
        mixed = weights.softmax(-1).to(v.dtype) @ v
        return self.out(mixed.transpose(2, 3).reshape(around, kinds, size, width))


class EarthBlock(nn.Module):
    """Attention and a perceptron, each normalised before it is added."""

    def __init__(self, block: Block):
        super().__init__()
        self.block = block
        self.attention = Attention(block)
        self.norm1 = nn.LayerNorm(block.width)
        self.norm2 = nn.LayerNorm(block.width)
        self.mlp = nn.Sequential(
            nn.Linear(block.width, block.mlp * block.width), nn.GELU(), nn.Linear(block.mlp * block.width, block.width)
        )

    def windows(self, x: Tensor) -> Tensor:
        """Padded, shifted, cut into windows."""
        planes, rows, columns = self.block.tokens
        deep, high, _ = self.block.padded
        if (deep, high) != (planes, rows):
            x = functional.pad(x, (0, 0, 0, 0, 0, high - rows, 0, deep - planes))
        if self.block.shifted:
            x = torch.roll(x, tuple(-s for s in self.block.taken), (1, 2, 3))
        batch, width = extents(x)[0], self.block.width
        d, h, w = self.block.window
        x = x.reshape(batch, deep // d, d, high // h, h, columns // w, w, width)
        return x.permute(0, 5, 1, 3, 2, 4, 6, 7).reshape(batch * (columns // w), self.block.kinds, d * h * w, width)

    def whole(self, x: Tensor, batch: int) -> Tensor:
        """The opposite of `windows`."""
        planes, rows, columns = self.block.tokens
        deep, high, _ = self.block.padded
        d, h, w = self.block.window
        x = x.reshape(batch, columns // w, deep // d, high // h, d, h, w, self.block.width)
        x = x.permute(0, 2, 4, 3, 5, 1, 6, 7).reshape(batch, deep, high, columns, self.block.width)
        if self.block.shifted:
            x = torch.roll(x, self.block.shift, (1, 2, 3))
        return x[:, :planes, :rows] if (deep, high) != (planes, rows) else x

    def forward(self, x: Tensor) -> Tensor:
        """`x`: (batch, planes, rows, columns, width)."""
        x = x + self.norm1(self.whole(self.attention(self.windows(x)), extents(x)[0]))
        return x + self.norm2(self.mlp(x))


class Down(nn.Module):
    """Halves the resolution: four tokens become one of twice the width."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.odd = sizes.tokens[1] % 2
        self.norm = nn.LayerNorm(4 * sizes.width)
        self.linear = nn.Linear(4 * sizes.width, 2 * sizes.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, planes, rows, columns, width) to half the rows and columns."""
        x = functional.pad(x, (0, 0, 0, 0, 0, 1)) if self.odd else x
        batch, planes, rows, columns, width = extents(x)
        x = x.reshape(batch, planes, rows // 2, 2, columns // 2, 2, width).permute(0, 1, 2, 4, 3, 5, 6)
        return self.linear(self.norm(x.reshape(batch, planes, rows // 2, columns // 2, 4 * width)))


class Up(nn.Module):
    """Doubles the resolution again."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.rows = sizes.tokens[1]
        self.first = nn.Linear(2 * sizes.width, 4 * sizes.width, bias=False)
        self.norm = nn.LayerNorm(sizes.width)
        self.second = nn.Linear(sizes.width, sizes.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, planes, rows, columns, 2 width) to twice the rows and columns."""
        batch, planes, rows, columns, width = extents(x)
        x = self.first(x).reshape(batch, planes, rows, columns, 2, 2, width // 2).permute(0, 1, 2, 4, 3, 5, 6)
        x = x.reshape(batch, planes, 2 * rows, 2 * columns, width // 2)
        x = x[:, :, : self.rows] if self.rows != 2 * rows else x
        return self.second(self.norm(x))


class Forecaster(nn.Module):
    """One step of the weather."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.sizes = sizes
        deep, high, wide = sizes.patch
        self.embed_upper = nn.Linear(sizes.variables * deep * high * wide, sizes.width)
        self.embed_surface = nn.Linear((sizes.surface + sizes.constants) * high * wide, sizes.width)
        low = [False, True, True, False]
        layers = []
        for depth, lower in zip(sizes.depths, low, strict=True):
            layers.append(nn.ModuleList(EarthBlock(self._block(lower, turn % 2 == 1)) for turn in range(depth)))
        self.layers = nn.ModuleList(layers)
        self.down, self.up = Down(sizes), Up(sizes)
        self.recover_upper = nn.Linear(2 * sizes.width, sizes.variables * deep * high * wide)
        self.recover_surface = nn.Linear(2 * sizes.width, sizes.surface * high * wide)
        upper, surface = (sizes.variables, sizes.levels, 1, 1), (sizes.surface, 1, 1)
        for name, shape in (("upper", upper), ("surface", surface)):
            self.register_buffer(f"mean_{name}", torch.zeros(shape))
            self.register_buffer(f"sd_{name}", torch.ones(shape))
            if sizes.residual:
                self.register_buffer(f"change_{name}", torch.ones(shape))
        self.register_buffer("maps", torch.zeros(sizes.constants, sizes.latitudes, sizes.longitudes))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def _block(self, lower: bool, shifted: bool) -> Block:
        s = self.sizes
        tokens, width, heads = (s.low_tokens, 2 * s.width, s.heads[1]) if lower else (s.tokens, s.width, s.heads[0])
        return Block(tokens, s.window, width, heads, s.mlp, shifted, s.lifted)

    def embed(self, upper: Tensor, surface: Tensor) -> Tensor:
        """Tokens of normalised fields."""
        deep, high, wide = self.sizes.patch
        planes, rows, columns = self.sizes.tokens
        batch = extents(upper)[0]
        south, top = rows * high - self.sizes.latitudes, (planes - 1) * deep - self.sizes.levels
        surface = torch.cat([surface, self.maps[None].expand(batch, -1, -1, -1) if batch > 1 else self.maps[None]], 1)
        if south or top:
            upper = functional.pad(upper, (0, 0, 0, south, 0, top))
            surface = functional.pad(surface, (0, 0, 0, south))
        upper = upper.reshape(batch, -1, planes - 1, deep, rows, high, columns, wide).permute(0, 2, 4, 6, 1, 3, 5, 7)
        surface = surface.reshape(batch, -1, rows, high, columns, wide).permute(0, 2, 4, 1, 3, 5)
        upper = self.embed_upper(upper.reshape(batch, planes - 1, rows, columns, -1))
        surface = self.embed_surface(surface.reshape(batch, 1, rows, columns, -1))
        return torch.cat([surface, upper], 1)

    def recover(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Fields of tokens, still normalised."""
        deep, high, wide = self.sizes.patch
        planes, rows, columns = self.sizes.tokens
        batch, s = extents(x)[0], self.sizes
        surface = self.recover_surface(x[:, 0]).reshape(batch, rows, columns, s.surface, high, wide)
        surface = surface.permute(0, 3, 1, 4, 2, 5).reshape(batch, s.surface, rows * high, columns * wide)
        upper = self.recover_upper(x[:, 1:]).reshape(batch, planes - 1, rows, columns, s.variables, deep, high, wide)
        upper = upper.permute(0, 4, 1, 5, 2, 6, 3, 7)
        upper = upper.reshape(batch, s.variables, (planes - 1) * deep, rows * high, columns * wide)
        return upper[:, :, : s.levels, : s.latitudes], surface[:, :, : s.latitudes]

    def forward(self, upper: Tensor, surface: Tensor, named: Named = lambda name, tensor: None):
        """(batch, variables, levels, latitudes, longitudes) and (batch, surface, latitudes, longitudes), a step later.

        `named` is told each tensor between two blocks; beside the long skip, which is the last block's before
        `downsample_output`, it is all that the rest of the network needs.
        """
        x = self.embed((upper - self.mean_upper) / self.sd_upper, (surface - self.mean_surface) / self.sd_surface)
        named("embed_output", x)
        number, skip = 0, x
        for place, layer in enumerate(self.layers):
            if place == 1:
                skip, x = x, self.down(x)
                named("downsample_output", x)
            elif place == 3:
                x = self.up(x)
                named("upsample_output", x)
            for block in layer:
                x, number = block(x), number + 1
                named(f"block_{number}_output", x)
        later, later_surface = self.recover(torch.cat([skip, x], -1))
        if self.sizes.residual:
            return upper + self.change_upper * later, surface + self.change_surface * later_surface
        return later * self.sd_upper + self.mean_upper, later_surface * self.sd_surface + self.mean_surface
