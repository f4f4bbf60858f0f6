"""The simulator against the formulas that it implements."""

from fractions import Fraction

import numpy as np
import pytest
from helpers import event_column
from scipy.signal import butter, hilbert, periodogram, sosfreqz
from scipy.stats import ks_2samp

from sklearn_aera.datasets import EVENT_COLUMNS, load_coreas, make_events
from sklearn_aera.simulation import (
    AnalyticPulse,
    AntennaNoise,
    BandPass,
    MeasuredNoise,
    PulseLibrary,
    TraceSimulator,
    amplitude_spectrum,
    galactic_temperature,
)

RATE = 180.0


def _rms(x):
    return np.sqrt(np.mean(np.asarray(x, dtype=float) ** 2, axis=-1))


def _silent(events):
    """The same events without pulses."""
    silent = events.copy()
    silent[:, EVENT_COLUMNS.index("snr")] = 0.0
    return silent


def _simulate(simulator, events):
    traces, signals = simulator.fit(events).simulate(events)
    return traces.astype(float), signals.astype(float)


# --- signal-to-noise ratio -------------------------------------------------------------------


@pytest.mark.parametrize("noise", [None, AntennaNoise(carrier_share=0.0, burst_rate=1.0)])
@pytest.mark.parametrize("reference", ["noise", "trace"])
def test_snr_is_the_one_asked_for(reference, noise):
    events, _ = make_events(500, signal_fraction=1.0, snr=(0.5, 5.0), random_state=0)
    simulator = TraceSimulator(noise=noise, snr_reference=reference, random_state=0)
    traces, signals = _simulate(simulator, events)
    denominator = simulator.transform(_silent(events)) if reference == "noise" else traces
    np.testing.assert_allclose(
        np.abs(signals).max(axis=1) / _rms(denominator), event_column(events, "snr"), rtol=1e-5
    )


def test_snr_of_the_trace_has_an_upper_limit():
    events, _ = make_events(20, signal_fraction=1.0, snr=50.0, random_state=0)
    with pytest.raises(ValueError, match=r"snr=50.0 cannot be reached with snr_reference='trace'"):
        TraceSimulator(snr_reference="trace", random_state=0).fit_transform(events)


# --- noise -----------------------------------------------------------------------------------


def test_galactic_temperature():
    """Values of the published formula at 30, 40, 50, 60, 70 and 80 MHz, in K."""
    expected = [17781, 8526, 4822, 3028, 2043, 1453]
    np.testing.assert_allclose(galactic_temperature([30, 40, 50, 60, 70, 80]), expected, rtol=5e-4)
    index = np.log(galactic_temperature(80.0) / galactic_temperature(30.0)) / np.log(80 / 30)
    assert index == pytest.approx(-2.55, abs=0.01)


def test_noise_spectrum_follows_the_model():
    """The mean periodogram is the temperature seen through the band, in every bin."""
    n, low, high = 4000, 30.1, 80.3
    events, _ = make_events(n, signal_fraction=0.0, random_state=1)
    noise = AntennaNoise(carrier_share=0.0, rms=0.2)
    traces, _ = _simulate(TraceSimulator(noise=noise, random_state=1), events)
    frequencies, power = periodogram(traces, fs=RATE, window="hann", detrend=False)
    mean = power.mean(axis=0)
    # Away from the edges, where the window's resolution of 0.7 MHz does not matter.
    inside = (frequencies > low + 2) & (frequencies < high - 2)
    temperature = galactic_temperature(frequencies[inside]) + 300
    model = temperature / temperature.sum() * mean[inside].sum()
    # A periodogram is exponential: its mean over n traces scatters by 1/sqrt(n).
    pull = (mean[inside] / model - 1) * np.sqrt(n)
    assert np.abs(pull).max() < 5
    assert pull.std() < 1.5
    # The textbook's band is empty outside.
    outside = (frequencies < low - 3) | (frequencies > high + 3)
    assert mean[outside].max() < 1e-4 * mean[inside].min()
    total = mean.sum() * (frequencies[1] - frequencies[0])
    assert total == pytest.approx(0.2**2, rel=5 * 2 / np.sqrt(n * inside.sum()))


