"""Policies of the package as a whole: who imports whom, light import, public names."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from sklearn.base import BaseEstimator

import sklearn_aera
from sklearn_aera._base import Estimator

ROOT = Path(sklearn_aera.__file__).parent
# A package may import those above it, and none beside or below it.
LEVELS = (
    {"simulation"},
    {"datasets"},
    {"metrics"},
    {"preprocessing"},
    {"feature_extraction"},
    {"likelihood", "neural_network", "trigger"},
    {"inspection"},
    {"persistence"},
    {"cli"},
)
LEVEL = {package: number for number, packages in enumerate(LEVELS) for package in packages}
PACKAGES = sorted(LEVEL)
ESTIMATOR_PACKAGES = {"preprocessing", "feature_extraction", "neural_network", "likelihood"}
ESTIMATOR_PACKAGES |= {"trigger"}
WING = "sklearn_aera.neural_network._keras"
MODULES = {
    module.name: Path(module.module_finder.find_spec(module.name).origin)
    for module in pkgutil.walk_packages([str(ROOT)], "sklearn_aera.")
} | {"sklearn_aera": ROOT / "__init__.py"}


class Import(NamedTuple):
    """An import statement in a module."""

    importer: str
    module: str
    """What is imported, or what a name is imported from."""
    name: str | None
    """The name; None where a module is imported."""
    at_top: bool
    """Whether it is imported together with its importer, and not in a function."""


def imports_of(importer):
    """Every import of a module."""
    todo = [(ast.parse(MODULES[importer].read_text()), True)]
    while todo:
        node, at_top = todo.pop()
        at_top &= not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        todo += [(child, at_top) for child in ast.iter_child_nodes(node)]
        if isinstance(node, ast.Import):
            yield from (Import(importer, alias.name, None, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{importer} has a relative import"
            for alias in node.names:
                as_module = f"{node.module}.{alias.name}"
                if as_module in MODULES:
                    yield Import(importer, as_module, None, at_top)
                else:
                    yield Import(importer, node.module, alias.name, at_top)


IMPORTS = [found for module in MODULES for found in imports_of(module)]
OWN = [found for found in IMPORTS if found.module.split(".")[0] == "sklearn_aera"]


def package_of(module):
    """Name of the package that a module belongs to; None for the ground floor."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LEVEL else None


# --- imports ---------------------------------------------------------------------------------


def test_the_packages_are_those_of_the_drawing():
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found == set(LEVEL) == set(sklearn_aera._PACKAGES)
    assert {found.importer for found in OWN} >= {f"sklearn_aera.{name}" for name in PACKAGES}


def test_packages_import_one_way():
    for found in OWN:
        importer, imported = package_of(found.importer), package_of(found.module)
        if imported not in (None, importer):
            assert importer is not None, f"the ground floor imports a package: {found}"
            assert LEVEL[imported] < LEVEL[importer], found


def test_modules_are_imported_without_cycles():
    graph = {module: set() for module in MODULES}
    for found in OWN:
        if found.at_top:
            graph[found.importer].add(found.module)
    assert sum(map(len, graph.values())) > 100
    list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_packages_use_public_names_of_each_other():
    for found in OWN:
        imported = package_of(found.module)
        if imported in (None, package_of(found.importer)):
            continue
        assert found.module == f"sklearn_aera.{imported}", f"a private module: {found}"
        public = getattr(sklearn_aera, imported).__all__
        assert found.name is None or found.name in public, found


def test_nothing_private_is_imported():
    for found in OWN:
        assert found.name is None or not re.match("_[^_]", found.name), found


def test_metrics_and_inspection_import_no_estimator():
    for found in OWN:
        if package_of(found.importer) in ("metrics", "inspection"):
            assert package_of(found.module) not in ESTIMATOR_PACKAGES, found
            thing = getattr(importlib.import_module(found.module), found.name or "", None)
            is_estimator = inspect.isclass(thing) and issubclass(thing, BaseEstimator)
            assert not is_estimator, found


