"""What the retriever's card says in words."""

from __future__ import annotations

from ..vision.card import Figure
from . import card, export
from .train import Plan

STARD = "STARD (Su et al. 2024)"
NCP = "NCP policies (DataFountain 2020), no training on it"
CMRC = "CMRC 2018 (Cui et al. 2019), no training on it"
WAYS = {
    "lexical": "BM25 over characters and pairs",
    "dense": "this model",
    "convex": "both, convex",
    "rrf": "both, reciprocal ranks (k = 60)",
}


def ports(width: int) -> tuple[list[dict], list[dict]]:
    """Inputs and output."""
    ids = {"name": "input_ids", "dtype": "int64", "shape": ["N", "T"], "unit": "1"}
    ids["meaning"] = "ids of the text's known tokens, each once; 0 fills up, 1 alone where no token is known"
    mask = {"name": "attention_mask", "dtype": "int64", "shape": ["N", "T"], "unit": "1"}
    mask["meaning"] = "1 for a token, 0 for what fills up"
    out = {"name": "sentence_embedding", "dtype": "float32", "shape": ["N", width], "unit": "1"}
    out["meaning"] = "a vector of length one; cosines of a question and a passage say how well they go together"
    return [ids, mask], [out]


def model(plan: Plan, files: list, preprocess: dict, head: dict, figures: list[Figure]) -> card.Model:
    """The card but for the parity."""
    inputs, outputs = ports(plan.width)
    split = (
        f"seed {plan.seed}: a tenth of STARD's train questions settles the fusion; STARD dev, NCP, CMRC dev are tests"
    )
    return card.Model(
        name="gov-retriever",
        task="embedding",
        title="Retriever of Chinese statutes and government documents",
        description="Vectors of Chinese questions and passages, a table of characters, words and neighbouring pairs: "
        "lay questions find the articles that answer them; thousands of passages a second on one processor core.",
        version="1.0.0",
        licence="Apache-2.0",
        files=files,
        inputs=inputs,
        outputs=outputs,
        preprocess=preprocess,
        postprocess=head,
        batching={"unit": "tokens", "max_cost": 65536, "pad": {"input_ids": 0.0, "attention_mask": 0.0}},
        training={
            "data": "STARD train questions with LeCoQA's answers (835 of 927; a tenth is held out), texts of 58,637 articles of national law, "
            "Guangdong service items (2,262)",
            "licence": "MIT (questions, answers, service items); statutes are free of copyright",
            "split": split,
            "seeds": [plan.seed],
            "script": "python -m strata_training gov-retriever",
        },
        figures=figures,
        tolerance=export.TOLERANCE,
        made=made(plan),
        weaknesses=WEAKNESSES,
    )


def made(plan: Plan) -> list[str]:
    """How it was made."""
    return [
        f"{plan.size:,} tokens by {plan.width}: those of most statutes, service items and train questions, and the "
        "characters of GB 2312. Start: latent semantic analysis of the statutes, half and half with random vectors.",
        f"{plan.steps} steps of {plan.asked} lay questions, {plan.answers} lay answers and {plan.made} queries made of "
        "records (inverse cloze, rare words, templates of service items), against the batch's records and hard ones "
        f"that BM25 or the model itself wrongly liked; temperature {plan.temperature}.",
        "In the file each row is signed bytes with a scale of its own; the figures are those of the bytes.",
        "Lexical scores: k1 0.9, b 0.75, a record's whole .7 and its best passage of 250 characters .3; dense: the "
        "best passage. The lexical score's weight in the convex fusion is slope * coverage + offset within its bounds "
        "(`[postprocess]`), coverage being the part of what the question could score that the best record does.",
    ]


WEAKNESSES = [
    "Two of three STARD dev questions have a relevant article that also answers a train question: on the others the "
    "vectors alone rank worse than BM25 at the top (they find more among a hundred); only the two fused are better.",
    "NCP asks of one document what often stands in several: half of the misses at rank one of the lexical score (79 of "
    "168) have a near copy of the right document, or the answer itself, in front. A linear ranker fitted to NCP's own "
    "questions (five-fold, for comparison only) got no further than .805 R@1.",
    "NCP dev was looked at when the passages' length, their share and the form of the fusion were chosen: its figures "
    "may flatter a little. Of STARD dev only BM25's figures were seen before the last run.",
    "A sum of tokens knows no order beyond neighbours, and no negation.",
    "Trained on 2020s national law; English and traditional characters mean little to it.",
]


def parity(gap: float, speed: float, size: int) -> str:
    """The sentence under the figures."""
    return (
        f"ONNX Runtime gives what torch gives within {gap:.1e}. The file has {size:,} bytes; one thread of the machine "
        f"it was made on embeds {speed:,.0f} articles a second of processor time."
    )