@pytest.mark.parametrize("amplitude", ["jitter", "rayleigh"])
def test_carriers_have_their_frequencies_and_their_share(amplitude):
    n, share = 400, 0.8
    carriers = np.array([58.887, 61.523, 68.555, 71.191])
    events, _ = make_events(n, signal_fraction=0.0, random_state=2)
    noise = AntennaNoise(carrier_share=share, carrier_amplitude=amplitude)
    simulator = TraceSimulator(noise=noise, n_samples=4000, random_state=2)
    traces, _ = _simulate(simulator, events)
    times = np.arange(4000) / RATE
    waves = np.exp(-2j * np.pi * np.outer(times, carriers))
    amplitudes = 2 * np.abs(traces @ waves) / 4000
    power = amplitudes**2 / 2
    # Power is exponential for Rayleigh amplitudes; +-30 % of amplitude are a spread of 0.35.
    scatter = {"rayleigh": 1.0, "jitter": 0.35}[amplitude] / np.sqrt(n)
    np.testing.assert_allclose(power.mean(axis=0), share * 0.01 / 4, rtol=5 * scatter)
    if amplitude == "jitter":
        relative = amplitudes / amplitudes.mean(axis=0)
        assert relative.min() > 0.6
        assert relative.max() < 1.4
    frequencies, spectrum = periodogram(traces, fs=RATE, window="hann", detrend=False)
    strongest = np.sort(frequencies[np.argsort(spectrum.mean(axis=0))[-12:]])
    distance = np.abs(strongest[:, None] - carriers).min(axis=1)
    assert distance.max() < 2 * RATE / 4000
    phases = np.angle(traces @ waves)
    assert np.abs(np.exp(1j * phases).mean(axis=0)).max() < 4 / np.sqrt(n)


def test_covariance_of_the_noise_is_the_stated_one():
    n = 3000
    events, _ = make_events(n, signal_fraction=0.0, random_state=3)
    simulator = TraceSimulator(random_state=3)
    traces, _ = _simulate(simulator, events)
    expected = simulator.noise_.autocovariance()
    for start in (0, 200):
        measured = traces[:, start] @ traces[:, start:] / n
        # Var(x y) <= 2 c0^2 for jointly Gaussian x and y; carriers scatter less.
        assert np.abs(measured - expected[: 500 - start]).max() < 5 * np.sqrt(2 / n) * expected[0]
    # Circular noise would join the trace's end to its beginning: c(499) = c(1).
    end_to_end = traces[:, 0] @ traces[:, -1] / n
    assert abs(end_to_end - expected[-1]) < 5 * np.sqrt(2 / n) * expected[0]
    assert abs(expected[-1] - expected[1]) > 10 * np.sqrt(2 / n) * expected[0]


def test_power_of_noise_traces_fluctuates_as_gaussian_noise():
    """Var(mean square) = 2 sum over lags (1 - |lag|/N) c(lag)^2 / N for Gaussian noise."""
    n = 4000
    events, _ = make_events(n, signal_fraction=0.0, random_state=4)
    noise = AntennaNoise(carrier_amplitude="rayleigh")
    simulator = TraceSimulator(noise=noise, random_state=4)
    power = _rms(_simulate(simulator, events)[0]) ** 2
    c = simulator.noise_.autocovariance()
    taper = 1 - np.arange(500) / 500
    variance = 2 / 500 * (2 * np.sum(taper * c**2) - c[0] ** 2)
    assert power.mean() == pytest.approx(c[0], abs=5 * np.sqrt(variance / n))
    # The power of four carriers is nearly a gamma variable: kurtosis about 4.5.
    assert power.var() == pytest.approx(variance, rel=5 * np.sqrt(3.5 / n))


def test_variance_gives_the_label_away_only_by_the_signals_power():
    events, y = make_events(6000, snr=2.0, random_state=5)
    simulator = TraceSimulator(random_state=5)
    traces, signals = _simulate(simulator, events)
    noise = simulator.transform(_silent(events)).astype(float)
    # The noise behind a pulse is drawn as that without one.
    assert ks_2samp(_rms(noise)[y == 1], _rms(noise)[y == 0]).pvalue > 1e-3
    # What a pulse adds to the mean square is its own power, up to a cross term of mean zero.
    added = _rms(traces[y == 1]) ** 2 - _rms(noise[y == 1]) ** 2
    excess = added - _rms(signals[y == 1]) ** 2
    assert abs(excess.mean()) < 5 * excess.std() / np.sqrt(len(excess))


