"""Triggers in recordings: the stream contract, rates, the first stage, bad input."""

import pickle
import threading

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import Recording, load_recording, make_events, make_traces
from sklearn_aera.feature_extraction import MatchedFilter
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import threshold_at_rate, trigger_rate
from sklearn_aera.persistence import load_model, save_model
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import AntennaNoise, BandPass, MeasuredNoise, TraceSimulator
from sklearn_aera.trigger import StreamTrigger, accidental_rate, coincidences
from sklearn_aera.trigger._first_stage import FirstStage
from sklearn_aera.trigger._peaks import Peaks
from sklearn_aera.trigger._scores import ahead

N_SAMPLES, RATE = 120, 180.0
NOISE = AntennaNoise(carrier_share=0.0)
SIMULATOR = TraceSimulator(noise=NOISE, n_samples=N_SAMPLES)
PULSES = {"arrival_time": (0.1, 0.55), "snr": (1.0, 8.0)}


@pytest.fixture(scope="module")
def detector():
    data = make_traces(1500, simulator=SIMULATOR, random_state=0, **PULSES)
    return LikelihoodRatioClassifier(snr=(1.0, 8.0)).fit(data.traces, data.y)


def make_stream(n_times, n_antennas, seed):
    long = TraceSimulator(noise=NOISE, n_samples=n_times, random_state=seed)
    events, _ = make_events(n_antennas, signal_fraction=0.0, random_state=seed)
    return long.fit_transform(events)


@pytest.fixture(scope="module")
def background():
    return Recording(make_stream(200_000, 2, 0), RATE, antennas=["north", "south"])


@pytest.fixture(scope="module")
def pulses():
    """A stream with loud pulses, 50 us apart, in both antennas; and the times of their peaks."""
    samples = make_stream(60_000, 2, 1)
    times = 20.0 + 50.0 * np.arange(6) + np.array([0, 0.07, 0.15, 0.22, 0.29, 0.41])
    long = TraceSimulator(n_samples=60_000, random_state=5)
    events, _ = make_events(6, signal_fraction=1.0, arrival_time=1.0, random_state=5)
    events[:, 2], events[:, 3] = times, -10.0
    signals = long.fit(events).simulate(events)[1]
    samples += (0.8 / np.abs(signals).max(axis=1) @ signals).astype(np.float32)
    recording = Recording(samples, RATE, antennas=["north", "south"], first_time=5.0)
    return recording, 5.0 + times


# --- peaks -----------------------------------------------------------------------------------


def brute_force(scores, n_dead):
    return [
        k
        for k, s in enumerate(scores)
        if s > max(scores[max(k - n_dead, 0) : k], default=-np.inf)
        and s >= max(scores[k + 1 : k + 1 + n_dead], default=-np.inf)
    ]


@pytest.mark.parametrize("n_dead", [0, 1, 2, 3, 7])
def test_peaks_in_pieces(n_dead):
    rng = np.random.default_rng(n_dead)
    for _ in range(20):
        scores = rng.integers(0, 6, 60).astype(float)  # with ties
        scores[rng.random(60) < 0.3] = -np.inf
        edges = np.sort(rng.integers(0, 61, 4))
        peaks = Peaks(n_dead)
        pieces = np.split(scores, edges)
        found = [peaks.add(one, number == len(pieces) - 1) for number, one in enumerate(pieces)]
        numbers, values = (np.concatenate(part) for part in zip(*found, strict=True))
        assert numbers.tolist() == brute_force(scores, n_dead)
        np.testing.assert_array_equal(values, scores[numbers])
        assert (np.diff(numbers) > n_dead).all()


# --- the stream contract ---------------------------------------------------------------------


@pytest.mark.parametrize("pretrigger_rate", [None, 50_000.0])
def test_same_triggers_however_cut(detector, background, pulses, pretrigger_rate):
    trigger = StreamTrigger(detector, rate=20_000.0, pretrigger_rate=pretrigger_rate)
    trigger.fit(background)
    expected = trigger.find(pulses[0])
    assert len(expected) > 10
    other = StreamTrigger(detector, rate=20_000.0, pretrigger_rate=pretrigger_rate, chunk_size=7777)
    other.fit(background)
    np.testing.assert_allclose(other.thresholds_, trigger.thresholds_, rtol=1e-5, atol=1e-5)
    for chunk_size in (1, 500, 7777, 20_000):
        found = trigger.set_params(chunk_size=chunk_size).find(pulses[0])
        np.testing.assert_array_equal(found["sample"], expected["sample"])
        np.testing.assert_array_equal(found["time"], expected["time"])
        np.testing.assert_allclose(found["score"], expected["score"], rtol=1e-4, atol=1e-4)


