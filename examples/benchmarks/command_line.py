"""The session of the page on the command line: a detector trained and judged by the commands.

Run as::

    python examples/benchmarks/command_line.py [--quick] [--json FILE]

There are 4 000 training events, and 20 000 for each of validation and test, at signal-to-noise
ratios from 0.5 to 5. The detector is trained for 20 epochs. True-positive rates have their 68 %
intervals.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile

from report import Report, Target, make_parser

SESSION = """
simulate train.h5 -n {n} --snr 0.5 5
simulate validation.h5 -n {n_test} --snr 0.5 5 --first-event-id 1000000
simulate test.h5 -n {n_test} --snr 0.5 5 --first-event-id 2000000
train train.h5 -o detector.skops --epochs {epochs}
evaluate detector.skops test.h5 --validation validation.h5 --limit --json
"""
PROGRAM = "from sklearn_aera.cli import main; main()"
RATES = {"TPR at FPR 1 %": 0.01, "TPR at FPR 0.2 %": 0.002}
FORMATS = {"accuracy": ".4f", "AUC": ".4f"} | dict.fromkeys(RATES, ".3f")


def run_session(**size):
    """Run the commands in a new folder; returns what the last one prints."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryDirectory() as folder:
        for line in SESSION.format(**size).strip().splitlines():
            command = [sys.executable, "-c", PROGRAM, *shlex.split(line)]
            options = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
            done = subprocess.run(command, check=False, **options)
            if done.returncode:
                raise RuntimeError(f"{line}: {done.stderr}")
    return json.loads(done.stdout)


def measure(**size):
    for row in run_session(**size)["detectors"]:
        points = {point["fpr"]: point for point in row["operating_points"]}
        rates = {
            column: [points[fpr]["tpr"], *points[fpr]["interval"]] for column, fpr in RATES.items()
        }
        yield {"detector": row["detector"], "accuracy": row["accuracy"], "AUC": row["auc"], **rates}


def main(arguments=None):
    options = make_parser(__doc__).parse_args(arguments)
    size = {"n": 4000, "n_test": 20_000, "epochs": 20}
    if options.quick:
        size = {"n": 300, "n_test": 300, "epochs": 1}
    report = Report("command_line", options)
    rows = report.measure("evaluate", "sklearn-aera evaluate", lambda: measure(**size), FORMATS)
    if not options.quick:
        limit, detector = (row["AUC"] for row in sorted(rows, key=lambda row: -row["AUC"]))
        report.targets.append(Target("gap to the limit", limit - detector, at_most=0.004))
    report.finish()


if __name__ == "__main__":
    main()
