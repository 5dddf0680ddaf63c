"""Detection with ultralytics: a peer of `bench_vision side`.

    python ultralytics_detect.py make YOLOX.onnx CARD.toml FOLDER
    python ultralytics_detect.py detect MODEL.onnx FOLDER COUNT THREADS CONF IOU ANSWERS

ultralytics' own weights are downloads under another licence, and it does not read YOLOX's head. `make` therefore writes the same network
between two layers that give it the form of ultralytics' exports (red, green, blue from 0 to 1; centres, sizes and class scores in a row a
number), with a card, so that both sides run one file: FOLDER/yolox-nano-rows. Sessions do not spin, as Strata's.
"""

import hashlib
import os
import pathlib
import re
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import side

SIZE, STRIDES, NAME = 416, (8, 16, 32), "yolox-nano-rows"


def wrapped(path, names):
    """The network with its pictures' scale and its boxes' form changed."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    inside, outside = graph.input[0].name, graph.output[0].name
    cells = [np.stack(np.meshgrid(np.arange(SIZE // s), np.arange(SIZE // s)), 2).reshape(-1, 2) for s in STRIDES]
    steps = np.concatenate([np.full((len(grid), 1), s) for grid, s in zip(cells, STRIDES, strict=True)])
    constants = {
        "rows/255": np.float32(255), "rows/bgr": np.array([2, 1, 0]), "rows/cells": np.concatenate(cells)[None].astype(np.float32),
        "rows/steps": steps[None].astype(np.float32), "rows/parts": np.array([2, 2, 1, len(names)]),
    }
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    node = helper.make_node
    before = [node("Mul", ["rows/pictures", "rows/255"], ["rows/grey"]), node("Gather", ["rows/grey", "rows/bgr"], [inside], axis=1)]
    after = [
        node("Split", [outside, "rows/parts"], ["rows/xy", "rows/wh", "rows/object", "rows/class"], axis=2),
        node("Add", ["rows/xy", "rows/cells"], ["rows/moved"]), node("Mul", ["rows/moved", "rows/steps"], ["rows/centres"]),
        node("Exp", ["rows/wh"], ["rows/exp"]), node("Mul", ["rows/exp", "rows/steps"], ["rows/sizes"]),
        node("Mul", ["rows/object", "rows/class"], ["rows/scores"]),
        node("Concat", ["rows/centres", "rows/sizes", "rows/scores"], ["rows/joined"], axis=2),
        node("Transpose", ["rows/joined"], ["rows"], perm=[0, 2, 1]),
    ]
    nodes = [*before, *graph.node, *after]
    count = len(steps)
    value = helper.make_tensor_value_info
    made = helper.make_graph(nodes, NAME, [value("rows/pictures", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
                             [value("rows", TensorProto.FLOAT, [1, 4 + len(names), count])], graph.initializer)
    made = helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(made, {"task": "detect", "stride": "32", "imgsz": str([SIZE, SIZE]), "batch": "1",
                                  "names": str(dict(enumerate(names)))})
    onnx.checker.check_model(made)
    return made.SerializeToString(), count


def make(path, card, folder):
    import tomllib

    text = pathlib.Path(card).read_text()
    names = tomllib.loads(text)["postprocess"]["classes"]
    data, count = wrapped(path, names)
    folder = pathlib.Path(folder) / NAME
    folder.mkdir(parents=True)
    (folder / "yolox_nano.onnx").write_bytes(data)
    for before, after in {
        r'name = "yolox-nano"': f'name = "{NAME}"', r"bytes = \d+": f"bytes = {len(data)}",
        r'sha256 = "\w+"': f'sha256 = "{hashlib.sha256(data).hexdigest()}"', r"url = \"https://raw.*\n": "",
        r'name = "images"': 'name = "rows/pictures"', r'name = "output"': 'name = "rows"',
        r"shape = \[1, 3549, 85\]": f"shape = [1, {4 + len(names)}, {count}]", "letterbox-top-left": "letterbox-center",
        r'channels = "bgr"': 'channels = "rgb"\nscale = 0.00392156862745098', r'head = "yolox"': 'head = "yolo"',
        r"strides = .*\n": "",
    }.items():
        text = re.sub(before, after, text, count=1)
    (folder / "card.toml").write_text(text)


def detect(model, folder, count, threads, conf, iou, answers):
    os.environ["YOLO_OFFLINE"] = "true"
    import onnxruntime
    import torch

    torch.set_num_threads(threads)
    session = onnxruntime.InferenceSession

    def quiet(path, sess_options=None, **more):
        sess_options = sess_options or onnxruntime.SessionOptions()
        sess_options.intra_op_num_threads, sess_options.inter_op_num_threads = threads, 1
        sess_options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return session(path, sess_options, **more)

    onnxruntime.InferenceSession = quiet
    from ultralytics import YOLO

    paths = sorted(map(str, pathlib.Path(folder).iterdir()))[:count]
    network = YOLO(model, task="detect")
    settings = {"conf": conf, "iou": iou, "imgsz": SIZE, "device": "cpu", "verbose": False, "save": False, "max_det": 300}
    network.predict(paths[0], **settings)
    first, found, stages = side.since_start(), [], {}
    watch = side.Watch()
    for path in paths:
        result = network.predict(path, **settings)[0]
        rows = torch.cat([result.boxes.cls[:, None], result.boxes.conf[:, None], result.boxes.xyxy], 1).tolist()
        found.append([[int(row[0]), *row[1:]] for row in rows])
        for stage, ms in result.speed.items():
            stages[stage] = stages.get(stage, 0) + ms
    took = watch.took()
    side.write_answers(answers, found)
    side.report(items=len(paths), first_answer_seconds=first, model_seconds=stages["inference"] / 1e3, **took,
                **{f"{stage}_ms": ms / len(paths) for stage, ms in stages.items()})


def main():
    what, *rest = sys.argv[1:]
    if what == "make":
        make(*rest)
    else:
        model, folder, count, threads, conf, iou, answers = rest
        detect(model, folder, int(count), int(threads), float(conf), float(iou), answers)


if __name__ == "__main__":
    main()
