"""The training loop of a detector: phases of picture sizes, cosine learning rate, averaged weights, checkpoints.

`replicas` processes share a batch and average their gradients: on a busy machine two processes of one thread each
are faster than one process of two threads, which wait for each other in every operation.

A checkpoint is written after every epoch; a run that finds one in its folder goes on from there. The weights kept
are the exponential average at the last epoch: nothing is chosen by a look at held-out pictures.
"""

from __future__ import annotations

import copy
import math
import os
import queue
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import torch
import torch.distributed as dist

from .augment import Augment, Drawer, Sample, repeat_weights, to_batch
from .loss import detection_loss
from .network import Detector


@dataclass(frozen=True)
class Phase:
    """Some epochs at one size of picture (or one of several, drawn batch by batch)."""

    epochs: int
    sizes: tuple[int, ...]
    augment: Augment
    with_l1: bool = False
    frozen: int = 0  # convolutions at the beginning that learn no more (their averaged weights stay)


@dataclass(frozen=True)
class Plan:
    """All settings of a run."""

    classes: int
    phases: tuple[Phase, ...]
    batch: int = 16
    rate: float = 1e-3
    last_rate: float = 0.02
    head_rate: float = 2.0
    decay: float = 0.02
    warm_steps: int = 100
    average: float = 0.998
    seed: int = 0
    pictures_per_epoch: int | None = None

    @property
    def epochs(self) -> int:
        """Epochs of all phases."""
        return sum(phase.epochs for phase in self.phases)

    def phase(self, epoch: int) -> Phase:
        """The phase an epoch (from 0) belongs to."""
        for phase in self.phases:
            if epoch < phase.epochs:
                return phase
            epoch -= phase.epochs
        return self.phases[-1]


def groups(model: Detector, plan: Plan) -> list[dict]:
    """Parameters by treatment: no decay on norms and biases, a higher rate for the new class layers."""
    new, plain, decayed = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        conv = name.split(".")[1]
        is_new = name.startswith("convs") and "cls_preds" in model.weight_names[conv][0]
        (new if is_new else decayed if parameter.ndim == 4 else plain).append(parameter)
    return [
        {"params": decayed, "weight_decay": plan.decay, "scale": 1.0},
        {"params": plain, "weight_decay": 0.0, "scale": 1.0},
        {"params": new, "weight_decay": 0.0, "scale": plan.head_rate},
    ]


class Averaged:
    """Exponential average of weights and statistics, faster at first."""

    def __init__(self, model: Detector, decay: float):
        self.model, self.decay, self.steps = copy.deepcopy(model).eval(), decay, 0

    @torch.no_grad()
    def update(self, model: Detector) -> None:
        """Takes in the weights after a step."""
        self.steps += 1
        keep = self.decay * (1 - math.exp(-self.steps / 300))
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - keep)


def rank_and_replicas() -> tuple[int, int]:
    """Number of this process and how many there are."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


def replicate(work: Callable[[], None], replicas: int) -> None:
    """Runs `work` in `replicas` processes of one thread each, which may talk to each other."""
    context = torch.multiprocessing.get_context("fork")
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29511")

    def one(rank: int) -> None:
        torch.set_num_threads(1)
        dist.init_process_group("gloo", rank=rank, world_size=replicas)
        work()

    processes = [context.Process(target=one, args=(rank,)) for rank in range(replicas)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a training process failed; its message is above")


@torch.no_grad()
def share(tensors: list[torch.Tensor]) -> None:
    """Replaces tensors by their mean over the replicas."""
    _, replicas = rank_and_replicas()
    if replicas == 1 or not tensors:
        return
    flat = torch.cat([t.flatten() for t in tensors])
    dist.all_reduce(flat)
    flat /= replicas
    for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors])):
        tensor.copy_(part.view_as(tensor))


def statistics(model: Detector) -> list[torch.Tensor]:
    """Running means and variances."""
    return [b for b in model.buffers() if b.is_floating_point()]


def batches(samples: list[Sample], plan: Plan, epoch: int):
    """This replica's share of the batches of one epoch, drawn by a thread beside the training."""
    rank, replicas = rank_and_replicas()
    phase = plan.phase(epoch)
    weights = repeat_weights(samples, plan.classes)
    rng = np.random.default_rng((plan.seed, epoch))
    drawer = Drawer(samples, weights, np.random.default_rng((plan.seed, epoch, rank)))
    count = (plan.pictures_per_epoch or len(samples)) // plan.batch
    order = rng.choice(len(samples), count * plan.batch, p=weights)
    ready: queue.Queue = queue.Queue(maxsize=3)

    def work() -> None:
        for start in range(0, len(order), plan.batch):
            size = int(rng.choice(phase.sizes))
            own = order[start + rank : start + plan.batch : replicas]
            drawn = [drawer.draw(int(i), size, phase.augment) for i in own]
            ready.put(to_batch(drawn))
        ready.put(None)

    threading.Thread(target=work, daemon=True).start()
    while (batch := ready.get()) is not None:
        yield batch


