"""Results of a search over networks: table and file."""

import json
import math

import numpy as np
from rich.table import Table

from sklearn_aera._files import written_whole


def candidates(cv_results):
    """Return the candidates of a search with their scores, the best one first."""
    folds = [name for name in cv_results if name.startswith("split")]
    rows = [
        {
            **params,
            "mean_test_score": _or_none(cv_results["mean_test_score"][row]),
            "std_test_score": _or_none(cv_results["std_test_score"][row]),
            "test_scores": [_or_none(cv_results[name][row]) for name in folds],
            "mean_fit_time": float(cv_results["mean_fit_time"][row]),
        }
        for row, params in enumerate(cv_results["params"])
    ]
    return [rows[row] for row in np.argsort(cv_results["rank_test_score"], kind="stable")]


def _or_none(score):
    """Return a score for JSON, which has no NaN: the score of a failed fit is None."""
    return None if math.isnan(score) else float(score)


def write_scores(path, scoring, rows):
    """Write the candidates of a search to a JSON file, the input of 'plot search'."""
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps({"scoring": scoring, "candidates": rows}, indent=2))


def search_table(scoring, rows):
    """Return a table of the candidates of a search."""
    table = Table("Cell", title="Mean and standard deviation of the folds")
    for column in ("Hidden size", "Directions", scoring, "Seconds per fit"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            row["classify__cell"],
            str(row["classify__hidden_size"]),
            "both" if row["classify__bidirectional"] else "one",
            "failed"
            if row["mean_test_score"] is None
            else f"{row['mean_test_score']:.4f} ± {row['std_test_score']:.4f}",
            f"{row['mean_fit_time']:.1f}",
        )
    return table
