"""`python -m strata_training dry-planet`: simulates, trains, measures; `pangu`: a network of the published sizes."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

NAMES = ("dry-planet", "pangu")


def main(arguments: list[str]) -> int:
    """Runs one of `NAMES`."""
    return pangu_main(arguments[1:]) if arguments[0] == "pangu" else dry_planet_main(arguments[1:])


def pangu_main(arguments: list[str]) -> int:
    """Writes a network of the published architecture with random weights."""
    from . import pangu

    parser = argparse.ArgumentParser(prog="strata_training pangu", description=pangu.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the file")
    parser.add_argument("--scale", choices=sorted(pangu.SCALES), default="full")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    pangu.write(given.out, given.scale, given.seed)
    return 0


def dry_planet_main(arguments: list[str]) -> int:
    """Simulates, trains, measures, writes."""
    from .simulate import Plan

    repository = Path(__file__).resolve().parents[3]
    parser = argparse.ArgumentParser(prog="strata_training dry-planet", description=__doc__)
    parser.add_argument("--work", type=Path, default=repository / "training" / ".work" / "dry-planet",
                        help="folder of the simulation and of weights; a run goes on there")
    parser.add_argument("--out", type=Path, default=repository / "shared-models", help="where model folders go")
    parser.add_argument("--samples", type=Path, default=repository / "datasets" / "weather", help="sample states")
    parser.add_argument("--only", choices=["simulate", "train", "measure", "release"],
                        help="one part of it; `measure`: the weights of --results on members of another seed")
    parser.add_argument("--members", type=int, default=Plan.members)
    parser.add_argument("--days", type=int, default=Plan.days, help="six-hourly days a member after the spin-up")
    parser.add_argument("--hourly-days", type=int, default=Plan.hourly_days)
    parser.add_argument("--spinup-days", type=int, default=Plan.spinup_days)
    parser.add_argument("--lessons", type=float, default=1.0, help="factor on the number of training steps")
    parser.add_argument("--seed", type=int, default=Plan.seed, help="of the simulation")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--simulate-seconds", type=float, default=0.0, help="cut the days to this time")
    parser.add_argument("--train-seconds", type=float, default=0.0, help="cut the training steps to this time")
    parser.add_argument("--results", type=Path, help="folder of weights and figures (default: in --work)")
    given = parser.parse_args(arguments)
    results = given.results or given.work / "results"
    if given.only in (None, "simulate") and not (given.work / "plan.json").is_file():
        run_simulation(given)
    if given.only in (None, "train"):
        run_training(given, results)
    if given.only == "measure":
        run_measure(given, results)
    if given.only in (None, "release"):
        from . import release

        release.publish(results, given.out, given.samples)
    return 0


def run_simulation(given: argparse.Namespace) -> None:
    """The simulation, in the proportions of the plan."""
    from .simulate import Plan, simulate

    measured = given.only == "measure"  # all members are for tests
    train = 0 if measured else given.members * Plan.train // Plan.members
    valid = 0 if measured else max(1, given.members * Plan.valid // Plan.members)
    plan = Plan(
        members=given.members, train=train, valid=valid, spinup_days=given.spinup_days, days=given.days,
        hourly_days=given.hourly_days, seed=given.seed, seconds=given.simulate_seconds,
    )  # fmt: skip
    print(json.dumps(simulate(plan, given.work)), flush=True)


def run_training(given: argparse.Namespace, results: Path) -> None:
    """Trains all four and measures them; writes weights as soon as there are any."""
    import copy

    import torch

    from . import evaluate, store, train
    from .data import load, statistics
    from .network import Forecaster

    began = time.monotonic()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_float32_matmul_precision("high")
    torch.manual_seed(0)
    results.mkdir(parents=True, exist_ok=True)
    data = load(given.work, device)
    found = statistics(data, train.STEPS)
    print(f"data loaded in {time.monotonic() - began:.0f} s: {tuple(data.six.shape)}", flush=True)
    store.sample(results, data, found)

    model = Forecaster(train.SIZES).to(device)
    forward = model
    models, history, choices = {}, {}, {}
    for lesson in train.plan(given.train_seconds, given.lessons, given.batch):
        train.set_statistics(model, found, lesson.hours)
        if device.type == "cuda" and forward is model:
            forward = train.compiled(model, data.six[: lesson.batch, 0])
        curve = train.learn(lesson, model, forward, data, found)
        history[f"{lesson.hours} h, {lesson.ahead} ahead"] = curve
        quality = evaluate.chosen(model, lesson.hours, data, found)
        before = [value for _, value in choices.setdefault(lesson.hours, [])]
        choices[lesson.hours].append([lesson.ahead, round(quality, 6)])
        print(f"valid, five steps of {lesson.hours} h: {quality:.5f}", flush=True)
        if not before or quality < min(before):
            models[lesson.hours] = copy.deepcopy(model).eval()
            store.weights(results, models[lesson.hours], lesson.hours)
    figures = evaluate.all_figures(models, data, found)
    facts = {"simulation": data.facts, "history": history, "chosen": choices, "training_device": device_name(device)}
    facts["training_seconds"] = round(time.monotonic() - began, 1)
    (results / "figures.json").write_text(json.dumps(facts | figures))
    summary(figures)


def run_measure(given: argparse.Namespace, results: Path) -> None:
    """Measures weights that are there on a simulation of its own."""
    import torch

    from . import evaluate, store, train
    from .data import load

    if not (given.work / "plan.json").is_file():
        run_simulation(given)
    torch.set_num_threads(2)
    data = load(given.work, torch.device("cpu"))
    trained = {hours: store.model(results, hours) for hours in train.STEPS}
    found = store.statistics(results, trained)
    models = {hours: store.Served(model) for hours, model in trained.items()}
    figures = evaluate.all_figures(models, data, found)
    (results / "measured.json").write_text(json.dumps({"simulation": data.facts} | figures))
    summary(figures)


def device_name(device) -> str:
    """The card's name, or `cpu`."""
    import torch

    return torch.cuda.get_device_name() if device.type == "cuda" else "cpu"


def summary(figures: dict) -> None:
    """A short table on the terminal."""
    long = figures["six_hourly"]
    z, t = (long["fields"].index(name) for name in ("z500", "t850"))
    for place, lead in enumerate(long["leads"]):
        if lead % 24 == 0 or lead in (6, 12):
            row = [long[f"rmse_{who}"][place][c] for c in (z, t) for who in ("model", "persistence", "climatology")]
            print(f"{lead:4d} h z500 {row[0]:7.1f} {row[1]:7.1f} {row[2]:7.1f}  t850 {row[3]:5.2f} {row[4]:5.2f} "
                  f"{row[5]:5.2f}  ACC {long['acc']['z500'][place]:.3f}")
    for who, table in figures["hourly"].items():
        found = {lead: scores[z] for lead, scores in zip(table["leads"], table["rmse_model"], strict=True)}
        print(who, "z500", found, "persistence", table["rmse_persistence"][0][z])
    print("horizons", figures["horizon"])
    end = figures["rollout"]
    for day, facts in [("truth", end["truth"]), *end["days"].items()]:
        print("rollout", day, facts["mean"], facts["anomaly_sd"], facts["spectrum_250"][1:32:6])
    print("late zonal means", end["late_zonal_mean_rmse"], "finite", end["finite"])
