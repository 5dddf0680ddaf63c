"""The screening program's own featuriser, run as a child process: `cargo run --example featurize`."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from .features import DIM, FEATURISER


class FeaturiserError(RuntimeError):
    """The featuriser could not be built or run, or gave something else than asked."""


class RustFeaturiser:
    """Runs the example `featurize` of strata-chem."""

    def __init__(self, workspace: Path, command: list[str] | None) -> None:
        cargo = "cargo run --quiet --release -p strata-chem --example featurize --".split()
        self._command = command or cargo
        self._workspace = workspace

    def _run(self, arguments: list[str], **io) -> subprocess.CompletedProcess:
        done = subprocess.run([*self._command, FEATURISER, *arguments], cwd=self._workspace, stderr=subprocess.PIPE, **io)
        if done.returncode != 0:
            text = done.stderr.decode(errors="replace").strip()
            raise FeaturiserError(f"the featuriser failed: {text or done.returncode}")
        return done

    def hash(self) -> str:
        """Hash of the featuriser's specification and outputs; the card carries it."""
        return self._run(["--hash"], stdout=subprocess.PIPE).stdout.decode().strip()

    def features(self, smiles: list[str]) -> np.ndarray:
        """One row a molecule; every molecule must be accepted."""
        with tempfile.TemporaryFile() as source:
            source.write("".join(f"{text}\n" for text in smiles).encode())
            source.seek(0)
            done = self._run([], stdin=source, stdout=subprocess.PIPE)
        values = np.frombuffer(done.stdout, dtype="<f4")
        if len(values) != len(smiles) * DIM:
            raise FeaturiserError(f"asked for {len(smiles)} x {DIM} features, got {len(values)} numbers")
        return values.reshape(len(smiles), DIM)
