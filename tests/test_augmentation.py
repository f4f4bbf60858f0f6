"""Augmentation shifts and flips traces, with all channels and signals alike."""

import numpy as np
import pytest
import scipy.stats

from sklearn_aera._carriers import low_frequencies
from sklearn_aera.neural_network._augmentation import (
    Augmentation,
    flip_and_shift,
    mix_noise,
    mix_signals,
)


def test_shifts_are_cyclic_and_uniform():
    traces = np.tile(np.arange(10, dtype=np.float32), (2000, 1))
    shifted = flip_and_shift(traces, np.random.default_rng(0), flip_polarity=False, max_shift=2)
    first = shifted[:, 0]
    assert set(first) == {8.0, 9.0, 0.0, 1.0, 2.0}
    np.testing.assert_array_equal(shifted, (first[:, None] + np.arange(10)) % 10)
    counts = np.unique(first, return_counts=True)[1]
    assert np.abs(counts - 400).max() < 5 * np.sqrt(400)


def test_flips_change_the_sign_of_half_of_the_traces():
    traces = np.tile(np.arange(10, dtype=np.float32), (2000, 1))
    flipped = flip_and_shift(traces, np.random.default_rng(0), flip_polarity=True, max_shift=0)
    signs = flipped[:, 1]
    assert abs(signs.mean()) < 5 / np.sqrt(2000)
    np.testing.assert_array_equal(flipped, signs[:, None] * traces)
    assert traces[0, 1] == 1.0, "the traces themselves are not changed"


def test_channels_are_moved_together():
    first = np.random.default_rng(1).normal(size=(300, 6)).astype(np.float32)
    traces = np.stack([first, 100 * first], axis=1)
    options = {"flip_polarity": True, "max_shift": 2}
    changed = flip_and_shift(traces, np.random.default_rng(0), **options)
    assert changed.shape == traces.shape
    assert changed.dtype == traces.dtype
    np.testing.assert_array_equal(changed[:, 1], 100 * changed[:, 0])
    # The first channel is changed as it would be alone.
    alone = flip_and_shift(first, np.random.default_rng(0), **options)
    np.testing.assert_array_equal(changed[:, 0], alone)


@pytest.mark.parametrize("shape", [(50, 30), (50, 2, 30)])
def test_traces_and_signals_are_changed_together(shape):
    rng = np.random.default_rng(0)
    traces = rng.normal(size=shape).astype(np.float32)
    augmentation = Augmentation(True, 10, mix_signals=False, mix_noise=False, targets="signal")
    moved, signals = augmentation(traces, 3 * traces, rng)
    np.testing.assert_array_equal(signals, 3 * moved)
    assert np.any(moved != traces)
    labels = np.arange(50)
    assert augmentation._replace(targets="class")(traces, labels, rng)[1] is labels
    rows = np.column_stack([labels % 2, (3 * traces).reshape(50, -1)])
    moved, rows = augmentation._replace(targets="row")(traces, rows, rng)
    np.testing.assert_array_equal(rows[:, 0], labels % 2)
    np.testing.assert_array_equal(rows[:, 1:].reshape(shape), 3 * moved)


def test_every_epoch_has_its_own_changes():
    traces = np.random.default_rng(0).normal(size=(50, 30)).astype(np.float32)
    augmentation, labels = Augmentation(True, 10, False, False, "class"), np.arange(50)
    rng = np.random.default_rng(1)
    first, second = (augmentation(traces, labels, rng)[0] for _ in range(2))
    again = augmentation(traces, labels, np.random.default_rng(1))[0]
    assert np.any(first != second)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("n_channels", [None, 2])
