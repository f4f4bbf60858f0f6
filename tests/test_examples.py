"""Examples run, at a small size; those of the gallery do when the documentation is built."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


SCRIPTS = [path for path in sorted(EXAMPLES.glob("*.py")) if not path.stem.startswith("plot_")]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_example(path):
    environment = os.environ | {"SKLEARN_AERA_QUICK": "1", "MPLBACKEND": "Agg"}
    result = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:__main__", str(path)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    assert "AUC" in result.stdout or "dB" in result.stdout


@pytest.mark.parametrize(
    "path", sorted((EXAMPLES / "benchmarks").glob("*.py")), ids=lambda path: path.stem
)
def test_benchmark(path, tmp_path):
    command = [sys.executable, str(path), "--quick", "--json", str(tmp_path / "numbers.json")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "numbers.json").stat().st_size > 0
