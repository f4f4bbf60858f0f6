"""Detectors for recordings, pulses that are injected into them, and the efficiency there."""

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import Recording, make_events, make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import fit_tail, snr_at_efficiency, threshold_at_rate
from sklearn_aera.neural_network import make_detector
from sklearn_aera.preprocessing import SpectralWhitener, StdNormalizer
from sklearn_aera.simulation import MeasuredNoise, TraceSimulator
from sklearn_aera.trigger import StreamTrigger

N_SAMPLES, N_PULSE = 500, 2048
SNR = (0.5, 5.0)
NAMES = ("SNR threshold", "matched filter", "likelihood ratio", "network")


def arrival_time(rate):
    """Range of arrival times in us: 0.3 to 2.8 us of 500 samples at 160 MHz."""
    return 0.096 * N_SAMPLES / rate, 0.896 * N_SAMPLES / rate


def training_traces(background, response, n_events, snr=SNR, seed=0):
    """Traces with pulses in the noise of a recording of one antenna."""
    rate = background.sampling_rate
    simulator = TraceSimulator(
        noise=MeasuredNoise(background), response=response, n_samples=N_SAMPLES, sampling_rate=rate
    )
    known = {"snr": snr, "arrival_time": arrival_time(rate), "random_state": seed}
    return make_traces(n_events, simulator=simulator, **known)


def fit_detector(name, background, response, n_events, epochs, snr=SNR):
    """Train a detector on pulses in the background of a recording of one antenna."""
    rate = background.sampling_rate
    data = training_traces(background, response, n_events, snr)
    known = {"response": response, "sampling_rate": rate, "arrival_time": arrival_time(rate)}
    if name == "network":
        detector = network(rate, response, epochs)
        return detector.fit(data.traces, data.y, signals=data.signals)
    first = make_column_transformer(("passthrough", [0]))
    detector = {
        "SNR threshold": make_pipeline(SNRCalculator(sampling_rate=rate), LogisticRegression()),
        "matched filter": make_pipeline(MatchedFilter(**known), first, LogisticRegression()),
        "likelihood ratio": LikelihoodRatioClassifier(snr=snr, **known),
    }[name]
    return detector.fit(data.traces, data.y)


def network(rate, response, epochs):
    """The recommended detector for a sampling rate and the band of a response."""
    band = response.low, response.high
    return make_detector(sampling_rate=rate, band=band, epochs=epochs, random_state=0)


def inject(recording, response, spacing, seed):
    """Add pulses to a recording of one antenna; returns it and the events of the pulses.

    The signal-to-noise ratio is the largest value of a pulse over the RMS of the recording.
    """
    samples, rate = recording.read()[0], recording.sampling_rate
    rms, n_apart = samples.std(), round(spacing * rate)
    simulator = TraceSimulator(
        response=response, sampling_rate=rate, n_samples=N_PULSE, random_state=seed
    )
    middle = N_PULSE / rate / 2
    events, _ = make_events(
        (len(samples) - N_PULSE) // n_apart, signal_fraction=1.0, snr=SNR, random_state=seed,
        arrival_time=(0.5 * middle, 1.5 * middle),
    )  # fmt: skip
    signals = simulator.fit(events).simulate(events)[1]
    signals *= (events[:, 1] * rms / np.abs(signals).max(axis=1))[:, None]
    for number, signal in enumerate(signals):
        samples[number * n_apart :][:N_PULSE] += signal
    events[:, 2] += np.arange(len(events)) * n_apart / rate
    injected = Recording(samples[None], rate, antennas=recording.antennas)
    return injected, events


def scores_of_pulses(trigger, recording, events):
    """Highest score of the windows with a pulse."""
    scores = trigger.decision_function(recording)[0]
    sample = np.rint((events[:, 2] - recording.first_time) * recording.sampling_rate).astype(int)
    last = sample // trigger.stride_
    found = [
        scores[np.clip(last - back, 0, len(scores) - 1)]
        for back in range(-(-trigger.n_samples_ // trigger.stride_))
    ]
    return np.max(found, axis=0)


def threshold_for(rate, trigger):
    """Threshold for a rate: counted where three triggers are expected, else from the tail."""
    scores, livetime = trigger.background_scores_[0], trigger.livetime_
    if rate * livetime >= 3:
        return threshold_at_rate(scores, livetime, rate), "counted"
    return fit_tail(scores, livetime).threshold_at(rate).value, "tail"


def efficiency_rows(name, detector, background, injected, rates, pretrigger_rate=None):
    """Rows of a table: the SNR of 50 % efficiency at each rate.

    ``injected`` are pairs of a recording and the events of its pulses.
    """
    trigger = StreamTrigger(
        detector, rate=min(rates), extrapolate=True, pretrigger_rate=pretrigger_rate
    ).fit(background)
    score = np.concatenate([scores_of_pulses(trigger, *one) for one in injected])
    snr = np.concatenate([events[:, 1] for _, events in injected])
    row = {"detector": name, "background / s": trigger.livetime_, "pulses": len(snr)}
    for rate in rates:
        threshold, how = threshold_for(rate, trigger)
        try:
            half = list(snr_at_efficiency(score, snr, threshold))
        except ValueError:  # None is found, or nearly none.
            half = None
        is_within = half is not None and half[0] < SNR[1]
        row[f"SNR at {rate:g} Hz"] = half if is_within else f"> {SNR[1]:g}"
        row[f"threshold at {rate:g} Hz"] = how
    return row


def fit_shared_network(background, response, n_events, epochs, snr):
    """Train one network for all antennas, each of which has its own normaliser and whitener."""
    whiteners, traces, signals, labels = [], [], [], []
    for number in range(len(background.antennas)):
        data = training_traces(background[number], response, n_events, snr, seed=number)
        whitener = make_pipeline(StdNormalizer(per="dataset"), SpectralWhitener())
        traces.append(whitener.fit(data.traces, data.y).transform(data.traces))
        signals.append(whitener.transform(data.signals))  # It is linear.
        whiteners.append(whitener)
        labels.append(data.y)
    classifier = network(background.sampling_rate, response, epochs)[-1]
    classifier.fit(*map(np.concatenate, (traces, labels)), signals=np.concatenate(signals))
    return [make_pipeline(*(step for _, step in one.steps), classifier) for one in whiteners]
