"""Policies of the package as a whole: light import, one-way imports, names."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_aera

PACKAGE = Path(sklearn_aera.__file__).parent

# A room may import those before it, never those behind it. `simulation` stands first: the data
# sets are made with the simulator.
ROOMS = (
    "simulation",
    "datasets",
    "metrics",
    "preprocessing",
    "feature_extraction",
    "neural_network",
    "likelihood",
    "inspection",
    "persistence",
    "cli",
)
ESTIMATOR_ROOMS = {"preprocessing", "feature_extraction", "neural_network", "likelihood"}


def _imported_rooms(path):
    """Names of the rooms that a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sklearn_aera."):
            yield node.module.split(".")[1]


def test_imports_go_one_way():
    for path in PACKAGE.glob("*/*.py"):
        room = path.parent.name
        for imported in _imported_rooms(path):
            if imported in ROOMS:
                assert ROOMS.index(imported) <= ROOMS.index(room), f"{path} imports {imported}"
            if room in ("metrics", "inspection"):
                assert imported not in ESTIMATOR_ROOMS, f"{path} imports an estimator's room"


def test_only_the_engine_touches_scikeras():
    for path in PACKAGE.rglob("*.py"):
        imports_it = any(
            "scikeras" in (getattr(node, "module", None) or "")
            or any("scikeras" in alias.name for alias in node.names)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        )
        assert imports_it == (path.name == "_engine.py"), path


def test_nothing_uses_global_generators():
    allowed = {"Generator", "Philox", "SeedSequence", "RandomState", "default_rng"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Attribute)
                and node.value.attr == "random"
                and getattr(node.value.value, "id", None) in ("np", "tf", "keras")
            ):
                assert node.attr in allowed, f"{path}: random.{node.attr}"


def test_light_import():
    rooms = [f"sklearn_aera.{room}" for room in ROOMS if (PACKAGE / room).is_dir()]
    code = (
        f"import sys, {', '.join(rooms)}\n"
        "heavy = {'keras', 'tensorflow', 'scikeras', 'matplotlib', 'h5py', 'typer'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


@pytest.mark.parametrize("room", sklearn_aera._ROOMS)
def test_rooms_are_attributes_with_public_names(room):
    module = getattr(sklearn_aera, room)
    assert module is importlib.import_module(f"sklearn_aera.{room}")
    for name in module.__all__:
        assert getattr(module, name).__doc__, f"{room}.{name} has no docstring"


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        sklearn_aera.nothing  # noqa: B018


def test_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert version("sklearn-aera") == sklearn_aera.__version__
