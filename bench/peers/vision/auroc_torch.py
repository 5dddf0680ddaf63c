"""Image AUROC of PatchCore in torch, by anomalib's formula, against ours: is it the same?

    python auroc_torch.py MODEL.onnx STRATA_MINING BANK_SCORES BANK_NORMALS/ TEST_NORMALS/ ANOMALOUS/...

Both keep every patch of BANK_NORMALS (no coreset, whose draw would differ) and score the same pictures. Prints two JSON lines: the
scores of the same patch vectors, those that ours takes (BANK_SCORES is target/release/examples/bank_scores); and both programs whole,
where decoding and scaling differ too.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import cv2
import numpy as np
import onnxruntime as ort
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score


def patches(session, path):
    """The 28 x 28 patch vectors of a picture: layer2 and layer3, each averaged over 3 x 3."""
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    image = cv2.resize(image, (224, 224), interpolation=cv2.INTER_AREA)
    maps = session.run(["layer2", "layer3"], {"image": image[None]})
    first, second = (F.avg_pool2d(torch.from_numpy(m), 3, 1, 1) for m in maps)
    second = F.interpolate(second, size=first.shape[2:], mode="bilinear", align_corners=False)
    return torch.cat([first, second], 1)[0].flatten(1).T.contiguous()


def score(queries, bank, neighbours=9):
    """anomalib's PatchCore: the largest patch distance, weighted by the neighbourhood of its nearest bank vector."""
    distances = torch.cdist(queries, bank)
    nearest, places = distances.min(1)
    worst = nearest.argmax()
    around = torch.cdist(bank[places[worst]][None], bank)[0].topk(neighbours, largest=False).indices
    spread = torch.cdist(queries[worst][None], bank[around])[0]
    weight = 1 - F.softmax(spread, 0)[0]
    return float(weight * nearest[worst])


def same_features(dump, bank_folder, tests):
    """Our image AUROC and torch's on the patch vectors that ours makes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [dump, "mobilenet-v2-features", bank_folder, folder, *[str(path) for path, _ in tests]]
        dim, count = map(int, subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.split())
        read = lambda name: torch.from_numpy(np.fromfile(f"{folder}/{name}.f32", "<f4"))
        bank, queries, ours = read("bank").reshape(-1, dim), read("tests").reshape(-1, count, dim), read("scores").numpy()
    theirs = np.array([score(picture, bank) for picture in queries])
    labels = [label for _, label in tests]
    figures = [float(roc_auc_score(labels, scores)) for scores in (ours, theirs)]
    return {"what": "PatchCore, every patch kept, the same patch vectors", "bank_vectors": len(bank), "dim": dim, "pictures": len(tests),
            "image_auroc": figures, "difference": abs(figures[0] - figures[1]), "largest_score_difference": float(np.abs(ours - theirs).max()),
            "scores": [float(theirs.min()), float(theirs.max())]}


def main():
    model, program, dump, bank_folder, normal, *anomalous = sys.argv[1:]
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options)
    pictures = lambda folder: sorted(pathlib.Path(folder).glob("*.jpg"))
    bank = torch.cat([patches(session, p) for p in pictures(bank_folder)])
    known = {p.name for p in pictures(bank_folder)}
    tests = [(p, 0) for p in pictures(normal) if p.name not in known]
    tests += [(p, 1) for folder in anomalous for p in pictures(folder)]
    print(json.dumps(same_features(dump, bank_folder, tests)), flush=True)
    scores = [score(patches(session, p), bank) for p, _ in tests]
    theirs = roc_auc_score([label for _, label in tests], scores)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/all.bank"
        fit = [program, "fit", bank_folder, "--model", "mobilenet-v2-features", "--coreset", "1.0", "--no-calibration", "-q"]
        subprocess.run([*fit, "--out", path], check=True)
        evaluate = [program, "eval", "--bank", path, "--normal", normal, "--anomalous", *anomalous, "--json", "-q"]
        figures = json.loads(subprocess.run(evaluate, check=True, stdout=subprocess.PIPE).stdout)
    ours = figures["image_auroc"]
    print(json.dumps({"what": "PatchCore, every patch kept, decoded and scaled apart", "bank_vectors": len(bank), "pictures": len(tests),
                      "image_auroc": [ours, theirs], "difference": abs(ours - theirs)}))


if __name__ == "__main__":
    main()
