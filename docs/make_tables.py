"""Make the tables of the documentation from the stored results of the benchmarks.

Run as ``python docs/make_tables.py [TABLE ...]``; without names it makes all tables.
``tables/manifest.toml`` says which result makes which table, and which command makes the result:
after a benchmark has run again with ``--json docs/results/NAME.json``, this command makes its
tables.
"""

import argparse
import json
import tomllib
from pathlib import Path
from runpy import run_path

HERE = Path(__file__).parent
RESULTS, TABLES = HERE / "results", HERE / "tables"
# The terminal and the documentation show the same texts.
REPORT = run_path(str(HERE.parent / "examples" / "benchmarks" / "report.py"))
NAMED_VERSIONS = ("sklearn-aera", "scikit-learn", "keras", "tensorflow", "numpy", "scipy")


def read_manifest():
    """The manifest: results and figures with their commands, and tables with their results."""
    return tomllib.loads((TABLES / "manifest.toml").read_text())


def read_result(name):
    """Stored result of a benchmark."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def render(name, manifest):
    """Render a table as reStructuredText.

    Parameters
    ----------
    name : str
        Name of the table in the manifest.
    manifest : dict
        As `read_manifest` gives it.

    Returns
    -------
    str
    """
    entry = manifest["tables"][name]
    command = manifest["results"][entry["result"]]["command"]
    result = read_result(entry["result"])
    tables = [result["tables"][part] for part in entry["tables"]]
    left_out = entry.get("without", [])
    rows = [row for table in tables for row in table["rows"]]
    columns = [column for column in rows[0] if column not in left_out]
    header, texts = REPORT["cells"]({"rows": rows, "formats": tables[0]["formats"]}, columns)
    comment = f".. Made by docs/make_tables.py from results/{entry['result']}.json: do not edit.\n"
    return "\n".join([comment, list_table(header, texts), origin(result, command)])


def list_table(header, rows):
    """A list-table in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        cells = (f"   {'* -' if i == 0 else '  -'} {cell}" for i, cell in enumerate(row))
        lines += [cell.rstrip() for cell in cells]
    return "\n".join(lines) + "\n"


def origin(result, command):
    """Paragraph that says when, with what and by which command a result was measured."""
    where = ""
    if result["versions"] is not None:
        versions = result["versions"]
        named = [f"{name} {versions[name]}" for name in NAMED_VERSIONS if versions.get(name)]
        where += f" with Python {versions['python']}, {', '.join(named)}"
    if result["machine"] is not None:
        where += " on {cpu} ({cores} cores)".format(**result["machine"])
    return f".. rst-class:: measured\n\nMeasured on {result['date']}{where}: ``{command}``\n"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    manifest = read_manifest()
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="names in the manifest")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.tables) - set(manifest["tables"]))
    if unknown:
        parser.error(f"not in {TABLES.name}/manifest.toml: {', '.join(unknown)}")
    for name in options.tables or manifest["tables"]:
        (TABLES / f"{name}.rst").write_text(render(name, manifest))


if __name__ == "__main__":
    main()
