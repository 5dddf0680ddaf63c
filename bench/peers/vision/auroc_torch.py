"""Image AUROC of PatchCore in torch, by anomalib's formula, on the features that `strata-mining` takes: is ours the same?

    python auroc_torch.py MODEL.onnx STRATA_MINING BANK_NORMALS/ TEST_NORMALS/ ANOMALOUS/...

Both keep every patch of BANK_NORMALS (no coreset, whose draw would differ) and score the same pictures. Prints one JSON line.
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


def main():
    model, program, bank_folder, normal, *anomalous = sys.argv[1:]
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model, options)
    pictures = lambda folder: sorted(pathlib.Path(folder).glob("*.jpg"))
    bank = torch.cat([patches(session, p) for p in pictures(bank_folder)])
    known = {p.name for p in pictures(bank_folder)}
    tests = [(p, 0) for p in pictures(normal) if p.name not in known]
    tests += [(p, 1) for folder in anomalous for p in pictures(folder)]
    scores = [score(patches(session, p), bank) for p, _ in tests]
    theirs = roc_auc_score([label for _, label in tests], scores)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/all.bank"
        fit = [program, "fit", bank_folder, "--model", "mobilenet-v2-features", "--coreset", "1.0", "--no-calibration", "-q"]
        subprocess.run([*fit, "--out", path], check=True)
        evaluate = [program, "eval", "--bank", path, "--normal", normal, "--anomalous", *anomalous, "--json", "-q"]
        figures = json.loads(subprocess.run(evaluate, check=True, stdout=subprocess.PIPE).stdout)
    ours = figures["image_auroc"]
    print(json.dumps({"what": "PatchCore, every patch kept", "bank_vectors": len(bank), "pictures": len(tests),
                      "image_auroc": [ours, theirs], "difference": abs(ours - theirs)}))


if __name__ == "__main__":
    main()
