"""Commands on files of traces with several channels."""

import re

import pytest
from typer.testing import CliRunner

from sklearn_aera.cli._app import app
from sklearn_aera.persistence import load_model


def call(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("channels") / "aera.h5"
    assert call("simulate", path, "--events", 20, "--station", "aera")[0] == 0
    return path


@pytest.mark.parametrize("figure", ["trace", "spectrum"])
def test_channel_of_a_figure(path, tmp_path, figure):
    out = tmp_path / "figure.png"
    code, output = call("plot", figure, path, "-o", out, "--channel", 2)
    assert code == 1
    assert "has 2 channels, from 0 to 1, got 2" in output
    assert not out.exists()
    sizes = []
    for options in (["--channel", 1], ["--overwrite"]):
        code, output = call("plot", figure, path, "-o", out, *options)
        assert code == 0, output
        sizes.append(out.stat().st_size)
    # The figure of both channels shows more than that of one.
    assert sizes[1] > sizes[0]


def test_channel_of_traces_without_channels(tmp_path):
    path = tmp_path / "one.h5"
    call("simulate", path, "--events", 5)
    code, output = call("plot", "trace", path, "-o", tmp_path / "a.png", "--channel", 0)
    assert code == 1
    assert "has traces of one channel, without an axis for it" in output


def test_endless_training_of_a_station(path, tmp_path):
    out = tmp_path / "a.skops"
    words = ["train", path, "-o", out, "--endless", 40, "--epochs", 1, "--hidden-size", 2]
    code, output = call(*words)
    assert code == 1
    assert "has several channels; name the station with --station" in output
    for station, message in (
        ("lopes", "--station lopes: the number of channels is 1, that of .* is 2"),
        ("lofar", "--station lofar records at 200 MHz, .* has 180 MHz"),
        ("nowhere", "must be one of"),
    ):
        code, output = call(*words, "--station", station)
        assert code == 1
        assert re.search(message, output), output
        assert not out.exists()
    code, output = call(*words, "--station", "aera")
    assert code == 0, output
    assert load_model(out)[-1].trace_shape_ == (2, 500)


def test_the_band_is_that_of_the_station(tmp_path):
    path, out = tmp_path / "grand.h5", tmp_path / "grand.skops"
    assert call("simulate", path, "--events", 20, "--station", "grandproto300")[0] == 0
    words = ["train", path, "-o", out, "--epochs", 1, "--hidden-size", 2, "--overwrite"]
    sizes = []
    for options in (["--station", "grandproto300"], ["--band", 50, 200], []):
        code, output = call(*words, *options)
        assert code == 0, output
        sizes.append(load_model(out)[-1].kernel_size)
    assert sizes[0] == sizes[1] != sizes[2]
