"""`gov-router`: to which bureau a hotline case or an application goes.

A token has a score a bureau; scores are added up, divided by the length the tokens' retriever vectors would have at
right angles, and made probabilities. A token's scores are a linear map of its vector in the retriever, which knows what
words occur with, plus a part of its own; so words that no item or sentence here holds still count.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional

from ..vision.card import Figure
from . import bureaus, card, data, export
from .examples import TEMPLATES
from .lexical import counts
from .tokens import TOKENIZER, Vocabulary

NAME = "gov-router"
LONGEST = 512


@dataclass(frozen=True)
class Case:
    """A text, its bureau, and the item it is of (none for our own sentences)."""

    text: str
    bureau: int
    item: str = ""


@dataclass(frozen=True)
class Plan:
    """Settings, by the valid part."""

    steps: int = 300
    rate: float = 0.02
    own_decay: float = 3e-4
    map_decay: float = 1e-4
    said_times: int = 3
    seed: int = 0


@dataclass
class Parts:
    """Texts to train on, to set the temperature, and held out: items, our own sentences."""

    fit: list[Case]
    valid: list[Case]
    items: list[Case]
    said: list[Case]


def split(gov: Path, plan: Plan) -> Parts:
    """Items of one catalogue entry stay together: 70/10/20."""
    rows = [(row, bureaus.bureau(row["DEPT_NAME"])) for row in data.service_rows(gov)]
    rows = [(row, bureaus.NAMES.index(name)) for row, name in rows if name]
    groups = sorted({row["parentCatalogName"] for row, _ in rows})
    order = np.random.default_rng(plan.seed).permutation(len(groups))
    place = {groups[g]: rank / len(groups) for rank, g in enumerate(order)}
    made = Parts([], [], [], [])
    for number, (row, bureau) in enumerate(rows):
        title, where = row["TASK_NAME"], place[row["parentCatalogName"]]
        if where >= 0.8:
            made.items.append(Case(title, bureau, title))
        elif where >= 0.7:
            made.valid.append(Case(title, bureau, title))
        else:
            standard = row.get("accept_standard") or ""
            texts = [title, TEMPLATES[number % len(TEMPLATES)].format(title)]
            texts += [f"{title}。{standard}"] if len(standard) > 4 else []
            made.fit += [Case(text, bureau, title) for text in texts]
    fit, held = bureaus.sentences()
    made.fit += [Case(text, bureaus.NAMES.index(name)) for text, name in fit] * plan.said_times
    made.said = [Case(text, bureaus.NAMES.index(name)) for text, name in held]
    return made


@dataclass
class Router:
    """Scores a token and bureau, squared lengths a token, and what is added a bureau."""

    rows: export.Bytes
    squares: np.ndarray
    bias: np.ndarray

    def logits(self, bags: list[list[int]]) -> np.ndarray:
        """Scores of texts, by torch."""
        table, squares = torch.from_numpy(self.rows.table()), torch.from_numpy(self.squares)
        made = [
            table[torch.tensor(bag)].sum(0) / squares[torch.tensor(bag)].sum().clamp_min(1e-12).sqrt() for bag in bags
        ]
        return (torch.stack(made) + torch.from_numpy(self.bias)).numpy()

    def probabilities(self, bags: list[list[int]]) -> np.ndarray:
        """Probabilities of texts."""
        return torch.from_numpy(self.logits(bags)).softmax(1).numpy()


def _sparse(bags: list[np.ndarray], squares: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """Texts as rows of tokens over their length."""
    tf = counts(bags, len(squares))
    lengths = np.sqrt(np.maximum(np.asarray(tf @ squares), 1e-12))
    rows = np.repeat(np.arange(len(bags)), np.diff(tf.indptr))
    places = torch.from_numpy(np.stack([rows, tf.indices]).astype(np.int64))
    values = torch.from_numpy((tf.data / lengths[rows]).astype(np.float32))
    return torch.sparse_coo_tensor(places, values, tf.shape).coalesce(), lengths


def fitted(table: np.ndarray, words: Vocabulary, parts: Parts, plan: Plan) -> Router:
    """Trains on the fit part; the temperature is the one with least loss on the valid part and held-in sentences."""
    torch.manual_seed(plan.seed)
    squares = (table**2).sum(1).astype(np.float32)
    bags = [np.array(words.ids(case.text, LONGEST)) for case in parts.fit]
    given, _ = _sparse(bags, squares)
    vectors = torch.sparse.mm(given, torch.from_numpy(table))
    labels = torch.tensor([case.bureau for case in parts.fit])
    shares = torch.bincount(labels, minlength=len(bureaus.NAMES)).float().clamp_min(1)
    weights = shares.rsqrt() / shares.rsqrt().mean()
    towards = torch.zeros(table.shape[1], len(bureaus.NAMES), requires_grad=True)
    own = torch.zeros(len(words), len(bureaus.NAMES), requires_grad=True)
    bias = torch.zeros(len(bureaus.NAMES), requires_grad=True)
    optimiser = torch.optim.Adam([towards, own, bias], lr=plan.rate)
    for _ in range(plan.steps):
        scores = vectors @ towards + torch.sparse.mm(given, own) + bias
        value = functional.cross_entropy(scores, labels, weight=weights)
        value = value + plan.map_decay * towards.square().sum() + plan.own_decay * own.square().sum()
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    rows = table @ towards.detach().numpy() + own.detach().numpy()
    made = Router(export.Bytes.of(rows), squares, bias.detach().numpy())
    heat = temperature(made.logits([words.ids(case.text, LONGEST) for case in parts.valid]), parts.valid)
    print(f"{NAME}: temperature {heat:.2f}", flush=True)
    return Router(export.Bytes.of(rows / heat), squares, (made.bias / heat).astype(np.float32))


def temperature(logits: np.ndarray, cases: list[Case]) -> float:
    """What logits are divided by for the least loss."""
    labels, given = torch.tensor([case.bureau for case in cases]), torch.from_numpy(logits)
    grid = np.geomspace(0.2, 5, 60)
    return float(min(grid, key=lambda heat: float(functional.cross_entropy(given / float(heat), labels))))


def to_onnx(router: Router) -> bytes:
    """Token ids and mask in, a probability a bureau out."""
    constants = {
        "table": router.rows.values,
        "scales": router.rows.scales,
        "squares": router.squares,
        "bias": router.bias,
        "middle": np.array([1], np.int64),
        "least": np.array(1e-12, np.float32),
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "input_ids"], ["rows"]),
        node("Cast", ["rows"], ["scores"], to=TensorProto.FLOAT),
        node("Gather", ["scales", "input_ids"], ["lengths"]),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Mul", ["lengths", "mask"], ["weights"]),
        node("Unsqueeze", ["weights", "middle"], ["across"]),
        node("MatMul", ["across", "scores"], ["sum"]),
        node("Squeeze", ["sum", "middle"], ["flat"]),
        node("Gather", ["squares", "input_ids"], ["parts"]),
        node("Mul", ["parts", "mask"], ["kept"]),
        node("ReduceSum", ["kept", "middle"], ["square"], keepdims=1),
        node("Max", ["square", "least"], ["positive"]),
        node("Sqrt", ["positive"], ["norm"]),
        node("Div", ["flat", "norm"], ["means"]),
        node("Add", ["means", "bias"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    made = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(router.bias)])
    return export.built(NAME, nodes, made, {k: numpy_helper.from_array(v, k) for k, v in constants.items()})


def quality(probabilities: np.ndarray, cases: list[Case], split_name: str, dataset: str) -> list[Figure]:
    """Right at the first and among three, and the expected calibration error over ten steps of confidence."""
    labels = np.array([case.bureau for case in cases])
    order = np.argsort(-probabilities, 1, kind="stable")
    right = order[:, 0] == labels
    sure = probabilities.max(1)
    step = np.minimum((sure * 10).astype(int), 9)
    error = sum(abs(right[step == s].mean() - sure[step == s].mean()) * (step == s).mean() for s in np.unique(step))
    values = {"accuracy": right.mean(), "top-3 accuracy": (order[:, :3] == labels[:, None]).any(1).mean()}
    values["expected calibration error"] = error
    found = [Figure(dataset, split_name, metric, v, len(cases), "this model") for metric, v in values.items()]
    for figure in found:
        print(f"{dataset}, {split_name}: {figure.metric} {figure.value:.4f} (n = {figure.n})", flush=True)
    return found


def run(gov: Path, models: Path, plan: Plan | None = None) -> None:
    """Trains on the retriever in `models`, measures, writes the folder beside it."""
    plan = plan or Plan()
    source = models / "gov-retriever"
    if not (source / "gov-retriever.onnx").exists():
        raise data.MissingData(f"{source}/gov-retriever.onnx is missing: train gov-retriever first")
    words = Vocabulary.read(source / "vocabulary.txt")
    kept = {t.name: numpy_helper.to_array(t) for t in onnx.load(source / "gov-retriever.onnx").graph.initializer}
    parts = split(gov, plan)
    router = fitted(export.Bytes(kept["table"], kept["scales"]).table(), words, parts, plan)
    ids = lambda cases: [words.ids(case.text, LONGEST) for case in cases]  # noqa: E731
    file = to_onnx(router)
    bags = ids([*parts.items, *parts.said])
    gap = export.gap(file, router.probabilities(bags), bags)
    print(f"{NAME}: {len(file)} bytes, parity {gap:.1e}", flush=True)
    items = quality(
        router.probabilities(ids(parts.items)), parts.items, "a fifth of catalogue entries", "Guangdong items"
    )
    said = quality(router.probabilities(ids(parts.said)), parts.said, "held out", "our own hotline sentences")
    examples = [words.ids(text) for text in ("老板拖欠工资两个月", "工厂半夜排放废气", "☃")]
    files = [
        (f"{NAME}.onnx", "model", file),
        ("vocabulary.txt", "tokenizer", words.file()),
        ("labels.txt", "labels", ("\n".join(bureaus.NAMES) + "\n").encode()),
        ("golden.json", "golden", export.golden("probabilities", router.probabilities(examples), examples).encode()),
    ]
    preprocess = {"kit": "text/1", "tokenizer": TOKENIZER, "max_tokens": LONGEST}
    made = described(plan, files, preprocess, [*items, *said], len(parts.fit))
    made.parity = f"ONNX Runtime gives what torch gives within {gap:.1e}. The file has {len(file):,} bytes."
    card.write(made, models / NAME)


def described(plan: Plan, files: list, preprocess: dict, figures: list[Figure], rows: int) -> card.Model:
    """The card but for the parity."""
    ports = [{"name": key, "dtype": "int64", "shape": ["N", "T"], "meaning": meaning, "unit": "1"} for key, meaning in (
        ("input_ids", "ids of the text's known tokens, each once; 0 fills up, 1 alone where no token is known"),
        ("attention_mask", "1 for a token, 0 for what fills up"),
    )]  # fmt: skip
    out = {"name": "probabilities", "dtype": "float32", "shape": ["N", len(bureaus.NAMES)], "unit": "1"}
    out["meaning"] = "a probability a bureau, in the order of the labels"
    return card.Model(
        name=NAME,
        task="classification",
        title="Router of hotline cases to bureaus",
        description=f"{len(bureaus.NAMES)} kinds of bureau, from the words of a citizen's case or an application.",
        version="1.0.0",
        licence="Apache-2.0",
        files=files,
        inputs=ports,
        outputs=[out],
        preprocess=preprocess,
        postprocess={"head": "classes", "classes": bureaus.NAMES},
        batching={"unit": "tokens", "max_cost": 65536, "pad": {"input_ids": 0.0, "attention_mask": 0.0}},
        training={
            "data": "names and conditions of Guangdong service items (2,056 of bureaus; departments' names merged over "
            "province and city), our own hotline sentences (246); token vectors of gov-retriever",
            "licence": "MIT (service items), Apache-2.0 (sentences)",
            "split": f"seed {plan.seed}: catalogue entries 70/10/20; our own sentences 246 and 71",
            "seeds": [plan.seed],
            "rows": rows,
            "script": "python -m strata_training gov-router",
        },
        figures=figures,
        tolerance=export.TOLERANCE,
        made=[
            "A token's scores are a linear map of its gov-retriever vector plus a part of its own, both held small; "
            "classes weighted by the root of how rare they are; the temperature is by the valid part.",
        ],
        weaknesses=[
            "Two bureaus (医疗保障, 城市管理) have no service item: they are known by our own sentences only.",
            "One hand wrote the sentences that train and those that test: on real hotline cases expect less.",
            "Merging is by the department's name; other provinces divide duties otherwise. Institutes and associations "
            "that are no bureau (206 items) are left out.",
            "The temperature is by names of service items; on short lay sentences confidence is not as well placed.",
        ],
    )
