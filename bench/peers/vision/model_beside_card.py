"""Lays a model's file beside a copy of its card, as a folder of models: MODEL.onnx CARD_FOLDER OUT."""

import pathlib
import shutil
import sys

model, card, out = map(pathlib.Path, sys.argv[1:])
folder = out / card.name
shutil.copytree(card, folder)
shutil.copyfile(model, folder / model.name)