def test_mixed_signals_are_those_of_the_traces_in_the_noise_of_others(n_channels):
    rng = np.random.default_rng(0)
    shape = (200, 40) if n_channels is None else (200, n_channels, 40)
    noise, signals = rng.normal(size=shape), np.zeros(shape)
    for row in range(60):
        signals[row, ..., 5 + row % 30] = 1 + row  # One sample, of an amplitude of its own.
    traces, mixed = mix_signals(noise + signals, signals, rng)
    np.testing.assert_allclose(traces - mixed, noise, atol=1e-12)
    has = mixed.reshape(200, -1).any(axis=1)
    assert has.sum() == 60
    assert not has[:60].all(), "signals are in other traces"
    amplitudes = np.sort(mixed[has].reshape(60, -1).max(axis=1))
    np.testing.assert_array_equal(amplitudes, 1 + np.arange(60))
    times = mixed[has].reshape(60, -1, 40).max(axis=1).argmax(axis=1)
    np.testing.assert_array_equal(np.sort(times), np.sort(5 + np.arange(60) % 30))
    amplitude_at = mixed[has].reshape(60, -1).max(axis=1) - 1
    assert np.any(times != 5 + amplitude_at % 30), "at the times of others"


def test_labels_follow_mixed_signals():
    rng = np.random.default_rng(0)
    signals = np.zeros((50, 30), np.float32)
    signals[:20, 10] = 1.0
    rows = np.column_stack([signals.any(axis=1), signals])
    _, mixed = Augmentation(False, 0, True, False, "row")(signals.copy(), rows, rng)
    np.testing.assert_array_equal(mixed[:, 0], mixed[:, 1:].any(axis=1))
    assert mixed[:, 0].sum() == 20


def test_traces_with_mixed_signals_are_not_shifted():
    rng = np.random.default_rng(0)
    noise, signals = rng.normal(size=(50, 30)), np.zeros((50, 30))
    signals[:20, 10] = 1.0
    augmentation = Augmentation(False, 15, True, False, "signal")
    traces, mixed = augmentation(noise + signals, signals, rng)
    np.testing.assert_allclose(traces - mixed, noise, atol=1e-12)
    assert set(np.flatnonzero(mixed.any(axis=0))) == {10}


def test_signals_go_to_noise_whose_carriers_are_as_strong():
    rng = np.random.default_rng(0)
    level = rng.uniform(1, 10, 1000)
    noise = level[:, None] * low_frequencies(64)[:, 1]
    signals = np.zeros((1000, 64))
    signals[::2, 20] = level[::2]
    traces, mixed = mix_signals(noise + signals, signals, rng)
    np.testing.assert_allclose(traces - mixed, noise, atol=1e-12)
    has = mixed.any(axis=1)
    assert np.any(mixed[has].max(axis=1) != level[has]), "in other traces"
    # The signals move by at most 5 % of the ranks, besides the statistics of 500 uniform levels,
    # whose ranks have a standard deviation of at most 2.2 % in each of two samples.
    assert np.abs(mixed[has].max(axis=1) - level[has]).max() < 9 * (0.05 + 4 * 0.022 * 2**0.5)


@pytest.mark.parametrize("shape", [(4000, 64), (4000, 2, 64)])
def test_mixed_noise_is_gaussian_noise_of_the_same_covariance(shape):
    rng = np.random.default_rng(0)
    noise = rng.normal(size=shape)
    mixed = mix_noise(noise, rng)
    changed = np.any(mixed != noise, axis=tuple(range(1, len(shape))))
    # 1 % have an unusual peak in a channel, at most.
    assert changed.mean() > 1 - 0.01 * np.prod(shape[1:-1]) - 5 * np.sqrt(0.01 / len(noise))
    np.testing.assert_allclose(mixed @ low_frequencies(64), noise @ low_frequencies(64), atol=1e-12)
    before, after = (x.reshape(len(x), -1) for x in (noise, mixed))
    error = np.sqrt(2 / len(noise))
    assert np.abs(np.cov(after.T) - np.cov(before.T)).max() < 6 * error
    similar = [np.corrcoef(a, b)[0, 1] for a, b in zip(before, after, strict=True)]
    assert abs(np.mean(similar)) < 0.1, "sums of two, with random signs"
    assert scipy.stats.kstest(after[:, 20], "norm").pvalue > 1e-3


def test_noise_with_bursts_is_not_mixed():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 64))
    noise[:20, 30] = 20.0
    mixed = mix_noise(noise, rng)
    np.testing.assert_array_equal(mixed[:20], noise[:20])
    assert np.abs(mixed[20:]).max() < 20 / 2, "and is not put into other traces"
    silent = np.zeros((5, 64))
    np.testing.assert_array_equal(mix_noise(silent, rng), silent)
