"""Spectra, trainings, searches and the limit: displays draw what was measured."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_aera.datasets import make_events, make_traces
from sklearn_aera.inspection import (
    EfficiencyDisplay,
    SearchDisplay,
    SpectrumDisplay,
    TraceDisplay,
    TrainingDisplay,
)
from sklearn_aera.neural_network import RecurrentClassifier, RecurrentDenoiser
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import AntennaNoise, MeasuredNoise, TraceSimulator


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def tick_labels(axis):
    low, high = sorted(axis.get_view_interval())
    if not axis.get_tick_params().get("labelbottom", True):
        return []
    ticks = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=False)
    return [label for place, label in ticks if low <= place <= high]


def no_overlap(display):
    """Nothing that is written is over something else that is written."""
    figure = display.figure_
    figure.canvas.draw()
    axes = figure.axes
    texts = [text for ax in axes for axis in (ax.xaxis, ax.yaxis) for text in tick_labels(axis)]
    texts += [t for ax in axes for t in (ax.xaxis.label, ax.yaxis.label, ax.title)]
    boxes = [t.get_window_extent() for t in texts if t.get_text() and t.get_visible()]
    boxes += [ax.get_legend().get_window_extent() for ax in axes if ax.get_legend()]
    boxes = [box.shrunk(0.9, 0.9) for box in boxes]
    return not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


# --- traces ------------------------------------------------------------------------------------


def test_trace_with_what_was_recovered():
    data = make_traces(1, signal_fraction=1.0, random_state=0)
    trace, signal = data.traces[0], data.signals[0]
    display = TraceDisplay.from_trace(trace, signal=signal, recovered=signal / 2)
    assert [line.get_label() for line in display.ax_.lines] == ["Trace", "True pulse", "Recovered"]
    np.testing.assert_allclose(display.ax_.lines[2].get_ydata(), signal / 2)
    assert no_overlap(display)
    with pytest.raises(ValueError, match="recovered must have the 500 samples of trace, got 3"):
        TraceDisplay.from_trace(trace, recovered=[1.0, 2.0, 3.0])


# --- spectra -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_samples", [400, 401])
def test_model_is_what_is_measured(n_samples):
    """With Rayleigh carriers the noise is Gaussian, and a bin of a periodogram exponential."""
    n_traces = 2000
    simulator = TraceSimulator(
        noise=AntennaNoise(carrier_amplitude="rayleigh"), n_samples=n_samples, random_state=0
    )
    events, _ = make_events(n_traces, signal_fraction=0.0, random_state=0)
    traces = simulator.fit_transform(events)
    display = SpectrumDisplay.from_traces(traces, model=simulator)
    inside = (display.frequency > 31) & (display.frequency < 79)
    ratio = display.density[inside] / display.expected[inside]
    # The mean of n exponential numbers is known to 1 / sqrt(n); of some 110 bins the largest of
    # the deviations is below 4.5 of these in all but one of a thousand cases.
    assert abs(ratio - 1).max() < 4.5 / np.sqrt(n_traces)
    # Parseval: the density integrates to the mean square, which scatters by the carriers' power.
    total = np.trapezoid(display.density, display.frequency)
    assert total == pytest.approx(np.mean(traces.astype(float) ** 2), rel=0.1)


def test_spectrum_display_draws_it():
    events, _ = make_events(50, signal_fraction=0.0, random_state=0)
    simulator = TraceSimulator(random_state=0).fit(events)
    display = SpectrumDisplay.from_traces(simulator.transform(events), model=simulator)
    measured, model, *carriers = display.ax_.lines
    np.testing.assert_array_equal(measured.get_ydata(), display.density)
    np.testing.assert_array_equal(model.get_ydata(), display.expected)
    assert [line.get_xdata()[0] for line in carriers] == list(AntennaNoise().carriers)
    assert "MHz" in display.ax_.get_xlabel()
    assert no_overlap(display)


def test_spectrum_of_measured_traces_alone():
    traces = np.random.default_rng(0).normal(size=(20, 100))
    display = SpectrumDisplay.from_traces(traces, carriers=(20.0,), sampling_rate=100.0)
    assert display.expected is None
    assert display.frequency[-1] == 50.0
    assert len(display.ax_.lines) == 2
    # White noise of unit variance: 2 / rate, with 20 traces and 51 bins to 1 / sqrt(1000).
    assert display.density.mean() == pytest.approx(0.02, rel=0.2)
    autocovariance = np.eye(100)[0]
    display = SpectrumDisplay.from_traces(traces, model=autocovariance, sampling_rate=100.0)
    np.testing.assert_allclose(display.expected[1:-1], 0.02)


def test_spectrum_display_refuses():
    traces = np.ones((3, 50))
    events, _ = make_events(3, arrival_time=0.1, random_state=0)
    with pytest.raises(ValueError, match=r"model must have the 50 lags of the traces, got shape"):
        SpectrumDisplay.from_traces(traces, model=np.ones(7))
    with pytest.raises(TypeError, match="model must be a fitted TraceSimulator"):
        SpectrumDisplay.from_traces(traces, model=TraceSimulator())
    noise = MeasuredNoise(np.random.default_rng(0).normal(size=(4, 100)))
    simulator = TraceSimulator(noise=noise, n_samples=50).fit(events)
    with pytest.raises(TypeError, match="the spectrum of MeasuredNoise is not known"):
        SpectrumDisplay.from_traces(traces, model=simulator)
    with pytest.raises(ValueError, match="traces contains NaN"):
        SpectrumDisplay.from_traces(np.full((2, 5), np.nan))


# --- efficiency ----------------------------------------------------------------------------------


def test_limit_is_a_line():
    rng = np.random.default_rng(0)
    snr = np.where(np.arange(2000) % 2, rng.uniform(0.5, 5, 2000), 0.0)
    score, display = snr + rng.normal(size=2000), None
    for name in ("One", "Another", "A third", "A fourth"):
        display = EfficiencyDisplay.from_predictions(
            snr > 0, score, snr, name=name, ax=None if display is None else display.ax_
        )
    display = EfficiencyDisplay.from_predictions(
        snr > 0, score, snr, name="Limit", limit=True, ax=display.ax_
    )
    assert len(display.ax_.containers) == 4
    line = next(line for line in display.ax_.lines if line.get_label() == "Limit")
    edges, value, *_ = display.efficiency
    np.testing.assert_array_equal(line.get_xdata(), (edges[1:] + edges[:-1]) / 2)
    np.testing.assert_array_equal(line.get_ydata(), value)
    assert no_overlap(display)


# --- trainings -----------------------------------------------------------------------------------


def tiny(**more):
    return RecurrentClassifier(hidden_size=2, n_filters=2, epochs=3, random_state=0, **more)


def test_training_display():
    data = make_traces(80, snr=5.0, random_state=0)
    pipeline = make_pipeline(StdNormalizer(), tiny(early_stopping=True))
    display = TrainingDisplay.from_estimator(pipeline.fit(data.traces, data.y))
    history = pipeline[-1].history_
    loss, accuracy = display.axes_
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), history["loss"])
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), history["val_loss"])
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), history["val_accuracy"])
    best = int(np.argmin(history["val_loss"]))
    assert loss.lines[2].get_xdata() == [best + 1]
    assert accuracy.lines[2].get_ydata() == [history["val_accuracy"][best]]
    assert no_overlap(display)


def test_training_display_of_a_denoiser():
    data = make_traces(40, snr=5.0, random_state=0)
    denoiser = RecurrentDenoiser(hidden_size=2, n_filters=2, stride=20, epochs=2, random_state=0)
    display = TrainingDisplay.from_estimator(denoiser.fit(data.traces, data.signals))
    (ax,) = display.axes_
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), denoiser.history_["loss"])
    assert ax.get_xlabel() == "Epoch"


def test_training_display_refuses():
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(tiny())
    fitted = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(TypeError, match=r"must be one with a network.* got LogisticRegression"):
        TrainingDisplay.from_estimator(fitted)
    with pytest.raises(ValueError, match="axes must be 2"):
        TrainingDisplay({"loss": [1.0], "accuracy": [0.5]}).plot([plt.figure().gca()])


# --- searches ------------------------------------------------------------------------------------


def test_search_display_of_a_search():
    data = make_traces(60, snr=5.0, random_state=0)
    pipeline = make_pipeline(StdNormalizer(), tiny().set_params(epochs=1, cell="simple_rnn"))
    grid = {
        "recurrentclassifier__hidden_size": [2, (3, 2)],
        "recurrentclassifier__bidirectional": [False, True],
        "recurrentclassifier__learning_rate": [1e-3, 1e-1],
    }
    search = GridSearchCV(pipeline, grid, cv=2, scoring="roc_auc", refit=False)
    display = SearchDisplay.from_search(search.fit(data.traces, data.y))
    results = search.cv_results_
    assert display.scores.shape == (2, 1, 2)
    for direction, shown in zip((False, True), display.scores, strict=True):
        for size, score in zip((2, (3, 2)), shown[0], strict=True):
            chosen = [
                row
                for row, params in enumerate(results["params"])
                if params["recurrentclassifier__hidden_size"] == size
                and params["recurrentclassifier__bidirectional"] == direction
            ]
            assert len(chosen) == 2
            assert score == results["mean_test_score"][chosen].max()
    written = [text.get_text() for text in display.axes_[0].texts]
    assert written[0].startswith(f"{display.scores[0, 0, 0]:.3f}")
    assert [ax.get_title() for ax in display.axes_] == ["One direction", "Both directions"]
    assert display.figure_.axes[-1].get_ylabel() == "roc_auc"
    assert no_overlap(display)


def test_search_display_of_a_part_of_the_grid():
    params = [{"cell": "gru", "hidden_size": 8}, {"cell": "simple_rnn", "hidden_size": 24}]
    results = {"params": params, "mean_test_score": [0.8, 0.9], "std_test_score": [0.01, 0.02]}
    display = SearchDisplay.from_results(results)
    np.testing.assert_array_equal(display.scores, [[[np.nan, 0.9], [0.8, np.nan]]])
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert labels == ["RNN", "GRU"]
    assert [text.get_text() for text in display.axes_[0].texts].count("no fit") == 2


def test_search_display_refuses():
    with pytest.raises(TypeError, match="search must be a fitted search with cv_results_"):
        SearchDisplay.from_search(GridSearchCV(tiny(), {}))
    with pytest.raises(ValueError, match=r"cv_results lacks \['mean_test_score'"):
        SearchDisplay.from_results({"params": []})
    scores = {"mean_test_score": [1.0], "std_test_score": [0.0]}
    with pytest.raises(ValueError, match="none of cell, hidden_size, bidirectional was searched"):
        SearchDisplay.from_results(scores | {"params": [{"C": 1.0}]})
    results = scores | {"params": [{"cell": "gru"}]}
    with pytest.raises(ValueError, match="axes must be one per direction, 1, got 2"):
        SearchDisplay.from_results(results, axes=plt.subplots(1, 2)[1])


def test_search_display_of_failed_candidates():
    for scores, best in (([0.9, np.nan, 0.7], 0.9), ([np.nan, 0.7, 0.9], 0.9)):
        params = [{"cell": "gru", "learning_rate": rate} for rate in (1e-3, 1e-1, 1e-2)]
        results = {"params": params, "mean_test_score": scores, "std_test_score": [0.01] * 3}
        assert SearchDisplay.from_results(results).scores.max() == best


def test_spectrum_has_the_rate_of_its_model():
    simulator = TraceSimulator(sampling_rate=200.0, n_samples=200)
    events, _ = make_events(50, signal_fraction=0.0, random_state=0)
    traces = simulator.fit_transform(events)
    assert SpectrumDisplay.from_traces(traces, model=simulator).frequency[-1] == 100.0
    with pytest.raises(ValueError, match=r"sampling_rate must be that of the model, 200\.0 MHz"):
        SpectrumDisplay.from_traces(traces, model=simulator, sampling_rate=180.0)


def test_training_display_of_validation_in_some_epochs():
    history = {"loss": [0.5, 0.4, 0.3], "val_loss": [np.nan, 0.6, np.nan]}
    (ax,) = TrainingDisplay(history).plot().axes_
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), history["val_loss"])
    assert ax.lines[2].get_xdata() == [2]
