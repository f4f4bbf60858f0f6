"""Commands report errors in one line, and damage no file."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import warnings

import joblib
import numpy as np
import psutil
import pytest
from helpers import child_process
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Bunch
from typer.testing import CliRunner

from sklearn_aera.cli._app import app
from sklearn_aera.cli._evaluation import auc_with_error, fitted_limit
from sklearn_aera.cli._inputs import check_rate
from sklearn_aera.cli._search import candidates
from sklearn_aera.datasets import load_traces, make_traces, save_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.neural_network import make_denoiser, make_detector
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.simulation import PulseLibrary, TraceSimulator

DATA = make_traces(60, snr=5.0, random_state=0)
# Background jobs ignore SIGINT, and their children inherit this.
HANDLED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
PROGRAM = [sys.executable, "-c", f"{HANDLED}from sklearn_aera.cli import main; main()"]


def _double(X):
    return 2 * X


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Traces of several kinds and fitted models."""
    folder = tmp_path_factory.mktemp("files")
    save_traces(folder / "data.h5", DATA.traces, signals=DATA.signals, events=DATA.events)
    save_traces(folder / "bare.npy", DATA.traces)
    np.save(folder / "short.npy", DATA.traces[:, :400])
    np.save(folder / "nan.npy", np.full((3, 500), np.nan))
    (folder / "damaged.h5").write_bytes((folder / "data.h5").read_bytes()[:2000])
    (folder / "foreign.skops").write_bytes(b"no model")
    (folder / "events.nur").write_bytes(b"")
    save_traces(folder / "fast.h5", DATA.traces, events=DATA.events, sampling_rate=200.0)
    (folder / "odd.json").write_text('{"scoring": "AUC", "candidates": [{"mean_test_score": {}}]}')
    (folder / "deep.json").write_text("[" * 200_000)
    named = np.where(DATA.y == 1, "cosmic ray", "noise")
    save_model(LogisticRegression().fit(DATA.traces, named), folder / "named.skops")
    tiny = {"hidden_size": 2, "n_filters": 2, "kernel_size": 12, "stride": 12, "cell": "simple_rnn"}
    detector = make_detector(epochs=1, random_state=0)
    detector[-1].set_params(**tiny)
    detector.fit(DATA.traces, DATA.y).sampling_rate_ = 180.0
    save_model(detector, folder / "detector.skops")
    simple = make_pipeline(SNRCalculator(), LogisticRegression()).fit(DATA.traces, DATA.y)
    save_model(simple, folder / "simple.skops")
    own = FunctionTransformer(_double).fit(DATA.traces)
    save_model(make_pipeline(own, detector), folder / "own.skops")
    save_model(detector[:-1], folder / "whitener.skops")
    joblib.dump(detector, folder / "detector.joblib")
    denoiser = make_denoiser(epochs=1, random_state=0)
    denoiser.set_params(**tiny)
    save_model(denoiser.fit(DATA.traces, DATA.signals), folder / "denoiser.skops")
    return folder