def freeze(model: Detector, averaged: Averaged, convolutions: int) -> Detector:
    """The model with its first convolutions as they are in the average, in both, for good."""
    theirs = averaged.model
    names = [output for kind, _, output, _ in model.steps if kind == "conv"][:convolutions]
    for part in ("convs", "norms"):
        for name in names:
            mine, other = getattr(model, part), getattr(theirs, part)
            if name in mine:
                mine[name].load_state_dict(other[name].state_dict())
    model.freeze(convolutions)
    theirs.freeze(convolutions)
    return model


def train(
    model: Detector,
    samples: list[Sample],
    plan: Plan,
    folder: Path,
    watch: Callable[[int, Detector], str] | None = None,
) -> Detector:
    """Trains `model` and returns the averaged one. `watch` may report on the averaged weights after an epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(plan.seed)
    share([*model.parameters(), *statistics(model)])
    model = model.to(memory_format=torch.channels_last)
    averaged = Averaged(model, plan.average)
    per_epoch = (plan.pictures_per_epoch or len(samples)) // plan.batch
    first, state = 0, {}
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.is_file():
        state = torch.load(checkpoint)
        first, averaged.steps = state["epoch"] + 1, state["steps"]
        if state.get("frozen"):
            model.freeze(state["frozen"])
            averaged.model.freeze(state["frozen"])
        model.load_state_dict(state["model"])
        averaged.model.load_state_dict(state["averaged"])
    make = lambda: torch.optim.AdamW(groups(model, plan), lr=plan.rate, betas=(0.9, 0.98))  # noqa: E731
    frozen, warm_from, optimiser = state.get("frozen", 0), state.get("warm_from", 0), make()
    if state:
        optimiser.load_state_dict(state["optimiser"])
    for epoch in range(first, plan.epochs):
        if plan.phase(epoch).frozen > frozen:
            frozen, warm_from = plan.phase(epoch).frozen, epoch
            model, optimiser = freeze(model, averaged, frozen), make()
        model.train()
        phase, started, sums, step = plan.phase(epoch), time.time(), {}, 0
        for step, (images, truths) in enumerate(batches(samples, plan, epoch)):
            done = (epoch * per_epoch + step) / (plan.epochs * per_epoch)
            cosine = plan.last_rate + (1 - plan.last_rate) * (1 + math.cos(math.pi * done)) / 2
            warm = min(1.0, ((epoch - warm_from) * per_epoch + step + 1) / plan.warm_steps)
            for group in optimiser.param_groups:
                group["lr"] = plan.rate * group["scale"] * cosine * warm
            parts = detection_loss(model(images), truths, phase.with_l1)
            optimiser.zero_grad(set_to_none=True)
            parts["total"].backward()
            share([p.grad for p in model.parameters() if p.grad is not None])
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimiser.step()
            averaged.update(model)
            for key, value in parts.items():
                sums[key] = sums.get(key, 0.0) + float(value.detach())
        share(statistics(model))
        share(statistics(averaged.model))
        if rank_and_replicas()[0] != 0:
            continue
        means = " ".join(f"{key} {value / (step + 1):.3f}" for key, value in sums.items())
        state = {"model": model.state_dict(), "averaged": averaged.model.state_dict()}
        state |= {"optimiser": optimiser.state_dict(), "epoch": epoch, "steps": averaged.steps}
        state |= {"frozen": frozen, "warm_from": warm_from}
        torch.save(state, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").replace(checkpoint)
        note = watch(epoch, averaged.model) if watch else ""
        seconds = time.time() - started
        print(f"epoch {epoch} sizes {phase.sizes} {means} {seconds:.0f} s {note}", flush=True)
    return averaged.model


def last(graph_path: Path, folder: Path, plan: Plan) -> Detector:
    """The averaged weights of a folder's checkpoint."""
    model = Detector(graph_path, plan.classes)
    model.empty_norm()
    state = torch.load(folder / "checkpoint.pt")
    if state.get("frozen"):
        model.freeze(state["frozen"])
    model.load_state_dict(state["averaged"])
    return model.to(memory_format=torch.channels_last).eval()