def test_bursts_come_at_their_rate_with_their_energy():
    n, rate, duration, amplitude = 600, 0.5, 0.1, 3.0
    events, _ = make_events(n, signal_fraction=0.0, random_state=6)
    settings = {
        "response": BandPass(5.0, 85.0),
        "n_samples": 2000,
        "random_state": 6,
    }
    noise = {"carrier_share": 0.0, "burst_duration": duration, "burst_amplitude": amplitude}
    quiet, _ = _simulate(TraceSimulator(noise=AntennaNoise(**noise), **settings), events)
    bursty = TraceSimulator(noise=AntennaNoise(burst_rate=rate, **noise), **settings)
    loud, _ = _simulate(bursty, events)
    bursts = loud - quiet
    length = 2000 / RATE
    n_silent = np.sum(np.abs(bursts).max(axis=1) < 1e-4)
    expected_silent = n * np.exp(-rate * length)
    assert abs(n_silent - expected_silent) < 5 * np.sqrt(max(expected_silent, 1))
    sigma = duration / np.sqrt(8 * np.log(2))
    energy = (amplitude * 0.1) ** 2 * sigma * np.sqrt(np.pi) / 2
    measured = (bursts**2).sum(axis=1) / RATE
    # Bursts near an edge of the band or of the trace lose part of their energy: a spectral
    # width of 3.7 in 80 MHz, a length of 0.04 in 11 us.
    scatter = measured.std() / np.sqrt(n)
    assert energy * rate * length * 0.92 - 5 * scatter < measured.mean()
    assert measured.mean() < energy * rate * length + 5 * scatter