def test_scores_are_those_of_the_detector(detector, background, pulses):
    trigger = StreamTrigger(detector, rate=20_000.0, stride=50).fit(background)
    recording = pulses[0]
    scores = trigger.decision_function(recording)
    samples = recording.read()
    windows = np.lib.stride_tricks.sliding_window_view(samples, N_SAMPLES, axis=1)[:, ::50]
    assert scores.shape == windows.shape[:2]
    for row, antenna in zip(scores, windows, strict=True):
        np.testing.assert_allclose(row, detector.decision_function(antenna), rtol=1e-4, atol=1e-4)
    # Each trigger is a window of this score that reaches the threshold, and no other is near.
    triggers = trigger.find(recording)
    for antenna in (0, 1):
        mine = triggers[triggers["antenna"] == antenna]
        peaks = brute_force(scores[antenna], 2)
        peaks = [k for k in peaks if scores[antenna, k] >= trigger.thresholds_[antenna]]
        assert sorted(mine["sample"] // 50) == peaks


def test_part_of_a_recording_has_its_triggers(detector, background, pulses):
    trigger = StreamTrigger(detector, rate=20_000.0).fit(background)
    whole = trigger.find(pulses[0])
    start = 10_000 // trigger.stride_ * trigger.stride_
    part = trigger.find(pulses[0][:, start:40_000])
    inside = (whole["sample"] >= start + 300) & (whole["sample"] < 40_000 - 300)
    kept = part[(part["sample"] >= 300) & (part["sample"] < 40_000 - start - 300)]
    np.testing.assert_allclose(kept["time"], whole["time"][inside], rtol=1e-12)


# --- triggers and rates ----------------------------------------------------------------------


@pytest.mark.parametrize("pretrigger_rate", [None, 20_000.0])
def test_pulses_are_found_at_their_times(detector, background, pulses, pretrigger_rate):
    trigger = StreamTrigger(detector, rate=2_000.0, pretrigger_rate=pretrigger_rate)
    recording, times = pulses
    triggers = trigger.fit(background).find(recording)
    for antenna in (0, 1):
        mine = triggers[triggers["antenna"] == antenna]
        loudest = np.sort(mine["time"][np.argsort(mine["score"])[-6:]])
        # The envelope of a pulse is about 20 ns wide, of which noise moves the peak by a part.
        np.testing.assert_allclose(loudest, times, atol=0.012)
    assert (np.diff(triggers["time"]) >= 0).all()


def test_rate_on_background(detector, background):
    trigger = StreamTrigger(detector, rate=10_000.0).fit(background)
    triggers = trigger.find(background)
    livetime = background.duration * 1e-6
    assert trigger.livetime_ == pytest.approx(livetime, rel=1e-3)
    for antenna in (0, 1):
        score = triggers["score"][triggers["antenna"] == antenna]
        assert trigger_rate(score, livetime, -1e9).value <= 10_000.0
        assert len(score) == int(10_000.0 * trigger.livetime_)
        kept = trigger.background_scores_[antenna]
        assert (np.diff(kept) <= 0).all()
        assert threshold_at_rate(kept, trigger.livetime_, 10_000.0) == trigger.thresholds_[antenna]


def test_first_stage_passes_its_rate(detector, background):
    trigger = StreamTrigger(detector, rate=2_000.0, pretrigger_rate=50_000.0).fit(background)
    passed = np.isfinite(trigger.decision_function(background)).sum(axis=1)
    assert (passed == int(50_000.0 * trigger.livetime_)).all()
    # The statistic is the envelope of a filter for white noise of unit variance.
    stage = FirstStage(trigger.filters_[0], trigger.n_samples_, trigger.stride_)
    filtered = np.stack([np.convolve(background.read()[0], f, "valid") for f in stage.taps])
    np.testing.assert_allclose(filtered.std(axis=1), 1.0, atol=0.1)
    n_windows = 1000
    statistic = stage.statistic(background.read()[0], n_windows)
    largest = np.abs(filtered).max(axis=0)
    cells = largest[: n_windows * stage.stride].reshape(n_windows, stage.stride).max(axis=1)
    # The envelope is never below the wave, but for the samples between which it lies.
    assert np.mean(statistic > 0.9 * cells) > 0.99


def test_extrapolation(detector, background):
    with pytest.raises(ValueError, match=r"at least one over the livetime .* extrapolate=True"):
        StreamTrigger(detector, rate=10.0).fit(background)
    trigger = StreamTrigger(detector, rate=10.0, extrapolate=True).fit(background)
    highest = [scores[0] for scores in trigger.background_scores_]
    low, high = trigger.threshold_intervals_.T
    assert ((low < trigger.thresholds_) & (trigger.thresholds_ < high)).all()
    assert (trigger.thresholds_ > np.array(highest) - 2).all()


# --- detectors -------------------------------------------------------------------------------


def test_any_pipeline_and_one_for_each_antenna(detector, background, pulses):
    data = make_traces(600, simulator=SIMULATOR, random_state=0, **PULSES)
    pipeline = make_pipeline(
        StdNormalizer(per="dataset"), MatchedFilter(), StdNormalizer(), LogisticRegression()
    ).fit(data.traces, data.y)
    trigger = StreamTrigger([pipeline, detector], rate=5_000.0).fit(background)
    triggers = trigger.find(pulses[0])
    one = StreamTrigger(detector, rate=5_000.0).fit(background).find(pulses[0])
    for name in ("time", "score"):
        np.testing.assert_array_equal(
            triggers[name][triggers["antenna"] == 1], one[name][one["antenna"] == 1]
        )
    assert set(triggers["antenna"]) == {0, 1}


def test_detectors_without_decision_function(detector, background, pulses):
    class Probability(BaseEstimator):
        classes_, n_features_in_ = detector.classes_, N_SAMPLES

        def fit(self):
            """Do nothing: scikit-learn asks for it."""

        def __sklearn_is_fitted__(self):
            return True

        def predict_proba(self, X):
            return detector.predict_proba(X)

    one = StreamTrigger(Probability(), rate=20_000.0).fit(background)
    other = StreamTrigger(detector, rate=20_000.0).fit(background)
    found, expected = one.find(pulses[0]), other.find(pulses[0])
    # Windows whose probability is rounded to 1 are ties: of these the first is the trigger.
    distance = np.abs(found["sample"][:, None] - expected["sample"]).min(axis=1)
    assert np.mean(distance <= one.stride_) > 0.95
    assert len(found) == pytest.approx(len(expected), rel=0.05)


def test_clone_pickle_and_files(detector, background, pulses, tmp_path):
    trigger = clone(StreamTrigger(FrozenEstimator(detector), rate=20_000.0)).fit(background)
    expected = trigger.find(pulses[0])
    save_model(trigger, tmp_path / "trigger.skops")
    for copy in (pickle.loads(pickle.dumps(trigger)), load_model(tmp_path / "trigger.skops")):
        found = copy.find(pulses[0])
        for name in ("time", "antenna", "score", "sample"):
            np.testing.assert_array_equal(found[name], expected[name])


def test_progress(detector, background, pulses):
    seen = []
    trigger = StreamTrigger(detector, rate=9_000.0, pretrigger_rate=20_000.0, chunk_size=20_000)
    trigger.fit(background, on_progress=seen.append)
    assert len(seen) > 10
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    trigger.find(pulses[0], on_progress=seen.append)
    assert seen[-1] == 1.0


def test_absolute_times(detector, background, pulses):
    trigger = StreamTrigger(detector, rate=20_000.0).fit(background)
    assert np.isnat(trigger.find(pulses[0])["absolute"]).all()
    start = np.datetime64("2004-01-12T00:28:11", "ns")
    known = Recording(pulses[0].read(), RATE, antennas=["north", "south"], start_time=start)
    found = trigger.find(known)
    expected = start + np.rint(found["time"] * 1e3).astype("timedelta64[ns]")
    np.testing.assert_array_equal(found["absolute"], expected)


def test_quiet_recordings_have_no_trigger(detector, background):
    trigger = StreamTrigger(detector, rate=2_000.0).fit(background)
    trigger.thresholds_ = np.full(2, 1e6)
    found = trigger.find(background)
    assert found.shape == (0,)
    assert found.dtype.names == ("time", "absolute", "antenna", "score", "sample")


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rate": 0.0}, "rate"),
        ({"stride": 119}, "stride == 119, must be <= 118"),
        ({"dead_time": -1.0}, "dead_time"),
        ({"pretrigger_rate": 1.0}, "at least one over the livetime"),
        ({"spectral_slope": "steep"}, "spectral_slope"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"detector": 3}, "detector must have a method"),
        ({"detector": LogisticRegression()}, "not fitted"),
    ],
)
def test_bad_parameters(detector, background, parameters, message):
    trigger = StreamTrigger(detector, rate=20_000.0).set_params(**parameters)
    with pytest.raises((ValueError, TypeError), match=message):
        trigger.fit(background)


