"""Triggers in recordings."""

import math

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_aera._base import Estimator, one_task
from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._events import MAX_SLOPE
from sklearn_aera._validation import check_count, check_interval, check_real, equal_rates
from sklearn_aera.metrics import fit_tail, threshold_at_rate
from sklearn_aera.trigger._checks import check_detector, check_is_recording, known_rates
from sklearn_aera.trigger._first_stage import FirstStage, fit_filters
from sklearn_aera.trigger._peaks import Peaks
from sklearn_aera.trigger._scores import (
    Layout,
    Piece,
    ahead,
    gathered,
    highest,
    in_parts,
    report,
    score_windows,
)

TRIGGER_TYPE = np.dtype(
    [("time", "f8"), ("absolute", "M8[ns]"), ("antenna", "i8"), ("score", "f8"), ("sample", "i8")]
)
# Scores of the background that are kept, the highest of each antenna.
_MOST_SCORES = 100_000
_POSITIVE = {"min_val": 0.0, "include_boundaries": "neither"}
_CALLED = """
on_progress : callable, default=None
    Called after each piece with the share that is done, from 0 to 1."""


@fill_docstring(progress=_CALLED)
class StreamTrigger(Estimator):
    """Find pulses in recordings, at a rate of false triggers in Hz.

    A detector for traces scores windows that overlap, so that each pulse is well within one of
    them. The trigger is fitted to a recording of the background, in which the threshold of each
    antenna gives the requested rate. Of the triggers within the dead time, only the one with the
    highest score is kept.

    Parameters
    ----------
    detector : classifier, or sequence of classifiers
        Fitted detector of traces of one channel, with ``decision_function`` or
        ``predict_proba``, or one for each antenna. It is not fitted again; in
        `sklearn.frozen.FrozenEstimator`, it also survives `sklearn.base.clone`.
    rate : float, default=10.0
        Rate of triggers in the background of an antenna, in Hz.
    stride : int, default=None
        Samples between the beginnings of windows, at most the length of a window; None for half
        of it. A pulse is then in the middle half of a window.
    dead_time : float, default=None
        Time in us within which only one trigger is kept; None for the length of a window.
    pretrigger_rate : float, default=None
        Rate in Hz at which windows pass a first stage, a threshold on the envelopes of three
        matched filters, which are cheap to compute. The detector scores only windows that pass.
        None for no first stage.
    spectral_slope : float or (float, float), default=(-30.0, 0.0)
        Range of spectral slopes per GHz of the pulses of the first stage.
    extrapolate : bool, default=False
        Whether a rate below one over the livetime of the background is allowed. The threshold
        is then that of `sklearn_aera.metrics.fit_tail`.
    chunk_size : int, default=1048576
        Samples of each antenna that are read at once. The triggers do not depend on it.

    Attributes
    ----------
    thresholds_ : ndarray of shape (n_antennas,)
        Lowest score of a trigger.
    threshold_intervals_ : ndarray of shape (n_antennas, 2)
        Intervals of 68 % for extrapolated thresholds; otherwise both ends are the threshold.
    filters_ : ndarray of shape (n_antennas, 3, n_taps)
        Matched filters, from whose envelopes come the first stage and the times of triggers.
    pretrigger_thresholds_ : ndarray of shape (n_antennas,)
        Lowest statistic of the first stage, in standard deviations; minus infinity without it.
    background_scores_ : list of ndarray
        For each antenna, the scores of the triggers of the background at any threshold, from the
        highest on, at most 100 000. `sklearn_aera.metrics.trigger_rate` takes them.
    livetime_ : float
        Time of the background in s.
    antennas_ : list of str
        Names of the antennas.
    sampling_rate_ : float
        In MHz.
    n_samples_, stride_ : int
        Length of a window, and samples between the beginnings of windows.

    Notes
    -----
    The windows begin at multiples of the stride, from the first sample of the recording on. At
    the end, up to one stride of samples has no window. The livetime is the number of windows
    times the stride. A second thread reads the recording and computes the first stage, while the
    detector scores windows.

    The time of a trigger is that of the largest envelope behind the filters of the first stage,
    within the window. A filter solves R g = s, with the covariance R of the background and a
    pulse s with one of three spectral slopes in the band of the background.

    Examples
    --------
    >>> from sklearn_aera.datasets import Recording, make_traces
    >>> from sklearn_aera.likelihood import LikelihoodRatioClassifier
    >>> from sklearn_aera.trigger import StreamTrigger
    >>> data = make_traces(400, random_state=0)
    >>> detector = LikelihoodRatioClassifier().fit(data.traces, data.y)
    >>> stream = make_traces(200, signal_fraction=0.0, first_event_id=1000, random_state=0).traces
    >>> stream[150] += make_traces(1, signal_fraction=1.0, snr=6.0, random_state=1).signals[0]
    >>> recording = Recording(stream.reshape(1, -1), sampling_rate=180.0)
    >>> trigger = StreamTrigger(detector, rate=10_000.0).fit(recording[:, :50_000])
    >>> triggers = trigger.find(recording[:, 50_000:])
    >>> best = triggers[triggers["score"].argmax()]
    >>> bool(150 * 500 / 180 < best["time"] < 151 * 500 / 180)
    True
    """

    def __init__(
        self,
        detector,
        rate=10.0,
        stride=None,
        dead_time=None,
        pretrigger_rate=None,
        spectral_slope=(-30.0, 0.0),
        extrapolate=False,
        chunk_size=2**20,
    ):
        self.detector = detector
        self.rate = rate
        self.stride = stride
        self.dead_time = dead_time
        self.pretrigger_rate = pretrigger_rate
        self.spectral_slope = spectral_slope
        self.extrapolate = extrapolate
        self.chunk_size = chunk_size

    @one_task
    def fit(self, X, y=None, on_progress=None):
        """Choose the thresholds on a recording of the background.

        Parameters
        ----------
        X : Recording
            Background without pulses of the kind that the detector finds.
        y : ignored
        %(progress)s

        %(fitted)s
            Also if the recording is shorter than a window, has another sampling rate than the
            detector, a band that must be unfolded first, or an antenna that is constant; or if the
            rate is lower than the background can show.
        """
        self._check_parameters(X)
        layout = Layout.of(X, self.n_samples_, self.stride_, None, self.chunk_size)
        self.livetime_ = layout.n_windows * self.stride_ / X.sampling_rate * 1e-6
        if self.rate * self.livetime_ < 1 and not self.extrapolate:
            raise ValueError(
                f"rate must be at least one over the livetime of the background, "
                f"{1 / self.livetime_:.4g} Hz in {self.livetime_:.4g} s, got {self.rate:g} Hz: "
                "take a higher rate, more background, or extrapolate=True"
            )
        shape = self.n_samples_, self.stride_
        self.filters_ = fit_filters(X, *shape, self.spectral_slope_)
        self.pretrigger_thresholds_ = np.full(len(X.antennas), -np.inf)
        n_passes = 1 + (self.pretrigger_rate is not None)
        parts = in_parts(on_progress, n_passes)
        if self.pretrigger_rate is not None:
            self._fit_pretrigger(X, next(parts))
        self.background_scores_ = self._background_scores(X, next(parts))
        found = [self._threshold(scores) for scores in self.background_scores_]
        self.thresholds_ = np.array([value for value, _, _ in found])
        self.threshold_intervals_ = np.array([ends for _, *ends in found])
        return self

    def find(self, X, on_progress=None):
        """Find the triggers in a recording.

        Parameters
        ----------
        X : Recording
            Of the antennas and the sampling rate of the background.
        %(progress)s

        Returns
        -------
        ndarray of shape (n_triggers,)
            Table in the order of time, with the fields "time" in us, "absolute" (UTC; NaT if the
            start of the recording is not known), "antenna" (its number in the recording),
            "score", and "sample", the first one of the window in the recording.
        """
        check_is_fitted(self)
        self._check_recording(X)
        peaks = [Peaks(self._n_dead) for _ in X.antennas]
        found, n_windows = [np.zeros(0, TRIGGER_TYPE)], self._layout(X).n_windows
        for first, scores in self._scored(X, self.thresholds_, on_progress):
            last = first + scores.shape[1] == n_windows
            for antenna, row in enumerate(scores):
                number, score = peaks[antenna].add(row, last)
                found.append(self._table(X, antenna, number * self.stride_, score))
        found = np.concatenate(found)
        return found[np.lexsort([found["antenna"], found["time"]])]

    def decision_function(self, X):
        """Compute the score of every window.

        Parameters
        ----------
        X : Recording
            Of the antennas and the sampling rate of the background.

        Returns
        -------
        ndarray of shape (n_antennas, n_windows), float64
            Minus infinity for windows that do not pass the first stage.
        """
        check_is_fitted(self)
        self._check_recording(X)
        lowest = np.full(len(X.antennas), -np.inf)
        return np.concatenate([scores for _, scores in self._scored(X, lowest)], axis=1)

    # --- fit ---------------------------------------------------------------------------------

    def _check_parameters(self, X):
        check_real(self.rate, "rate", **_POSITIVE)
        check_count(self.chunk_size, "chunk_size")
        if self.pretrigger_rate is not None:
            check_real(self.pretrigger_rate, "pretrigger_rate", **_POSITIVE)
        limits = {"min_val": -MAX_SLOPE, "max_val": MAX_SLOPE}
        self.spectral_slope_ = check_interval(self.spectral_slope, "spectral_slope", **limits)
        check_is_recording(X)
        several = isinstance(self.detector, list | tuple)
        self.detectors_ = list(self.detector) if several else [self.detector] * len(X.antennas)
        if len(self.detectors_) != len(X.antennas):
            raise ValueError(
                f"detector must be one, or one for each of the {len(X.antennas)} antennas, got "
                f"{len(self.detectors_)}"
            )
        lengths = {check_detector(detector) for detector in self.detectors_}
        if len(lengths) > 1:
            raise ValueError(f"detector: all must have the same length of traces, got {lengths}")
        self.n_samples_ = n_samples = lengths.pop()
        half = max(n_samples // 4 * 2, 1)
        limits = {"min_val": 1, "max_val": n_samples - 2}
        self.stride_ = half if self.stride is None else check_count(self.stride, "stride", **limits)
        self.sampling_rate_, self.antennas_ = X.sampling_rate, list(X.antennas)
        self._check_recording(X)
        dead_time = n_samples / X.sampling_rate
        if self.dead_time is not None:
            dead_time = check_real(self.dead_time, "dead_time", min_val=0.0, max_val=1e9)
        self._n_dead = math.floor(dead_time * X.sampling_rate / self.stride_ + 1e-9)

    def _check_recording(self, X):
        check_is_recording(X)
        if X.nyquist_zone != 1:
            raise ValueError(
                f"X is in Nyquist zone {X.nyquist_zone}: band_pass unfolds it, as in "
                "X.band_pass(low, high)"
            )
        if X.antennas != self.antennas_:
            raise ValueError(f"X must have the antennas {self.antennas_}, got {X.antennas}")
        rates = {self.sampling_rate_}.union(*map(known_rates, self.detectors_))
        for rate in rates:
            if not equal_rates(rate, X.sampling_rate):
                raise ValueError(
                    f"X has a sampling rate of {X.sampling_rate:g} MHz, but the detector {rate:g} "
                    "MHz: resample it, as in X.band_pass(low, high, sampling_rate=...)"
                )

    def _fit_pretrigger(self, X, on_progress):
        """Choose the thresholds of the first stage."""
        layout, stages = self._layout(X), self._stages()
        n_kept = _MOST_SCORES + int(2 * self.pretrigger_rate * self.livetime_)
        kept = [np.zeros(0)] * len(X.antennas)
        for first, number, samples in layout.pieces(X):
            for antenna, stage in enumerate(stages):
                found = stage.statistic(samples[antenna], number)
                kept[antenna] = highest([kept[antenna], found], n_kept)
            report(on_progress, first + number, layout.n_windows)
        self.pretrigger_thresholds_ = np.array(
            [threshold_at_rate(one, self.livetime_, self.pretrigger_rate) for one in kept]
        )

    def _background_scores(self, X, on_progress):
        """Return the scores of triggers at any threshold, for each antenna, the highest first."""
        peaks = [Peaks(self._n_dead) for _ in X.antennas]
        kept = [np.zeros(0)] * len(X.antennas)
        n_kept = _MOST_SCORES + int(2 * self.rate * self.livetime_)
        n_windows = self._layout(X).n_windows
        lowest = np.full(len(X.antennas), -np.inf)
        for first, scores in self._scored(X, lowest, on_progress):
            last = first + scores.shape[1] == n_windows
            for antenna, row in enumerate(scores):
                found = peaks[antenna].add(row, last)[1]
                kept[antenna] = highest([kept[antenna], found], n_kept)
        return [np.sort(one)[::-1] for one in kept]

    def _threshold(self, scores):
        """Return the threshold with its interval."""
        if self.rate * self.livetime_ >= 1:
            return (threshold_at_rate(scores, self.livetime_, self.rate),) * 3
        return fit_tail(scores, self.livetime_).threshold_at(self.rate)

    # --- scores ------------------------------------------------------------------------------

    def _stages(self):
        return [FirstStage(taps, self.n_samples_, self.stride_) for taps in self.filters_]

    def _layout(self, X):
        stage = self._stages()[0]
        return Layout.of(X, self.n_samples_, self.stride_, stage, self.chunk_size)

    def _scored(self, X, lowest, on_progress=None):
        """Yield the first window and the scores of the windows of a piece, of all antennas.

        Scores below ``lowest``, and those of windows that do not pass, are minus infinity.
        """
        n_windows = self._layout(X).n_windows
        # While a detector scores windows, another core finds the next ones in the first stage.
        for pieces in ahead(gathered(self._pieces(X))):
            scores = [np.full(piece.passed.shape, -np.inf) for piece in pieces]
            for antenna, detector in enumerate(self.detectors_):
                windows = [piece.windows[antenna] for piece in pieces]
                together = windows[0] if len(windows) == 1 else np.concatenate(windows)
                found = score_windows(detector, together)
                found[found < lowest[antenna]] = -np.inf
                parts = np.split(found, np.cumsum([len(one) for one in windows])[:-1])
                for score, piece, part in zip(scores, pieces, parts, strict=True):
                    score[antenna, piece.passed[antenna]] = part
            for score, piece in zip(scores, pieces, strict=True):
                report(on_progress, piece.first + score.shape[1], n_windows)
                yield piece.first, score

    def _pieces(self, X):
        """Yield each `Piece` of a recording."""
        layout, stages = self._layout(X), self._stages()
        for first, number, samples in layout.pieces(X):
            passed = np.ones((len(samples), number), dtype=bool)
            windows = [layout.windows(one) for one in samples]
            if self.pretrigger_rate is not None:
                for antenna, stage in enumerate(stages):
                    statistic = stage.statistic(samples[antenna], number)
                    passed[antenna] = statistic >= self.pretrigger_thresholds_[antenna]
                    windows[antenna] = windows[antenna][passed[antenna]]
            yield Piece(first, passed, windows)

    def _table(self, X, antenna, start, score):
        """Return the table of the triggers of an antenna."""
        table = np.zeros(len(start), TRIGGER_TYPE)
        if len(start) == 0:
            return table
        stage = FirstStage(self.filters_[antenna], self.n_samples_, self.stride_)
        for row, sample in zip(table, start, strict=True):
            begin = max(sample - stage.half, 0)
            around = X[[antenna]].read(begin, sample + self.n_samples_ + stage.half)[0]
            row["time"] = X.time_of(begin + stage.arrival(around))
        table["absolute"] = X.absolute(table["time"])
        table["antenna"], table["score"], table["sample"] = antenna, score, start
        return table

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # The input is a recording.
        tags.input_tags.two_d_array = False
        return tags
