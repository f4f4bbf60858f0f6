"""The recurrent classifier as a scikit-learn classifier."""

import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline

from sklearn_aera.datasets import make_events
from sklearn_aera.neural_network import RecurrentClassifier
from sklearn_aera.preprocessing import StdNormalizer
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

# One architecture for most tests: its graph is compiled once.
SMALL = {"hidden_size": 6, "n_filters": 8, "kernel_size": 12, "stride": 6}


def small(**parameters):
    defaults = SMALL | {"epochs": 3, "batch_size": 64, "learning_rate": 0.01, "random_state": 0}
    return RecurrentClassifier(**(defaults | parameters))


@pytest.fixture(scope="module")
def fitted(request):
    easy_traces = request.getfixturevalue("easy_traces")
    return small(epochs=8).fit(*easy_traces)


def test_learns(easy_traces, fitted):
    X, y = easy_traces
    assert roc_auc_score(y, fitted.decision_function(X)) > 0.95
    assert fitted.score(X, y) > 0.9
    losses = fitted.history_["loss"]
    assert losses[-1] < 0.6 * losses[0]
    assert fitted.n_iter_ == len(losses) == 8
    assert all(type(value) is float for values in fitted.history_.values() for value in values)


def test_fitted_state_is_plain_data(fitted):
    state = vars(fitted)
    assert all(type(w) is np.ndarray for w in fitted.weights_ + fitted.optimizer_state_)
    modules = {type(value).__module__.split(".")[0] for value in state.values()}
    assert modules <= {"builtins", "numpy", "sklearn_aera"}
    n_weights = sum(w.nbytes for w in fitted.weights_ + fitted.optimizer_state_)
    assert len(pickle.dumps(fitted)) < n_weights + 5000


def test_probabilities_and_logits_agree(easy_traces, fitted):
    X, _ = easy_traces
    logits, proba = fitted.decision_function(X), fitted.predict_proba(X)
    np.testing.assert_allclose(proba[:, 1], 1 / (1 + np.exp(-logits)), rtol=1e-6)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[(logits > 0).astype(int)])


def test_scores_do_not_saturate(easy_traces, fitted):
    """Probabilities of loud pulses stay apart: ranks at very low false-positive rates."""
    loud = clone(fitted)
    vars(loud).update(vars(fitted))
    loud.weights_ = [*fitted.weights_[:-2], fitted.weights_[-2] * 20, fitted.weights_[-1]]
    X, _ = easy_traces
    logits, proba = loud.decision_function(X), loud.predict_proba(X)[:, 1]
    high = (logits > 17) & (logits < 28)
    assert high.sum() > 5
    assert len(np.unique(proba[high])) == len(np.unique(logits[high]))


