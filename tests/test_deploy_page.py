"""The program of the page "Deploy", and exported detectors in triggers."""

import re
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import Recording, make_traces
from sklearn_aera.feature_extraction import MatchedFilter
from sklearn_aera.persistence import export_onnx, load_onnx
from sklearn_aera.trigger import StreamTrigger

PAGE = Path(__file__).parents[1] / "docs" / "deploy.rst"
PULSES = (41, 90)


@pytest.fixture(scope="module")
def program():
    """The program of the page."""
    page = PAGE.read_text()
    found = re.search(r"^   :name: triggers.py\n\n(.*?)\n\n(?=\S)", page, re.MULTILINE | re.DOTALL)
    return textwrap.dedent(found[1])


@pytest.fixture(scope="module")
def detector():
    data = make_traces(400, snr=8.0, random_state=0)
    return make_pipeline(MatchedFilter(), LogisticRegression()).fit(data.traces, data.y)


@pytest.fixture(scope="module")
def stream():
    """Stream of 200 traces, noise but for two of them, shape (100 000,), in mV."""
    options = {"snr": 12.0, "first_event_id": 10_000, "random_state": 0}
    traces = make_traces(200, signal_fraction=0.0, **options).traces
    for row in PULSES:
        options["first_event_id"] += 1000
        traces[row] += make_traces(1, signal_fraction=1.0, **options).signals[0]
    return traces.ravel()


@pytest.fixture(scope="module")
def folder(detector, stream, tmp_path_factory):
    folder = tmp_path_factory.mktemp("station")
    export_onnx(detector, folder / "detector.onnx", threshold=4.0)
    (stream / 0.01).round().astype("<i2").tofile(folder / "samples")
    return folder


def times_of(folder, program, source):
    """Times, in us, that the program prints."""
    options = {"cwd": folder, "capture_output": True, "text": True, "timeout": 60}
    words = [sys.executable, "-W", "error", "-c", program, "detector.onnx", source]
    process = subprocess.run(words, **options)
    assert process.returncode == 0, process.stderr
    return [float(line.split(" us")[0]) for line in process.stdout.splitlines()]


def test_program_has_thirty_lines(program):
    code = [line for line in program.splitlines() if line.strip()]
    assert len(code) <= 32
    assert max(map(len, code)) <= 100


def test_program_finds_the_pulses_in_a_file(folder, program):
    expected = [row * 500 / 180 for row in PULSES]
    np.testing.assert_allclose(times_of(folder, program, "samples"), expected, atol=500 / 180)


def test_program_finds_the_same_pulses_from_a_socket(folder, program):
    content = (folder / "samples").read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                for start in range(0, len(content), 777):
                    connection.sendall(content[start : start + 777])

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()
        found = times_of(folder, program, f"{host}:{port}")
        thread.join()
    assert found == times_of(folder, program, "samples")


def test_exported_detector_in_a_stream_trigger(folder, detector, stream):
    """The same triggers as with the fitted detector."""
    recording = Recording(stream[None], sampling_rate=180.0)
    found = [
        StreamTrigger(one, rate=20_000.0).fit(recording[:, :20_000]).find(recording)
        for one in (load_onnx(folder / "detector.onnx"), detector)
    ]
    assert len(found[0]) >= len(PULSES)
    np.testing.assert_array_equal(found[0]["sample"], found[1]["sample"])
    np.testing.assert_allclose(found[0]["score"], found[1]["score"], atol=1e-4)
