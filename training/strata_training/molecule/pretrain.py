"""Pre-training: from a molecule with some atoms hidden, say its fingerprints, its descriptors and the hidden atoms."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .corpus import Corpus
from .encoder import Batch, Encoder, Size, batch_of
from .graph import pack


@dataclass(frozen=True)
class Plan:
    """How long and how fast."""

    epochs: int = 3
    batch: int = 128
    # Constant after the first steps, falling to nothing over the last epoch: a checkpoint fits runs of any length.
    rate: float = 1e-3
    warm_steps: int = 300
    decay: float = 0.01
    hidden_share: float = 0.15
    kinds: int = 128
    seed: int = 0
    # Molecules never trained on: they show that the loss falls on others too.
    watched: int = 2000
    report_every: int = 200


class Questions(nn.Module):
    """Linear heads on the embedding and on atoms' vectors; thrown away after pre-training."""

    def __init__(self, size: Size, bits: int, described: int, kinds: int) -> None:
        super().__init__()
        self.bits = nn.Linear(size.embedding, bits)
        self.described = nn.Linear(size.embedding, described)
        self.kinds = nn.Linear(size.hidden, kinds + 1)


@dataclass
class Answers:
    """What a batch is asked."""

    bits: torch.Tensor
    described: torch.Tensor
    hidden: torch.Tensor
    kinds: torch.Tensor


def losses(encoder: Encoder, questions: Questions, batch: Batch, wanted: Answers) -> torch.Tensor:
    """Bits (cross-entropy, summed over bits and scaled), descriptors (Huber), hidden atoms (cross-entropy)."""
    atoms = encoder.atom_vectors(batch, wanted.hidden)
    embedding = encoder.pooled(batch, atoms)
    bits = functional.binary_cross_entropy_with_logits(questions.bits(embedding), wanted.bits) * 20.0
    described = functional.smooth_l1_loss(questions.described(embedding), wanted.described)
    kinds = functional.cross_entropy(questions.kinds(atoms[wanted.hidden]), wanted.kinds)
    return torch.stack([bits, described, kinds])


class Lessons:
    """Batches of a corpus with their answers."""

    def __init__(self, corpus: Corpus, plan: Plan) -> None:
        self.corpus, self.plan = corpus, plan
        # The commonest kinds of atoms have a class each, all others share one.
        order = np.argsort(-np.bincount(corpus.graphs.atoms, minlength=len(corpus.graphs.atom_table)), kind="stable")
        self.class_of = np.full(len(order), plan.kinds, np.int64)
        self.class_of[order[: plan.kinds]] = np.arange(min(plan.kinds, len(order)))

    def batch(self, rows: np.ndarray, rng: np.random.Generator) -> tuple[Batch, Answers]:
        """The molecules `rows`, some of their atoms hidden."""
        packed = pack(self.corpus.graphs, rows)
        hidden = rng.random(len(packed.atoms)) < self.plan.hidden_share
        hidden[rng.integers(len(hidden))] = True
        bits = np.unpackbits(self.corpus.bits[rows], axis=1)
        return batch_of(packed), Answers(
            bits=torch.from_numpy(bits).float(),
            described=torch.from_numpy(self.corpus.described[rows].astype(np.float32)),
            hidden=torch.from_numpy(hidden),
            kinds=torch.from_numpy(self.class_of[packed.atoms[hidden]]),
        )


def watched_losses(encoder: Encoder, questions: Questions, lessons: Lessons, rows: np.ndarray) -> np.ndarray:
    """Mean losses on molecules left out of the training, the same atoms hidden each time."""
    rng = np.random.default_rng(1)
    parts = []
    with torch.no_grad():
        for at in range(0, len(rows), 250):
            batch, wanted = lessons.batch(rows[at : at + 250], rng)
            parts.append(losses(encoder, questions, batch, wanted).numpy())
    return np.mean(parts, axis=0)


def pretrain(corpus: Corpus, work: Path, size: Size = Size(), plan: Plan = Plan()) -> tuple[Encoder, dict]:
    """Trains an encoder; goes on from the checkpoint of an interrupted run in `work`."""
    torch.manual_seed(plan.seed)
    lessons = Lessons(corpus, plan)
    order = np.random.default_rng(plan.seed).permutation(len(corpus.smiles))
    watched, rows = order[: plan.watched], order[plan.watched :]
    encoder = Encoder(size).use(corpus.graphs)
    questions = Questions(size, corpus.bits.shape[1] * 8, corpus.described.shape[1], plan.kinds)
    weights = [*encoder.parameters(), *questions.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=plan.rate, weight_decay=plan.decay)
    a_epoch = len(rows) // plan.batch
    total = a_epoch * plan.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / plan.warm_steps, (total - step) / a_epoch, 1.0)
    )
    kept = work / "pretrain.pt"
    first = 0
    if kept.is_file():
        state = torch.load(kept, weights_only=True)
        encoder.load_state_dict(state["encoder"])
        questions.load_state_dict(state["questions"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        first = state["epoch"]
    begun = time.monotonic()
    for epoch in range(first, plan.epochs):
        # A generator an epoch, so that a run that goes on sees what it would have seen.
        rng = np.random.default_rng([plan.seed, epoch])
        mixed = rng.permutation(rows)
        for step in range(a_epoch):
            batch, wanted = lessons.batch(mixed[step * plan.batch : (step + 1) * plan.batch], rng)
            parts = losses(encoder, questions, batch, wanted)
            optimiser.zero_grad(set_to_none=True)
            parts.sum().backward()
            torch.nn.utils.clip_grad_norm_(weights, 2.0)
            optimiser.step()
            schedule.step()
            if step % plan.report_every == 0:
                spent = time.monotonic() - begun
                words = " ".join(f"{value:.4f}" for value in parts.detach().numpy())
                print(f"  epoch {epoch} step {step}/{a_epoch}: {words}; {spent:.0f} s", flush=True)
        seen = watched_losses(encoder, questions, lessons, watched)
        print(f"  epoch {epoch}: left-out bits {seen[0]:.4f} descriptors {seen[1]:.4f} atoms {seen[2]:.4f}", flush=True)
        torch.save(
            {
                "encoder": encoder.state_dict(),
                "questions": questions.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
                "epoch": epoch + 1,
            },
            kept,
        )
    left_out = watched_losses(encoder, questions, lessons, watched)
    return encoder, dict(zip(("bits", "descriptors", "atoms"), left_out.tolist(), strict=True))