def test_bad_recordings(detector, background):
    trigger = StreamTrigger(detector, rate=20_000.0)
    with pytest.raises(TypeError, match="X must be a Recording"):
        trigger.fit(background.read())
    with pytest.raises(ValueError, match="at least as long as a window of the detector, 120"):
        trigger.fit(background[:, :100])
    with pytest.raises(ValueError, match=r"200 MHz, but the detector 180 MHz: resample"):
        trigger.fit(Recording(background.read(), 200.0))
    with pytest.raises(ValueError, match="Nyquist zone 2: band_pass unfolds it"):
        trigger.fit(Recording(background.read(), 180.0, nyquist_zone=2))
    samples = background.read()
    samples[1] = 3.0
    with pytest.raises(ValueError, match="antenna south is constant"):
        trigger.fit(Recording(samples, 180.0, antennas=["north", "south"]))
    samples = background.read()
    samples[1, 50_000] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity: antenna south"):
        trigger.fit(Recording(samples, 180.0, antennas=["north", "south"]))
    trigger.fit(background)
    with pytest.raises(ValueError, match=r"must have the antennas \['north', 'south'\]"):
        trigger.find(background[0])
    with pytest.raises(ValueError, match="one for each of the 2 antennas, got 1"):
        StreamTrigger([detector], rate=20_000.0).fit(background)


