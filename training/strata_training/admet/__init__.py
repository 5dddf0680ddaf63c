"""ADMET-AI's public checkpoints to ONNX, with cards, golden examples and the reference set of percentiles."""