def run(folder, monkeypatch, *words):
    monkeypatch.chdir(folder)
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("predict detector.skops nowhere.npy", "there is no file nowhere.npy"),
        ("predict nowhere.skops bare.npy", "there is no file nowhere.skops"),
        ("predict detector.skops data.txt", "ending of path 'data.txt' must be one of"),
        ("predict detector.skops damaged.h5", "cannot be read as a .h5 file of traces"),
        ("predict detector.skops nan.npy", "path: nan.npy: Input traces contains NaN"),
        ("predict detector.skops short.npy", "X has 400 features, but"),
        ("predict foreign.skops bare.npy", "cannot be loaded as a model"),
        ("predict detector.joblib bare.npy", "runs code that is in the file; --allow-pickle"),
        (
            "predict denoiser.skops bare.npy",
            "holds a RecurrentDenoiser, which returns no probabilities",
        ),
        ("predict detector.skops bare.npy --json", "--json needs --out"),
        (
            "recover detector.skops bare.npy -o out.npy",
            "holds a RecurrentClassifier, which recovers no signals",
        ),
        ("recover denoiser.skops bare.npy -o no/out.npy", "there is no folder no"),
        ("evaluate whitener.skops data.h5", "holds a SpectralWhitener, which returns no"),
        ("plot trace data.h5 --model whitener.skops -o out.png", "recovers no signals"),
        ("plot training whitener.skops -o out.png", "must have a network"),
        ("train bare.npy -o out.skops", "needs labels"),
        ("train data.h5 -o out.model", "ending of 'out.model' must be one of"),
        ("train data.h5 -o detector.skops", "exists; --overwrite replaces it"),
        ("tune data.h5 -o out.skops --scoring nonsense --epochs 1", "nonsense"),
        (
            "evaluate detector.skops data.h5",
            "--validation is missing: traces to choose the thresholds",
        ),
        ("evaluate detector.skops bare.npy --validation data.h5", "needs labels"),
        ("simulate out.h5 -n 5 --snr 3 1", "snr must be finite and increasing"),
        ("simulate data.h5 -n 5", "exists; --overwrite replaces it"),
        ("simulate out.npz -n 5", "must be '.h5' or '.hdf5'"),
        ("plot trace data.h5 --row 60 -o out.png", "data.h5 has 60 traces, got number 60"),
        ("plot trace data.h5 -o out.gif", "ending of 'out.gif' must be one of"),
        ("predict detector.skops bare.npy --threshold nan", "--threshold must be finite, got nan"),
        ("predict detector.skops events.nur", "runs code that is in the file; --allow-pickle"),
        ("predict named.skops bare.npy", "must have labels that sort the background first"),
        ("predict own.skops bare.npy", "_double; if you trust them, name them with --trusted"),
        ("predict detector.skops fast.h5", "fitted to a sampling rate of 180 MHz, got 200 MHz"),
        ("evaluate detector.skops fast.h5 --validation data.h5", "got 200 MHz"),
        ("evaluate detector.skops data.h5 --validation fast.h5", "validation traces have a"),
        ("predict own.skops fast.h5 --validation data.h5 --trusted {own}", "got 200 MHz"),
        ("recover denoiser.skops data.h5 -o bare.npy", "exists; --overwrite replaces it"),
        ("simulate out.h5 -n 5 --jobs 0", "n_jobs == 0"),
        ("plot search odd.json -o out.png", "cannot be read as results of 'tune'"),
        ("plot search deep.json -o out.png", "cannot be read as results of 'tune'"),
        ("plot search nowhere.json -o out.png", "there is no file nowhere.json"),
        ("plot search data.h5 -o out.png", "cannot be read as results of 'tune'"),
    ],
)
def test_errors(folder, monkeypatch, words, message):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    words = words.format(own=f"{__name__}._double")
    result = run(folder, monkeypatch, *words.split())
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert result.stdout == ""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "words",
    [
        ["simulate"],
        ["simulate", "a.h5", "-o", "b.h5"],
        ["simulate", "out.h5", "-n", "0"],
        ["train", "x.h5", "--cell", "elman"],
        ["predict", "detector.skops", ""],
    ],
)
def test_wrong_calls(folder, monkeypatch, words):
    assert run(folder, monkeypatch, *words).exit_code == 2


def test_trusted_names(folder, monkeypatch):
    words = ["predict", "own.skops", "bare.npy", "--trusted", f"{__name__}._double"]
    assert run(folder, monkeypatch, *words).exit_code == 0


@pytest.mark.parametrize("words", ["data.h5 --snr 2", "--snr 2 -o data.h5", "-o data.h5 --snr 2 2"])
def test_one_signal_to_noise_ratio(tmp_path, monkeypatch, words):
    assert run(tmp_path, monkeypatch, "simulate", "-n", "5", *words.split()).exit_code == 0
    assert set(load_traces(tmp_path / "data.h5").snr) <= {0.0, 2.0}


