"""Commands on files of traces with several channels."""

import pytest
from typer.testing import CliRunner

from sklearn_aera.cli._app import app


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


def test_endless_training_is_for_one_channel(path, tmp_path):
    code, output = call("train", path, "-o", tmp_path / "a.skops", "--endless", 100)
    assert code == 1
    assert "--endless is for traces of one channel" in output
    assert not (tmp_path / "a.skops").exists()