# --- a measured air shower -------------------------------------------------------------------


@pytest.mark.slow
def test_measured_air_shower(lopes_path):
    """All eight antennas see it at the same time, and nothing else."""
    recording = load_recording(lopes_path).band_pass(43.0, 74.0)
    background = recording.split((0.45,))[0]
    band = {"response": BandPass(43.0, 74.0, edge_width=2.0), "sampling_rate": 160.0}
    detectors = []
    for number in range(8):
        noise = MeasuredNoise(background[number])
        simulator = TraceSimulator(noise=noise, n_samples=500, **band)
        options = {"simulator": simulator, "snr": (0.3, 3.0), "arrival_time": (0.3, 2.8)}
        data = make_traces(1000, random_state=0, **options)
        ratio = LikelihoodRatioClassifier(snr=(0.3, 3.0), **band)
        detectors.append(ratio.fit(data.traces, data.y))
    triggers = StreamTrigger(detectors, rate=10_000.0).fit(background).find(recording)
    found = coincidences(triggers, window=0.5, min_antennas=4)
    assert found["n_antennas"].tolist() == [8]
    # Just before the trigger of the particle detectors at 409.6 us.
    assert found["time"][0] == pytest.approx(407.7, abs=0.1)
    assert accidental_rate(triggers, 816e-6, 0.5, 4, n_slides=40).value < 100.0


def test_pieces_are_made_ahead_in_order():
    made, main = [], threading.get_ident()

    def pieces():
        for number in range(4):
            made.append(threading.get_ident())
            yield number

    for number, piece in enumerate(ahead(pieces())):
        assert piece == number
        assert main not in made
    assert len(made) == 4
    assert list(ahead([])) == []


def test_errors_of_a_piece_reach_the_caller():
    def pieces():
        yield 1
        raise OSError("the disk is gone")

    found = ahead(pieces())
    assert next(found) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)


def test_no_piece_is_made_after_the_caller_stops():
    made = []
    found = ahead(made.append(number) or number for number in range(100))
    assert next(found) == 0
    found.close()
    assert len(made) <= 2


def test_no_window_passes(detector, background):
    trigger = StreamTrigger(detector, rate=5000.0, pretrigger_rate=20_000.0).fit(background)
    trigger.pretrigger_thresholds_ = np.full(2, np.inf)
    assert (trigger.decision_function(background) == -np.inf).all()
    assert len(trigger.find(background)) == 0