def test_measured_noise_is_cut_from_the_recordings():
    recordings = np.random.default_rng(0).normal(size=(4, 700)).astype(np.float32)
    events, _ = make_events(200, signal_fraction=0.0, random_state=0)
    simulator = TraceSimulator(noise=MeasuredNoise(recordings), random_state=0)
    traces = simulator.fit_transform(events)
    windows = np.lib.stride_tricks.sliding_window_view(recordings, 500, axis=1).reshape(-1, 500)
    first = {row[:3].tobytes(): i for i, row in enumerate(windows)}
    found = np.array([first[trace[:3].tobytes()] for trace in traces])
    np.testing.assert_array_equal(windows[found], traces)
    assert set(found // 201) == {0, 1, 2, 3}
    assert len(set(found)) > 150


# --- pulses ----------------------------------------------------------------------------------


def test_peak_time_and_polarity():
    events, _ = make_events(200, signal_fraction=1.0, snr=5.0, random_state=7)
    _, signals = _simulate(
        TraceSimulator(pulse=AnalyticPulse(phase_jitter=0.0), random_state=7), events
    )
    arrival, polarity = (event_column(events, name) for name in ("arrival_time", "polarity"))
    peak = np.abs(hilbert(signals, axis=1)).argmax(axis=1) / RATE
    assert np.abs(peak - arrival).max() <= 0.5 / RATE + 1e-9
    nearest = signals[np.arange(200), np.rint(arrival * RATE).astype(int)]
    np.testing.assert_array_equal(np.sign(nearest), polarity)


def test_pulse_spectrum_is_the_formula():
    """|E(f)| = A 10^(m f + q (f - fq)^2), f in GHz, inside the band."""
    slopes = (-30.0, -10.0, 0.0)
    rows = [[0, 5.0, 1.4, slope, 1.0] for slope in slopes]
    pulse = AnalyticPulse(quadratic_slope=20.0, quadratic_frequency=60.0)
    _, signals = _simulate(TraceSimulator(pulse=pulse, random_state=0), np.array(rows))
    frequencies = np.fft.rfftfreq(500, 1 / RATE)
    inside = (frequencies > 33) & (frequencies < 77)
    measured = np.abs(np.fft.rfft(signals, axis=1))[:, inside]
    f = frequencies[inside] / 1000
    for spectrum, slope in zip(measured, slopes, strict=True):
        expected = 10 ** (slope * f + 20.0 * (f - 0.060) ** 2)
        ratio = spectrum / expected
        np.testing.assert_allclose(ratio, ratio.mean(), rtol=0.02)


def test_tails_ring_at_the_lower_edge_of_the_band():
    """A period of 1/30.1 MHz = 33 ns for a steep spectrum, on both sides of the peak."""
    events = np.array([[0, 5.0, 1.4, -30.0, 1.0]])
    _, signals = _simulate(TraceSimulator(random_state=0), events)
    times = np.arange(500) / RATE - 1.4
    for tail in ((times > 0.15) & (times < 0.4), (times < -0.15) & (times > -0.4)):
        phase = np.unwrap(np.angle(hilbert(signals[0])))[tail]
        frequency = np.polyfit(times[tail], phase, 1)[0] / (2 * np.pi)
        assert 1000 / frequency == pytest.approx(33, abs=1.0)
        assert np.abs(signals[0, tail]).max() > 0.01 * np.abs(signals).max()


def test_phase_jitter():
    events = np.array([[event_id, 5.0, 1.4, 0.0, 1.0] for event_id in range(2000)])
    _, signals = _simulate(TraceSimulator(random_state=0), events)
    at_peak = np.rint(1.4 * RATE).astype(int)
    phase = np.angle(hilbert(signals, axis=1)[:, at_peak], deg=True)
    assert np.abs(phase).max() < 31
    # Uniform within +-30 degrees: a spread of 60/sqrt(12).
    assert phase.std() == pytest.approx(60 / np.sqrt(12), rel=0.05)


@pytest.mark.parametrize("edge_width", [0.0, 0.5, 4.0])
def test_brick_wall_edges(edge_width):
    gain = BandPass(30.0, 80.0, edge_width=edge_width).gain
    half = edge_width / 2
    np.testing.assert_allclose(gain([30, 80]), 0.5)
    np.testing.assert_allclose(gain([30 - half - 0.01, 80 + half + 0.01]), 0.0, atol=1e-12)
    np.testing.assert_allclose(gain([30 + half + 0.01, 55, 80 - half - 0.01]), 1.0)


def test_butterworth_response_is_scipys():
    """The analogue filter agrees with a digital one sampled fast enough."""
    frequencies = np.linspace(20, 95, 50)
    sos = butter(4, [30, 80], btype="bandpass", fs=20_000, output="sos")
    _, digital = sosfreqz(sos, worN=frequencies, fs=20_000)
    np.testing.assert_allclose(
        BandPass(30, 80, order=4).gain(frequencies), np.abs(digital), atol=2e-3
    )


# --- pulse libraries -------------------------------------------------------------------------


def test_library_of_analytic_waveforms_equals_the_analytic_pulse():
    """A waveform sampled at 1 GHz with a known spectrum comes out with that spectrum."""
    frequencies = np.fft.rfftfreq(8000, 1 / 1000.0)
    spectrum = amplitude_spectrum(frequencies, -10.0) * (frequencies < 120)
    spectrum = spectrum * np.exp(-2j * np.pi * frequencies * 3.21)
    waveform = np.fft.irfft(spectrum)
    events = np.array([[0, 5.0, 1.4, -10.0, 1.0], [1, 5.0, 0.777, -10.0, -1.0]])
    library = PulseLibrary([waveform], 1000.0)
    _, from_library = _simulate(TraceSimulator(pulse=library, random_state=0), events)
    analytic = AnalyticPulse(phase_jitter=0.0)
    _, expected = _simulate(TraceSimulator(pulse=analytic, random_state=0), events)
    # The envelope's peak is found on a grid of a sixteenth of a sample.
    np.testing.assert_allclose(from_library, expected, atol=0.05 * np.abs(expected).max())


def test_coreas_spectra_survive_resampling(coreas_path):
    shower = load_coreas(coreas_path)
    waveforms, rate = shower.pulses.waveforms, shower.sampling_rate
    n = 400
    events, _ = make_events(
        n, signal_fraction=1.0, snr=5.0, arrival_time=1.4, spectral_slope=0.0, random_state=0
    )
    simulator = TraceSimulator(pulse=shower.pulses, random_state=0)
    _, signals = _simulate(simulator, events)
    frequencies = np.fft.rfftfreq(500, 1 / RATE)
    inside = (frequencies > 33) & (frequencies < 77)
    kernel = np.exp(
        -2j * np.pi * np.outer(np.arange(waveforms.shape[1]) / rate, frequencies[inside])
    )
    source = np.abs(waveforms @ kernel)
    source /= source.mean(axis=1, keepdims=True)
    measured = np.abs(np.fft.rfft(signals, axis=1))[:, inside]
    measured /= measured.mean(axis=1, keepdims=True)
    deviation = np.abs(measured[:, None] - source).max(axis=2)
    assert deviation.min(axis=1).max() < 0.05
    # Every waveform is used, about equally often.
    counts = np.bincount(deviation.argmin(axis=1), minlength=len(waveforms))
    assert counts.min() > 0
    assert counts.max() < n / len(waveforms) + 6 * np.sqrt(n / len(waveforms))


# --- digitiser and bad parameters ------------------------------------------------------------


def test_quantisation():
    events, _ = make_events(50, random_state=0)
    exact = TraceSimulator(random_state=0).fit_transform(events)
    digitised = TraceSimulator(n_bits=12, random_state=0).fit_transform(events)
    step = 2.048 / 2**11
    np.testing.assert_allclose(digitised / step, np.rint(digitised / step), atol=1e-3)
    assert np.abs(digitised - exact).max() <= step / 2 * 1.001
    clipped = TraceSimulator(n_bits=4, full_scale=0.08, random_state=0).fit_transform(events)
    assert clipped.min() == pytest.approx(-0.08)
    assert clipped.max() == pytest.approx(0.07)


EVENTS, _ = make_events(3, signal_fraction=1.0, random_state=0)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"sampling_rate": 0}, ValueError, "sampling_rate == 0, must be > 0"),
        ({"sampling_rate": np.inf}, ValueError, "sampling_rate must be finite"),
        ({"n_samples": 1}, ValueError, "n_samples == 1, must be >= 2"),
        ({"n_samples": 500.0}, TypeError, r"n_samples must be an integer, got 500\.0"),
        ({"snr_reference": "peak"}, ValueError, "snr_reference must be one of 'noise', 'trace'"),
        ({"n_bits": 1}, ValueError, "n_bits == 1, must be >= 2"),
        ({"full_scale": 1e-45}, ValueError, "full_scale == 1e-45, must be >= 1e-06"),
        ({"pulse": "bipolar"}, TypeError, "pulse must be None or have a method 'spectra'"),
        ({"noise": 3}, TypeError, "noise must be None or have a method 'traces'"),
        ({"response": BandPass(80, 30)}, ValueError, "high must be above low=80.0 MHz"),
        ({"response": BandPass(low=-1)}, ValueError, "low == -1, must be >= 1e-06"),
        ({"response": BandPass(order=0)}, ValueError, "order == 0, must be >= 1"),
        ({"response": BandPass(order=100)}, ValueError, "order == 100, must be <= 20"),
        ({"response": BandPass(100, 120)}, ValueError, r"below sampling_rate / 2 = 90\.0"),
        ({"noise": AntennaNoise(rms=0)}, ValueError, "rms == 0, must be >= 1e-06"),
        ({"noise": AntennaNoise(rms=1e39)}, ValueError, r"rms == 1e\+39, must be <= 1000000"),
        ({"noise": AntennaNoise(carrier_share=1.0)}, ValueError, "carrier_share == 1.0, must be <"),
        (
            {"noise": AntennaNoise(carriers=())},
            ValueError,
            "not empty with carrier_share=0.9, got ()",
        ),
        ({"noise": AntennaNoise(carriers=(95.0,))}, ValueError, "carriers == 95.0, must be < 90.0"),
        (
            {"noise": AntennaNoise(carriers=("a",))},
            ValueError,
            "carriers must contain real numbers",
        ),
        (
            {"noise": AntennaNoise(carrier_amplitude="loud")},
            ValueError,
            "carrier_amplitude must be one of 'jitter', 'rayleigh', got 'loud'",
        ),
        ({"noise": AntennaNoise(burst_rate=-1)}, ValueError, "burst_rate == -1, must be >= 0"),
        (
            {"noise": AntennaNoise(burst_rate=1e6)},
            ValueError,
            "burst_rate == 1000000.0, must be <= 36",
        ),
        (
            {"noise": AntennaNoise(burst_rate=1, burst_duration=0)},
            ValueError,
            "burst_duration must be at least 1e-06, got 0",
        ),
        ({"pulse": AnalyticPulse(phase_jitter=-1)}, ValueError, "phase_jitter == -1, must be >= 0"),
        ({"pulse": PulseLibrary([[0, 0]], 500)}, ValueError, "in the band, got none in number 0"),
        ({"pulse": PulseLibrary([[1e300, 0]], 500)}, ValueError, "waveforms must have values from"),
        (
            {"pulse": PulseLibrary([[1j, 0]], 500)},
            ValueError,
            "waveforms must contain real numbers",
        ),
        ({"n_jobs": 0}, ValueError, "n_jobs == 0, must be None, positive, or negative"),
        ({"pulse": AnalyticPulse}, TypeError, "pulse must be None or have a method 'spectra'"),
        (
            {"pulse": AnalyticPulse(quadratic_slope=1e6)},
            ValueError,
            "largest amplitude is from 1e-15 to 1e15, got quadratic_slope=1000000.0 and slopes",
        ),
        ({"pulse": PulseLibrary([[1, np.nan]], 500)}, ValueError, "waveforms contains NaN"),
        ({"pulse": PulseLibrary([[1, 2]], 100)}, ValueError, "must be at least twice the band's"),
        (
            {"noise": MeasuredNoise(np.ones((2, 400)))},
            ValueError,
            "recordings must be at least as long as a trace of 500 samples, got 400",
        ),
        (
            {"noise": MeasuredNoise(np.ones((2, 600)), sampling_rate=200.0)},
            ValueError,
            "sampling_rate of the recordings must be the simulator's, 180.0 MHz, got 200.0",
        ),
        (
            {"noise": MeasuredNoise(np.zeros((2, 600)))},
            ValueError,
            "number 0 must be noise, but has the value 0 for 600 samples or more from number 0 on",
        ),
    ],
)
def test_bad_parameters(parameters, error, message):
    with pytest.raises(error, match=message):
        TraceSimulator(**parameters, random_state=0).fit(EVENTS)


