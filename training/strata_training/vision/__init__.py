"""Vision models for mining: detectors, a feature backbone, and the renderer of conveyor belts."""
