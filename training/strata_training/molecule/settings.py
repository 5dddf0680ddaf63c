"""How heads on the encoder are trained; no framework is imported here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """Steps of the heads and of the encoder below them."""

    epochs: int = 30
    batch: int = 32
    rate: float = 1e-3
    # Of the encoder, against the heads'; 0 keeps messages as they were pre-trained and tunes only the last layer.
    encoder_share: float = 0.3
    hidden: int = 128
    dropout: float = 0.2
    decay: float = 0.01
    seed: int = 0
    described: bool = True