@pytest.mark.parametrize(
    "parameters",
    [
        {"noise": AntennaNoise(rms=1e6), "n_bits": 24, "full_scale": 1e-6},
        {"noise": AntennaNoise(rms=1e-6), "n_bits": 2, "full_scale": 1e6},
        {"noise": AntennaNoise(burst_rate=300, burst_duration=1e6, burst_amplitude=1e6)},
        {"response": BandPass(order=20), "pulse": AnalyticPulse(quadratic_slope=-1e4)},
        {"noise": AntennaNoise(rms=Fraction(1, 10), carriers=(Fraction(60),), burst_rate=1)},
    ],
)
def test_traces_are_finite_at_the_ends_of_the_ranges(parameters):
    events = np.array([[0, 1e6, 1.4, -100.0, 1], [1, 1e-6, 1.4, 100.0, 1], [2, 0, 1e9, 0, -1]])
    traces, signals = TraceSimulator(**parameters, random_state=0).fit(events).simulate(events)
    assert np.isfinite(traces).all()
    assert np.isfinite(signals).all()


def test_pulse_without_power_in_the_band():
    class Silent(AnalyticPulse):
        def spectra(self, slope, uniform):
            return np.zeros((len(slope), len(self.frequencies_)), dtype=np.complex64)

    with pytest.raises(ValueError, match="pulse must have spectra that are finite, and not zero"):
        TraceSimulator(Silent(), random_state=0).fit_transform(EVENTS)