def test_only_the_wing_imports_keras_and_at_the_top_of_its_files():
    heavy = [f for f in IMPORTS if f.module.split(".")[0] in ("keras", "tensorflow", "scikeras")]
    for found in heavy:
        assert found.importer.startswith(f"{WING}."), found
        assert found.at_top, found
    assert {found.importer for found in heavy if "scikeras" in found.module} == {f"{WING}.pool"}
    tests = Path(__file__).parent
    unordered = "noqa: " + "E402"  # an import below other code
    for path in (*MODULES.values(), *tests.glob("*.py")):
        assert unordered not in path.read_text(), path


def test_the_wing_is_loaded_by_estimators_when_they_need_it():
    for found in OWN:
        if found.module.startswith(WING) and not found.importer.startswith(WING):
            assert package_of(found.importer) == "neural_network", found
            assert not found.at_top, found


def test_light_import():
    code = (
        f"import sys, {', '.join(f'sklearn_aera.{package}' for package in PACKAGES)}\n"
        "heavy = {'keras', 'tensorflow', 'scikeras', 'matplotlib', 'h5py', 'typer'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.strip() == "[]"


def test_nothing_uses_global_generators():
    allowed = {"Generator", "Philox", "SeedSequence", "RandomState", "default_rng"}
    assert "random" not in {found.module for found in IMPORTS}
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Attribute)
                and node.value.attr == "random"
                and getattr(node.value.value, "id", None) in ("np", "tf", "keras")
            ):
                assert node.attr in allowed, f"{path}: random.{node.attr}"


# --- names -----------------------------------------------------------------------------------

PUBLIC = [
    (package, name)
    for package in PACKAGES
    for name in importlib.import_module(f"sklearn_aera.{package}").__all__
]


def public(package, name):
    return getattr(getattr(sklearn_aera, package), name)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_attributes(package):
    assert getattr(sklearn_aera, package) is importlib.import_module(f"sklearn_aera.{package}")
    assert package in dir(sklearn_aera)


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=map(".".join, PUBLIC))
def test_public_names(package, name):
    """They say what they are, and that they belong to their package."""
    thing = public(package, name)
    assert thing.__doc__
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert thing.__module__ == f"sklearn_aera.{package}"
        assert getattr(importlib.import_module(thing.__module__), thing.__qualname__) is thing


def parameters_in(section):
    """Names in the section "Parameters" of a docstring."""
    listed = re.findall(r"^(\S.*?)(?: :|$)", section, re.M)
    return sorted(name.strip() for names in listed for name in names.split(","))


def parameters_of(thing):
    prefix = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    parameters = inspect.signature(thing).parameters.values()
    return sorted(
        prefix.get(one.kind, "") + one.name for one in parameters if one.name not in ("self", "cls")
    )


def documented(package, name):
    """A public name and its public methods, and whether they must describe their parameters."""
    thing = public(package, name)
    if inspect.isclass(thing):
        estimator = issubclass(thing, Estimator)
        yield name, thing, True
        for label, method in inspect.getmembers(thing, inspect.isroutine):
            own = (getattr(method, "__module__", None) or "").startswith("sklearn_aera")
            if own and not label.startswith("_"):
                yield f"{name}.{label}", method, estimator
    elif inspect.isfunction(thing):
        yield name, thing, True


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=map(".".join, PUBLIC))
def test_help_shows_every_parameter(package, name):
    """With a description of its own, and not a reference to another class."""
    for label, thing, required in documented(package, name):
        text = inspect.getdoc(thing)
        assert text, f"{label} has no docstring"
        assert "%(" not in text, f"{label} has an unfilled placeholder"
        section = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.M | re.S)
        if section or required:
            described = section[1] if section else ""
            assert parameters_in(described) == parameters_of(thing), label
            assert not re.search(r"^\s+See (also )?`", described, re.M), label


def test_doctests_of_public_names_are_collected():
    """Once each, from the module in which pytest looks for them."""
    finder = doctest.DocTestFinder()
    collected = [
        test.name.rpartition(".")[2]
        for name in MODULES
        if not name.startswith(WING)
        for test in finder.find(importlib.import_module(name))
        if test.examples and test.name.count(".") > 1
    ]
    with_examples = [name for package, name in PUBLIC if ">>>" in (public(package, name).__doc__)]
    assert len(with_examples) > 30
    for name in with_examples:
        assert collected.count(name) == 1, name


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        sklearn_aera.nothing  # noqa: B018


def test_version_is_that_of_the_distribution():
    assert version("sklearn-aera") == sklearn_aera.__version__