def test_repeated_fit_is_identical(easy_traces):
    X, y = easy_traces
    first, second = (small(dropout=0.2).fit(X, y).decision_function(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = small(dropout=0.2, random_state=1).fit(X, y).decision_function(X)
    assert np.abs(first - other).max() > 1e-3


def test_two_estimators_of_one_architecture_do_not_meet(easy_traces):
    """They share a compiled graph, but nothing of what one learns shows in the other."""
    X, y = easy_traces
    alone = small().fit(X, y)
    expected = alone.decision_function(X)
    a, b = small(), small(random_state=9, learning_rate=0.1)
    a.partial_fit(X, y, classes=[0, 1])
    b.partial_fit(X, 1 - y, classes=[0, 1])
    copy = pickle.loads(pickle.dumps(a))
    for estimator in (a, b, a, b):
        estimator.partial_fit(X, y if estimator is a else 1 - y)
        b.predict(X)
    copy.partial_fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(a.decision_function(X), expected)
    np.testing.assert_array_equal(copy.decision_function(X), expected)


def test_partial_fit_is_fit_one_epoch_at_a_time(easy_traces):
    X, y = easy_traces
    whole = small(epochs=3).fit(X, y)
    steps = small()
    for _ in range(3):
        steps.partial_fit(X, y, classes=[0, 1])
    np.testing.assert_array_equal(steps.decision_function(X), whole.decision_function(X))
    assert steps.history_ == whole.history_
    assert steps.n_iter_ == 3


def test_warm_start_goes_on(easy_traces):
    X, y = easy_traces
    whole = small(epochs=4).fit(X, y)
    halves = small(epochs=2, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(halves.decision_function(X), whole.decision_function(X))
    cold = small(epochs=2).fit(X, y).fit(X, y)
    assert cold.n_iter_ == 2
    halves.set_params(hidden_size=7)
    with pytest.raises(ValueError, match="parameters of the network have changed"):
        halves.fit(X, y)
    halves.set_params(hidden_size=6)
    with pytest.raises(ValueError, match=r"y has the classes \[0, 2\], but with warm_start=True"):
        halves.fit(X, 2 * y)


def test_partial_fit_needs_classes(easy_traces):
    X, y = easy_traces
    with pytest.raises(ValueError, match="classes must be given at the first call"):
        small().partial_fit(X, y)
    model = small().partial_fit(X[y == 0], y[y == 0], classes=[0, 1])
    assert model.classes_.tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"labels that are not among the classes: \[5\]"):
        model.partial_fit(X, np.where(y == 1, 5, 0))
    with pytest.raises(ValueError, match=r"classes must stay \[0, 1\], got \[0, 2\]"):
        model.partial_fit(X, y, classes=[0, 2])


def test_string_labels_and_several_classes(easy_traces):
    X, y = easy_traces
    names = np.array(["noise", "pulse"])[y]
    model = small().fit(X, names)
    np.testing.assert_array_equal(
        model.decision_function(X), small().fit(X, y).decision_function(X)
    )
    assert set(model.predict(X)) <= {"noise", "pulse"}
    three = np.where(y == 1, np.where(X.max(axis=1) > np.median(X.max(axis=1)), "c", "b"), "a")
    model = small(epochs=2).fit(X, three)
    assert model.predict_proba(X).shape == model.decision_function(X).shape == (len(X), 3)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


def test_float64_and_lists_give_the_same(easy_traces):
    X, y = easy_traces
    expected = small(epochs=1).fit(X, y).decision_function(X)
    model = small(epochs=1).fit(X.astype(np.float64), y.tolist())
    np.testing.assert_array_equal(model.decision_function(X.tolist()), expected)


def test_input_is_not_changed(easy_traces):
    X, y = easy_traces
    before = X.copy()
    small(epochs=1).fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


def test_early_stopping(easy_traces):
    X, y = easy_traces
    model = small(epochs=60, early_stopping=True, n_iter_no_change=3, learning_rate=0.03).fit(X, y)
    losses = np.array(model.history_["val_loss"])
    assert model.n_iter_ == len(losses) < 60
    best = losses.argmin()
    assert best >= len(losses) - 1 - 2 * 3
    # The weights are those of the best epoch.
    stopped_there = small(
        epochs=int(best) + 1, early_stopping=True, n_iter_no_change=60, learning_rate=0.03
    ).fit(X, y)
    np.testing.assert_allclose(
        model.decision_function(X), stopped_there.decision_function(X), atol=1e-5
    )


def test_early_stopping_of_too_few_traces(easy_traces):
    X, _ = easy_traces
    with pytest.raises(ValueError, match=r"validation_fraction=0.1 of 4 traces leaves too few"):
        small(early_stopping=True).fit(X[:4], [0, 1, 0, 1])


def test_weights_mean_copies(easy_traces):
    """With full batches, a weight of 3 is three copies and one of 0 is none."""
    X, y = easy_traces
    X, y = X[:90], y[:90]
    weight = np.arange(90) % 4
    whole = small(batch_size=1024, epochs=5)
    weighted = clone(whole).fit(X, y, sample_weight=weight)
    repeated = clone(whole).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    # Adam divides by the root of a mean square: round-off in small gradients grows.
    np.testing.assert_allclose(
        weighted.decision_function(X), repeated.decision_function(X), atol=2e-4
    )
    plain = clone(whole).fit(X, y)
    assert np.abs(weighted.decision_function(X) - plain.decision_function(X)).max() > 5e-3


def test_class_weight(easy_traces):
    X, y = easy_traces
    by_class = small().fit(X, y, sample_weight=np.where(y == 1, 5.0, 1.0))
    same = small(class_weight={0: 1, 1: 5}).fit(X, y)
    np.testing.assert_array_equal(same.decision_function(X), by_class.decision_function(X))
    assert same.predict_proba(X)[:, 1].mean() > small().fit(X, y).predict_proba(X)[:, 1].mean()
    counts = np.bincount(y)
    balanced = small(class_weight="balanced").fit(X, y)
    by_hand = small().fit(X, y, sample_weight=(len(y) / (2 * counts))[y])
    np.testing.assert_array_equal(balanced.decision_function(X), by_hand.decision_function(X))


def test_model_is_a_keras_model(easy_traces, fitted):
    import keras

    X, _ = easy_traces
    model = fitted.model_
    assert isinstance(model, keras.Model)
    logits = model.predict_on_batch(X)[:, 0]
    np.testing.assert_allclose(logits, fitted.decision_function(X), atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "mean", "last", "flatten"])
@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_every_cell_and_pooling_fits(easy_traces, cell, pooling):
    X, y = easy_traces
    model = small(cell=cell, pooling=pooling, stride=24, epochs=1).fit(X[:64], y[:64])
    assert np.isfinite(model.decision_function(X)).all()


def test_verbose_prints_and_silence_does_not(easy_traces, capfd):
    X, y = easy_traces
    small(epochs=2).fit(X, y).predict(X)
    assert capfd.readouterr() == ("", "")
    small(epochs=2, verbose=1).fit(X, y)
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Epoch 2: accuracy ")


# --- within scikit-learn ---------------------------------------------------------------------


def _pipeline(**parameters):
    simulator = TraceSimulator(noise=AntennaNoise(carrier_share=0.0), n_samples=120, random_state=0)
    return Pipeline(
        [("simulate", simulator), ("normalize", StdNormalizer()), ("classify", small(**parameters))]
    )


@pytest.fixture(scope="module")
def events():
    return make_events(300, snr=8.0, arrival_time=(0.1, 0.5), random_state=3)


def test_is_a_classifier_for_scikit_learn(events):
    assert is_classifier(small())
    assert is_classifier(_pipeline())
    scores = cross_val_score(_pipeline(), *events, scoring="roc_auc", cv=3)
    assert np.all(scores > 0.8)


@pytest.mark.usefixtures("own_workers")
def test_grid_search_gives_the_same_with_two_jobs(events):
    grid = {"classify__cell": ["simple_rnn", "gru"], "classify__bidirectional": [False, True]}
    results = [
        GridSearchCV(_pipeline(epochs=2), grid, scoring="roc_auc", cv=2, n_jobs=n_jobs)
        .fit(*events)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    np.testing.assert_allclose(*results, atol=1e-3)


def test_parts_of_the_simulator_can_be_searched(events):
    pipeline = _pipeline(epochs=1)
    search = GridSearchCV(pipeline, {"simulate__noise__carrier_share": [0.0, 0.9]}, cv=2)
    scores = search.fit(*events).cv_results_["mean_test_score"]
    assert scores[0] != scores[1]
    used = search.best_estimator_["simulate"].noise_.carrier_share
    assert used == search.best_params_["simulate__noise__carrier_share"]


def test_detector_without_the_simulator(events, tmp_path):
    table, _ = events
    pipeline = _pipeline().fit(*events)
    joblib.dump(pipeline[1:], tmp_path / "detector.joblib")
    traces = pipeline[0].transform(table)
    np.save(tmp_path / "traces.npy", traces)
    code = (
        "import sys, joblib, numpy as np\n"
        f"detector = joblib.load({str(tmp_path / 'detector.joblib')!r})\n"
        "assert 'tensorflow' not in sys.modules\n"
        f"print(*detector.decision_function(np.load({str(tmp_path / 'traces.npy')!r}))[:5])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    assert printed.stderr == ""
    there = np.array(printed.stdout.split(), dtype=float)
    np.testing.assert_allclose(there, pipeline.decision_function(table)[:5], rtol=1e-4, atol=1e-5)


def test_memory_caches_the_simulation(events, tmp_path):
    pipeline = _pipeline().set_params(memory=str(tmp_path))
    expected = _pipeline().fit(*events).decision_function(events[0])
    for _ in range(2):
        np.testing.assert_array_equal(pipeline.fit(*events).decision_function(events[0]), expected)
    assert len(list(tmp_path.rglob("output.pkl"))) == 2


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"cell": "rnn"}, ValueError, "cell must be one of 'simple_rnn', 'lstm', 'gru', got 'rnn'"),
        ({"pooling": "sum"}, ValueError, "pooling must be one of 'max', 'mean', 'last', 'flatten'"),
        ({"hidden_size": 0}, ValueError, "hidden_size == 0, must be >= 1"),
        ({"hidden_size": (8, 0)}, ValueError, "hidden_size == 0, must be >= 1"),
        ({"hidden_size": ()}, TypeError, r"hidden_size must be an integer or a tuple .* got \(\)"),
        ({"hidden_size": 2.5}, TypeError, "hidden_size must be an integer or a tuple"),
        ({"bidirectional": "yes"}, ValueError, "bidirectional must be one of True, False"),
        ({"n_filters": -1}, ValueError, "n_filters == -1, must be >= 0"),
        ({"kernel_size": 0}, ValueError, "kernel_size == 0, must be >= 1"),
        ({"stride": 1.5}, TypeError, "stride must be an instance of int"),
        ({"dropout": 1.0}, ValueError, "dropout == 1.0, must be < 1"),
        ({"learning_rate": 0}, ValueError, "learning_rate == 0, must be > 0"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate must be finite, got nan"),
        ({"batch_size": 0}, ValueError, "batch_size == 0, must be >= 1"),
        ({"epochs": 0}, ValueError, "epochs == 0, must be >= 1"),
        ({"epochs": True}, TypeError, "epochs must be an integer, got True"),
        ({"early_stopping": "auto"}, ValueError, "early_stopping must be one of True, False"),
        ({"validation_fraction": 1.0}, ValueError, "validation_fraction == 1.0, must be < 1"),
        ({"n_iter_no_change": 0}, ValueError, "n_iter_no_change == 0, must be >= 1"),
        ({"tol": -1}, ValueError, "tol == -1, must be >= 0"),
        ({"random_state": "now"}, ValueError, "random_state must be None, an integer"),
        ({"class_weight": "even"}, ValueError, "class_weight"),
    ],
)
def test_bad_parameters(easy_traces, parameters, error, message):
    model = small(**parameters)
    with pytest.raises(error, match=message):
        model.fit(*easy_traces)
    assert not hasattr(model, "weights_")


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (np.full((4, 6), np.nan), [0, 1, 0, 1], ValueError, "contains NaN"),
        (np.full((4, 6), 1e300), [0, 1, 0, 1], ValueError, "infinity or a value too large"),
        (np.ones((4, 6)), [1, 1, 1, 1], ValueError, "y has only 1 class, 1: at least 2"),
        (np.ones((4, 6)), [0, 1, 0], ValueError, "inconsistent numbers of samples"),
        (np.ones((0, 6)), [], ValueError, "0 sample"),
        (np.ones(6), [0, 1], ValueError, "Expected 2D array"),
        (np.ones((4, 6)), [0.1, 0.2, 0.3, 0.4], ValueError, "Unknown label type"),
        (csr_array(np.ones((4, 6))), [0, 1, 0, 1], TypeError, "Sparse data was passed"),
    ],
)
def test_bad_data(X, y, error, message):
    model = small()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's own on the cast of 1e300
        with pytest.raises(error, match=message):
            model.fit(X, y)
    assert not hasattr(model, "weights_")


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.zeros(400), "sample_weight must not be zero for all traces"),
        (-np.ones(400), "sample_weight must be 0 or positive, got -1.0"),
        (np.full(400, np.nan), "sample_weight contains NaN"),
        (np.ones(3), "inconsistent numbers of samples"),
        (np.ones((400, 1)), "sample_weight must be one-dimensional"),
    ],
)
def test_bad_sample_weights(easy_traces, weight, message):
    with pytest.raises(ValueError, match=message):
        small().fit(*easy_traces, sample_weight=weight)