def test_length_after_fit_is_that_of_the_fit():
    simulator = TraceSimulator(random_state=0).fit(EVENTS)
    assert simulator.set_params(n_samples=100).transform(EVENTS[:1]).shape == (1, 500)


@pytest.mark.parametrize(
    ("frequencies", "message"),
    [
        ([-1.0, 2.0], "frequencies == -1.0, must be >= "),
        ([np.nan], "frequencies must be finite, got nan"),
        ([1 + 2j], "frequencies must contain real numbers"),
        (np.array(["2024-01-01"], dtype="M8[D]"), "frequencies must contain real numbers"),
    ],
)
def test_bad_frequencies(frequencies, message):
    for function in (BandPass().gain, galactic_temperature, lambda f: amplitude_spectrum(f, -5.0)):
        with pytest.raises(ValueError, match=message):
            function(frequencies)
    with pytest.raises(ValueError, match=r"slope == 500\.0, must be <= 100"):
        amplitude_spectrum([50.0], 500)


class Silence:
    """Noise of a user that is zero."""

    n_uniform = n_normal = 0

    def prepare(self, grid):
        self.n_samples = grid.n_samples
        return self

    def traces(self, uniform, normal):
        return np.zeros((len(uniform), self.n_samples), np.float32)


def test_silent_noise_of_a_user():
    simulator = TraceSimulator(noise=Silence(), random_state=0).fit(EVENTS)
    with pytest.raises(ValueError, match="noise must not be zero throughout a trace"):
        simulator.transform(EVENTS)
