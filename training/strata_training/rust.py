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

    def _run(self, arguments: list[str], featuriser: str = FEATURISER, **io) -> subprocess.CompletedProcess:
        command = [*self._command, featuriser, *arguments]
        done = subprocess.run(command, cwd=self._workspace, stderr=subprocess.PIPE, check=False, **io)
        if done.returncode != 0:
            text = done.stderr.decode(errors="replace").strip()
            raise FeaturiserError(f"the featuriser failed: {text or done.returncode}")
        return done

    def hash(self) -> str:
        """Hash of the featuriser's specification and outputs; the card carries it."""
        words = self._run(["--hash"], stdout=subprocess.PIPE).stdout.decode().split()
        if len(words) != 2 or words[1] != str(DIM):
            raise FeaturiserError(f"expected a hash and {DIM}, got {words}")
        return words[0]

    def hash_of(self, featuriser: str) -> str:
        """Hash of another featuriser, such as that of graphs."""
        words = self._run(["--hash"], featuriser, stdout=subprocess.PIPE).stdout.decode().split()
        if not words:
            raise FeaturiserError(f"expected the hash of {featuriser}, got nothing")
        return words[0]

    def features(self, smiles: list[str]) -> np.ndarray:
        """One row a molecule; every molecule must be accepted."""
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as made:
            source.write("".join(f"{text}\n" for text in smiles).encode())
            source.seek(0)
            self._run([], stdin=source, stdout=made)
            made.seek(0)
            values = np.load(made)
        if values.shape != (len(smiles), DIM):
            raise FeaturiserError(f"asked for {len(smiles)} x {DIM} features, got {values.shape}")
        refused = np.nonzero(np.isnan(values).any(axis=1))[0]
        if len(refused):
            raise FeaturiserError(f"{len(refused)} molecules refused, the first: {smiles[refused[0]]}")
        return values