@pytest.mark.parametrize("command", ["train", "tune"])
def test_result_is_kept_if_its_name_is_taken(folder, tmp_path, monkeypatch, command):
    out, scores = tmp_path / "model.skops", tmp_path / "scores.json"
    fit = Pipeline.fit

    def slow(self, *args, **kwargs):
        out.write_text("theirs")
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(Pipeline, "fit", slow)
    words = [command, "data.h5", "-o", str(out), "--epochs", "1", "--hidden-size", "2"]
    if command == "tune":
        words += ["--cell", "simple_rnn", "--one-directional", "--folds", "2", "--results"]
        words += [str(scores)]
    result = run(folder, monkeypatch, *words)
    assert result.exit_code == 1
    assert "the result is in" in result.stderr
    assert out.read_text() == "theirs"
    assert hasattr(load_model(tmp_path / "model-2.skops"), "predict_proba")
    assert scores.exists() == (command == "tune")


def test_wide_tables(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    words = ["evaluate", "detector.skops", "data.h5", "--validation", "data.h5", "--limit"]
    result = run(folder, monkeypatch, *words, "--fpr", "0.1")
    assert "…" not in result.stdout
    assert "False" not in result.stderr


def test_warnings_are_one_line(folder, monkeypatch, tmp_path):
    np.save(tmp_path / "data.npy", DATA.traces + 100)
    words = ["predict", "detector.skops", str(tmp_path / "data.npy")]
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        result = run(folder, monkeypatch, *words)
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: ")
    assert "subtract the pedestal" in result.stderr


# --- Real processes: streams, signals and encodings -------------------------------------------


def shell(folder, line, **environment):
    """Run a line of bash in which $P is the program."""
    command = line.replace("$P", shlex.join(PROGRAM))
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_pipe_that_is_closed(folder):
    result = shell(folder, "$P predict simple.skops bare.npy | head -n 1")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "trace,probability,score,pulse\n"


@pytest.mark.parametrize("closing", ["2>&-", "<&- 2>&-", ">&- 2>&-"])
def test_closed_streams(folder, tmp_path, closing):
    result = shell(folder, f"$P simulate {tmp_path}/data.h5 -n 5 {closing}")
    assert result.returncode == 0
    assert len(load_traces(tmp_path / "data.h5").traces) == 5


def test_terminals_with_other_encodings(folder, tmp_path):
    line = "$P evaluate simple.skops data.h5 --validation data.h5 --fpr 0.1"
    result = shell(folder, line, PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert "Accuracy" in result.stdout
    result = shell(folder, f"$P simulate {tmp_path}/$'\\xff'.h5 -n 5")
    assert result.returncode == 0, result.stderr
    assert "5 events" in result.stdout


def test_interruption_of_imports():
    code = """
import sys
class Interrupted:
    def find_spec(self, name, *args):
        if name == "sklearn_aera.cli._app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from sklearn_aera.cli import main
main()
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize(
    "words", ["recover denoiser.skops data.h5 -o {}/out.npy", "plot trace data.h5 -o {}/out.png"]
)
def test_full_disk(folder, tmp_path, words):
    result = shell(folder, f"ulimit -f 10; $P {words.format(tmp_path)}", TF_CPP_MIN_LOG_LEVEL="3")
    assert result.returncode == 1
    assert f"'{tmp_path}/out." in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_termination_ends_workers(folder, tmp_path):
    words = ["tune", str(folder / "data.h5"), "-o", str(tmp_path / "model.skops"), "--jobs", "2"]
    with child_process(*PROGRAM, *words, "--epochs", "100000", cwd=tmp_path) as process:
        children = []
        while len(children) < 3:  # Two workers and the tracker of their resources.
            assert process.poll() is None
            time.sleep(0.5)
            children = psutil.Process(process.pid).children(recursive=True)
        time.sleep(5)
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert psutil.wait_procs(children, timeout=20)[1] == []
    assert list(tmp_path.iterdir()) == []


def test_pickles_are_loaded_with_a_warning(folder, monkeypatch):
    words = ["predict", "detector.joblib", "bare.npy", "--allow-pickle"]
    result = run(folder, monkeypatch, *words)
    assert result.exit_code == 0
    assert "loading it runs code from the file" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "trace,probability,score,pulse"
    assert len(lines) == 61


def test_events_of_validation_and_test_that_are_the_same(folder, monkeypatch):
    words = ["evaluate", "detector.skops", "data.h5", "--validation", "data.h5", "--json"]
    result = run(folder, monkeypatch, *words, "--fpr", "0.1")
    assert "60 events of the validation and the test traces have the same id" in result.stderr
    found = json.loads(result.stdout)
    assert found["traces"] == 60
    assert [point["fpr"] for point in found["detectors"][0]["operating_points"]] == [0.1]


def test_threshold(folder, monkeypatch):
    words = ["predict", "detector.skops", "data.h5", "-o", "all.csv", "--threshold", "-1e9"]
    result = run(folder, monkeypatch, *words, "--json")
    assert json.loads(result.stdout)["pulses"] == 60
    (folder / "all.csv").unlink()


def test_endless_training(folder, monkeypatch, tmp_path):
    out = tmp_path / "endless.skops"
    words = ["train", "data.h5", "-o", str(out), "--endless", "64", "--epochs", "2", "--json"]
    result = run(folder, monkeypatch, *words, "--hidden-size", "2")
    found = json.loads(result.stdout)
    assert (found["epochs"], found["kind"]) == (2, "detector")
    assert out.stat().st_size == pytest.approx(found["MB"] * 1e6)


def test_pulses_of_a_shower(coreas_path, monkeypatch, tmp_path):
    words = ["simulate", "data.h5", "-n", "20", "--pulses", str(coreas_path)]
    assert run(tmp_path, monkeypatch, *words).exit_code == 0
    assert load_traces(tmp_path / "data.h5").traces.shape == (20, 500)


def test_interrupted_simulation_goes_on(tmp_path):
    words = ["simulate", "data.h5", "--chunk-size", "500", "-n"]
    with child_process(*PROGRAM, *words, "1000000", cwd=tmp_path) as process:
        while not (tmp_path / "data.h5.part").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.endswith("Interrupted.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["data.h5.part"]
    result = subprocess.run([*PROGRAM, *words, "500"], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 1
    assert "--resume continues it" in result.stderr


def test_help_is_quick_to_come():
    code = "import sys; from sklearn_aera.cli import _app; print('sklearn' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.stdout == "False\n", printed.stderr


def test_labels_of_any_kind(folder, monkeypatch):
    detector = make_detector(epochs=1, random_state=0)
    detector[-1].set_params(hidden_size=2, n_filters=2, kernel_size=12, stride=12)
    detector.fit(DATA.traces, np.where(DATA.y == 1, "pulse", "noise"))
    joblib.dump(detector, folder / "words.joblib")
    words = "predict words.joblib data.h5 -o words.csv --allow-pickle --json"
    result = run(folder, monkeypatch, *words.split())
    expected = (detector.predict(DATA.traces) == "pulse").sum()
    assert json.loads(result.stdout)["pulses"] == expected
    words = "evaluate words.joblib data.h5 --validation data.h5 --allow-pickle --json"
    [row] = json.loads(run(folder, monkeypatch, *words.split()).stdout)["detectors"]
    right = (detector.predict(DATA.traces) == "pulse") == DATA.y
    assert row["accuracy"] == pytest.approx(right.mean())
    detector.fit(DATA.traces, np.arange(60) % 3)
    joblib.dump(detector, folder / "three.joblib")
    result = run(folder, monkeypatch, *["predict", "three.joblib", "data.h5", "--allow-pickle"])
    assert result.exit_code == 1
    assert "for 3 classes, but a detector has two" in result.stderr
    for name in ("words.csv", "words.joblib", "three.joblib"):
        (folder / name).unlink()


LIMIT = LikelihoodRatioClassifier(pulse=PulseLibrary(np.eye(2, 50), sampling_rate=5000.0))


@pytest.mark.parametrize("model", [LIMIT, make_pipeline(LIMIT), GridSearchCV(LIMIT, {})])
def test_rate_of_a_model_from_python(model):
    same = 180.0 * (1 + 9e-7)
    check_rate(model, Bunch(sampling_rate=same), "traces.npy")
    check_rate(model, Bunch(sampling_rate=None), "traces.npy")
    with pytest.raises(ValueError, match=r"rate of 180 MHz, got 180\.00036 MHz"):
        check_rate(model, Bunch(sampling_rate=180.0 * (1 + 2e-6)), "traces.npy")
    simple = LogisticRegression()
    check_rate(simple, Bunch(sampling_rate=200.0), "traces.npy")
    simple.sampling_rate_ = 180.0
    with pytest.raises(ValueError, match="was fitted to a sampling rate of 180 MHz, got 200 MHz"):
        check_rate(make_pipeline(simple), Bunch(sampling_rate=200.0), "traces.npy")


def test_limit_has_the_rate_of_the_file():
    simulator = TraceSimulator(sampling_rate=240.0)
    data = make_traces(300, snr=3.0, arrival_time=(0.25, 1.9), simulator=simulator, random_state=0)
    data.sampling_rate = 240.0
    assert fitted_limit(data).sampling_rate == 240.0


def test_signals_of_traces_of_unknown_rate(folder, monkeypatch):
    result = run(folder, monkeypatch, *["recover", "denoiser.skops", "bare.npy", "-o", "out.h5"])
    assert result.exit_code == 0
    assert load_traces(folder / "out.h5").sampling_rate is None
    (folder / "out.h5").unlink()


def test_endless_training_of_other_lengths(monkeypatch, tmp_path):
    simulator = TraceSimulator(sampling_rate=200.0, n_samples=400)
    data = make_traces(60, snr=5.0, arrival_time=1.0, simulator=simulator, random_state=0)
    save_traces(tmp_path / "data.h5", data.traces, signals=data.signals, sampling_rate=200.0)
    words = "train data.h5 -o model.skops --hidden-size 2 --endless 64 --epochs 1 --kind"
    for kind in ("detector", "denoiser"):
        result = run(tmp_path, monkeypatch, *words.split(), kind, "--overwrite")
        assert result.exit_code == 0, result.stderr
        assert load_model(tmp_path / "model.skops").n_features_in_ == 400


def test_ratios_of_nothing(folder, monkeypatch):
    result = run(folder, monkeypatch, *["train", "data.h5", "-o", "out.skops", "--snr", "1", "2"])
    assert result.exit_code == 1
    assert "--snr applies to the events simulated with --endless" in result.stderr


def test_search_with_networks_that_failed(monkeypatch, tmp_path):
    networks = {"classify__hidden_size": 2, "classify__bidirectional": True}
    results = {
        "params": [{"classify__cell": cell} | networks for cell in ("gru", "lstm", "simple_rnn")],
        "mean_test_score": np.array([0.7, np.nan, 0.9]),
        "std_test_score": np.array([0.1, np.nan, 0.1]),
        "split0_test_score": np.array([0.6, np.nan, 0.8]),
        "split1_test_score": np.array([0.8, np.nan, 1.0]),
        "mean_fit_time": np.ones(3),
        "rank_test_score": np.array([2, 3, 1]),
    }
    rows = candidates(results)
    assert [row["mean_test_score"] for row in rows] == [0.9, 0.7, None]
    assert [row["test_scores"] for row in rows] == [[0.8, 1.0], [0.6, 0.8], [None, None]]
    stored = {"scoring": "roc_auc", "candidates": rows}
    (tmp_path / "search.json").write_text(json.dumps(stored, allow_nan=False))
    result = run(tmp_path, monkeypatch, "plot", "search", "search.json", "-o", "search.png")
    assert result.exit_code == 0, result.stderr


def test_auc_and_its_error():
    """The error is the spread of the areas of many samples."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 4 == 0
    results = []
    for _ in range(300):
        score = np.round(rng.normal(1.0 * y), 1)  # With ties.
        results.append(auc_with_error(y, score))
    assert results[-1][0] == pytest.approx(roc_auc_score(y, score))
    areas, errors = np.transpose(results)
    assert errors.mean() == pytest.approx(areas.std(), rel=4 / np.sqrt(2 * 300))
    assert auc_with_error(np.array([0, 0, 1]), np.array([0.1, 0.2, 0.3])) == (1.0, 0.0)