def test_bad_predictions(easy_traces, fitted):
    X, _ = easy_traces
    with pytest.raises(NotFittedError, match="RecurrentClassifier instance is not fitted"):
        small().predict(X)
    with pytest.raises(ValueError, match="X has 119 features, but RecurrentClassifier"):
        fitted.predict(X[:, 1:])
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.predict_proba(np.full((2, 120), np.nan))


def test_failed_fit_leaves_the_estimator_as_it_was(easy_traces, monkeypatch):
    from sklearn_aera.neural_network import _engine

    X, y = easy_traces
    model = small().fit(X, y)
    before = model.decision_function(X)

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_engine.TraceNetwork, "train_step", interrupted)
        patch.setattr(_engine.TraceNetwork, "_run_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, 1 - y)
        fresh = small()
        with pytest.raises(KeyboardInterrupt):
            fresh.fit(X, y)
    assert not hasattr(fresh, "weights_")
    np.testing.assert_array_equal(model.decision_function(X), before)


def test_classes_of_no_weight_are_no_classes(easy_traces):
    X, y = easy_traces
    three = np.where(np.arange(len(y)) % 4 == 0, 2, y)
    kept = three > 0
    without = small(class_weight={0: 0, 1: 1, 2: 3}).fit(X, three)
    alone = small(class_weight={1: 1, 2: 3}).fit(X[kept], three[kept])
    assert without.classes_.tolist() == [1, 2]
    np.testing.assert_array_equal(without.decision_function(X), alone.decision_function(X))
    with pytest.raises(ValueError, match="y has only 1 class of weight above 0, 1: at least 2"):
        small(class_weight={0: 0, 1: 1}).fit(X, y)
    with pytest.raises(ValueError, match="sample_weight and class_weight leave no trace"):
        small(class_weight={0: 0, 1: 1}).fit(X, y, sample_weight=(y == 0).astype(float))


def test_weights_of_balance_need_all_data(easy_traces):
    X, y = easy_traces
    with pytest.raises(ValueError, match="class_weight='balanced' cannot be used with partial_fit"):
        small(class_weight="balanced").partial_fit(X, y, classes=[0, 1])


def test_history_of_training_that_goes_on_without_validation(easy_traces):
    X, y = easy_traces
    model = small(epochs=2).fit(X, y, X_val=X[:20], y_val=y[:20])
    before = model.history_["val_loss"]
    model.partial_fit(X, y)
    np.testing.assert_array_equal(model.history_["val_loss"], [*before, np.nan])
    assert len(model.history_["loss"]) == 3
    model = small(epochs=1).fit(X, y).set_params(warm_start=True)
    model.fit(X, y, X_val=X[:20], y_val=y[:20])
    assert np.isnan(model.history_["val_loss"]).tolist() == [True, False]
