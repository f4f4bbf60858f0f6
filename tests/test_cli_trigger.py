"""The command ``trigger``."""

import csv
import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from typer.testing import CliRunner

from sklearn_aera.cli._app import app
from sklearn_aera.datasets import make_recording, make_traces
from sklearn_aera.feature_extraction import SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.persistence import save_model
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

NOISE = AntennaNoise(carrier_share=0.0)
SHORT = TraceSimulator(noise=NOISE, n_samples=120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a detector, and a recording of three antennas with four pulses."""
    folder = tmp_path_factory.mktemp("trigger")
    data = make_traces(1000, simulator=SHORT, snr=6.0, arrival_time=(0.1, 0.55), random_state=0)
    save_model(LikelihoodRatioClassifier(snr=6.0).fit(data.traces, data.y), folder / "d.skops")
    stream = make_recording(
        1000.0, n_antennas=3, simulator=TraceSimulator(noise=NOISE), pulse_rate=4000.0,
        snr=9.0, spectral_slope=-5.0, random_state=0,
    )  # fmt: skip
    np.savez(
        folder / "night.npz", samples=stream.recording.read(), sampling_rate=180.0,
        antennas=["a", "b", "c"],
    )  # fmt: skip
    quiet = make_recording(
        2000.0, n_antennas=3, simulator=TraceSimulator(noise=NOISE), random_state=9
    )
    np.savez(
        folder / "quiet.npz", samples=quiet.recording.read(), sampling_rate=180.0,
        antennas=["a", "b", "c"],
    )  # fmt: skip
    np.save(folder / "times.npy", stream.arrival_time)
    return folder


def run(folder, *options, code=0):
    command = ["trigger", str(folder / "night.npz"), "-m", str(folder / "d.skops"), *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == code, result.output
    return result


def test_pulses_are_coincidences(folder, tmp_path):
    out = tmp_path / "found.csv"
    options = ["--rate", "2000", "--background", str(folder / "quiet.npz"), "--window", "0.1"]
    options += ["--figure", str(tmp_path / "figure.png"), "--json", "-o", str(out)]
    result = json.loads(run(folder, *options).stdout)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert result["triggers"] == len(rows) >= 12
    assert result["coincidences"] == 4
    assert [one["name"] for one in result["antennas"]] == ["a", "b", "c"]
    assert result["livetime_s"] == pytest.approx(1e-3)
    for number, time in enumerate(np.load(folder / "times.npy")):
        mine = [row for row in rows if row["coincidence"] == str(number)]
        assert {row["antenna"] for row in mine} == {"a", "b", "c"}
        # The largest envelope in noise of a ninth of the pulse.
        np.testing.assert_allclose([float(row["time_us"]) for row in mine], time, atol=0.02)
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize("pretrigger", [(), ("--pretrigger", "50000")])
def test_background_of_the_recording_itself(folder, tmp_path, pretrigger):
    out = tmp_path / "found.csv"
    result = run(folder, "--rate", "10000", "-o", str(out), *pretrigger)
    assert f"{out}: " in result.stdout
    assert "coincidences" not in result.stdout
    assert "coincidence" not in out.read_text()


def test_detector_says_the_rate_of_the_band(folder, tmp_path):
    samples = np.random.default_rng(0).normal(0, 40, 60_000).astype("<i2")
    samples.tofile(tmp_path / "raw.dat")
    out = tmp_path / "found.csv"
    command = ["trigger", str(tmp_path / "raw.dat"), "-m", str(folder / "d.skops"), "-o", str(out)]
    command += ["--sampling-rate", "200", "--rate", "50000"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "sampling rate of 200 MHz, but the detector 180 MHz" in " ".join(result.output.split())
    assert not out.exists()
    result = CliRunner().invoke(app, [*command, "--band", "31", "79"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rate", "10"), "at least one over the livetime"),
        (("--antenna", "z"), "antennas must be some of"),
        (("--rate", "1e4", "--band", "10", "95"), "within the recorded band"),
        (("--rate", "1e4", "--window=-1"), "window == -1.0"),
    ],
)
def test_errors(folder, tmp_path, options, message):
    out = tmp_path / "found.csv"
    result = run(folder, *options, "-o", str(out), code=1)
    assert message in " ".join(result.output.split())
    assert not out.exists()
    assert not list(tmp_path.iterdir())


def test_adapt_to_each_antenna(folder, tmp_path):
    """An antenna of a hundred times the gain has the same triggers."""
    data = make_traces(600, simulator=SHORT, snr=6.0, arrival_time=(0.1, 0.55), random_state=0)
    steps = StdNormalizer(per="dataset"), SpectralWhitener(), SNRCalculator(), LogisticRegression()
    model = make_pipeline(*steps).fit(data.traces, data.y)
    save_model(model, tmp_path / "snr.skops")
    samples = np.load(folder / "night.npz")["samples"][0]
    recording = tmp_path / "gains.npz"
    np.savez(recording, samples=[samples, 100 * samples], sampling_rate=180.0, antennas=["a", "b"])
    command = ["trigger", str(recording), "-m", str(tmp_path / "snr.skops"), "--adapt", "--json"]
    command += ["--rate", "10000", "-o", str(tmp_path / "found.csv")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    a, b = json.loads(result.stdout)["antennas"]
    assert a["threshold"] == pytest.approx(b["threshold"], abs=1e-3)
    assert a["triggers"] == b["triggers"] > 0


def test_what_cannot_adapt_is_refused(folder, tmp_path):
    result = run(folder, "--adapt", "--rate", "1e4", "-o", str(tmp_path / "found.csv"), code=1)
    message = "holds a LikelihoodRatioClassifier, which cannot be adapted"
    assert message in " ".join(result.output.split())
