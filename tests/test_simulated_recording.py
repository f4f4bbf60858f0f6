"""Simulated recordings: any piece alone, pulses at their times, stationary noise."""

import numpy as np
import pytest
import scipy.signal

from sklearn_aera.datasets import make_recording
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

QUIET = TraceSimulator(noise=AntennaNoise(carrier_share=0.0))


@pytest.fixture(scope="module")
def stream():
    options = {"simulator": QUIET, "pulse_rate": 10_000.0, "snr": (5.0, 20.0), "random_state": 0}
    return make_recording(2000.0, n_antennas=2, **options)


def test_any_piece_is_the_same(stream):
    whole = stream.recording.read()
    assert whole.shape == (2, 360_000)
    for start, stop in ((0, 10), (8190, 8200), (100_000, 130_001), (359_990, 360_000)):
        piece = stream.recording.read(start, stop)
        np.testing.assert_allclose(piece, whole[:, start:stop], atol=1e-6)
    pieces = np.concatenate(list(stream.recording.pieces(7777)), axis=1)
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


def test_longer_recordings_begin_the_same(stream):
    longer = make_recording(
        9000.0, n_antennas=2, simulator=QUIET, pulse_rate=10_000.0, snr=(5.0, 20.0), random_state=0
    )
    np.testing.assert_array_equal(longer.events[: len(stream.events)], stream.events)
    np.testing.assert_allclose(
        longer.recording.read(0, 50_000), stream.recording.read(0, 50_000), atol=1e-6
    )


def test_pulses_are_where_the_events_say(stream):
    assert len(stream.events) == 20
    assert (np.diff(stream.arrival_time) > 50).all()
    noise = make_recording(2000.0, n_antennas=2, simulator=QUIET, random_state=0)
    assert len(noise.events) == 0
    signal = stream.recording.read() - noise.recording.read()
    np.testing.assert_allclose(signal[0], signal[1], atol=1e-5)
    rms = noise.recording.read(0, 131_072)[0].std()
    envelope = np.abs(scipy.signal.hilbert(signal[0]))
    for time, snr in zip(stream.arrival_time, stream.snr, strict=True):
        near = slice(round(time * 180) - 200, round(time * 180) + 200)
        # The peak of the envelope is between samples.
        assert near.start + envelope[near].argmax() == pytest.approx(time * 180, abs=0.7)
        assert np.abs(signal[0, near]).max() / rms == pytest.approx(snr, rel=0.02)


def test_noise_is_stationary_and_of_its_spectrum():
    noise = AntennaNoise(carrier_share=0.5)
    recording = make_recording(
        4000.0, n_antennas=2, simulator=TraceSimulator(noise=noise), random_state=1
    ).recording
    samples = recording.read()
    # Joined in the middle of each 8 192 samples: 88 values in each place.
    power = np.square(samples[:, : 87 * 8192].reshape(-1, 8, 1024)).mean(axis=(0, 2))
    np.testing.assert_allclose(power, 0.01, rtol=0.15)
    assert abs(np.corrcoef(samples)[0, 1]) < 0.05
    frequency, density = scipy.signal.welch(samples, 180.0, nperseg=4096)
    outside = (frequency < 28) | (frequency > 82)
    assert density[:, outside].sum() < 1e-4 * density.sum()
    strongest = np.sort(frequency[np.argsort(density[0])[-4:]])
    for carrier in (58.887, 61.523, 68.555, 71.191):
        nearest = np.abs(frequency - carrier).argmin()
        around = density[0, nearest - 20 : nearest - 10].mean()
        assert density[0, nearest - 1 : nearest + 2].max() > 20 * around
    assert strongest.min() > 58


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"duration": 0.0}, "duration"),
        ({"n_antennas": 0}, "n_antennas"),
        ({"pulse_rate": 100_000.0}, "pulse_rate must leave 2048 samples"),
        ({"snr": -1.0}, "snr"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        make_recording(**({"duration": 1000.0} | options))
