"""Trains the models under `shared-models/` and writes their ONNX files, cards and figures."""
