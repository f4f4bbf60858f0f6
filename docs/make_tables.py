"""Make the tables of the documentation from the JSON files that the benchmarks write.

Run as ``python docs/make_tables.py NUMBERS.json TABLE.rst [--of NUMBER ...] [--without-times]``.
"""

import argparse
import json
import math
from pathlib import Path


def list_table(header, rows):
    """A reStructuredText list-table."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        lines += [f"   {'* -' if i == 0 else '  -'} {cell}" for i, cell in enumerate(row)]
    return "\n".join(lines) + "\n"


def detection(rows, times=True):
    """Rows of ``detection.py``, with or without how long they took."""
    header = ["detector", "AUC", "gap", "accuracy", "TPR at FPR 1 %", "TPR at FPR 0.2 %"]
    header += ["training / s", "traces/s"]
    cells = [
        [
            row["name"],
            f"{row['auc']:.4f}",
            "" if row["gap"] is None else f"{row['gap']:.4f}",
            "" if row["accuracy"] is None else f"{row['accuracy']:.4f}",
            *(f"{v:.3f} ± {(high - low) / 2:.3f}" for v, low, high in row["tpr"].values()),
            "" if row["seconds"] is None else f"{row['seconds']:.0f}",
            f"{row['traces_per_second']:,.0f}",
        ]
        for row in rows
    ]
    kept = [i for i in range(len(header) if times else 6) if any(row[i] for row in cells)]
    return list_table([header[i] for i in kept], [[row[i] for i in kept] for row in cells])


def recovery(rows):
    """Rows of ``recovery.py``."""
    header = ["method", "error / dB", "noise / dB"]
    header += [f"{name} / %" for name in ("bias", "calibrated", "resolution", "largest 85 %")]
    header += [f"{name} / %" for name in ("within 20 %", "of all", "peak time", "invented")]
    intervals = "bias", "calibrated", "resolution", "resolution_of_largest"
    cells = []
    for row in rows:
        ends = [row[name] for name in intervals]
        shares = row["within"], row["within_of_all"], row["peak_time"]
        cells.append(
            [
                row["method"],
                f"{row['error']:.2f}",
                f"{row['noise']:.1f}",
                *(f"{100 * v:.1f} ± {50 * (high - low):.1f}" for v, low, high in ends),
                *(f"{100 * share:.1f}" for share in shares),
                f"{100 * row['invented'][0]:.2f}",
                f"{row['carriers']:.1f}",
            ]
        )
    return list_table([*header, "carriers / dB"], cells)


def simulation(rows):
    """Rows of ``simulation.py``."""
    cells = []
    for row in rows:
        number = f"{row['value']:,.0f}" if row["value"] >= 100 else f"{row['value']:.2f}"
        cells.append([row["name"], f"{number} {row['unit']}".rstrip()])
    return list_table(["what", "measured"], cells)


def as_they_are(rows):
    """Rows that are dictionaries of a number, a number with its error, or a text each."""
    return list_table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])


def _cell(value):
    if not isinstance(value, list):
        if not isinstance(value, float):
            return str(value)
        # Round-off is zero.
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{round(value, 9):.4g}"
    if value[1] == 0:
        return f"{value[0]:.4g}"
    n_digits = max(1 - math.floor(math.log10(value[1])), 0)
    return f"{value[0]:.{n_digits}f} ± {value[1]:.{n_digits}f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--of", type=int, nargs="+", default=[0], help="which of the file's tables")
    parser.add_argument("--without-times", action="store_true")
    options = parser.parse_args()
    numbers = json.loads(options.numbers.read_text())
    tables = [table for table in numbers.values() if isinstance(table, list)]
    rows = [row for i in options.of for row in tables[i]]
    if "tpr" in rows[0]:
        table = detection(rows, times=not options.without_times)
    elif "resolution" in rows[0]:
        table = recovery(rows)
    elif "at_least" in rows[0]:
        table = simulation(rows)
    else:
        table = as_they_are(rows)
    options.table.write_text(table)


if __name__ == "__main__":
    main()
