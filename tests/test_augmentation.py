"""Augmentation: shifts move traces around, flips turn them over, channels stay together."""

import numpy as np
import pytest

from sklearn_aera.neural_network._augmentation import Augmentation, flip_and_shift


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
    # As a channel by itself is: nothing passes from one channel to the other.
    alone = flip_and_shift(first, np.random.default_rng(0), **options)
    np.testing.assert_array_equal(changed[:, 0], alone)


@pytest.mark.parametrize("shape", [(50, 30), (50, 2, 30)])
def test_traces_and_signals_are_changed_together(shape):
    rng = np.random.default_rng(0)
    traces = rng.normal(size=shape).astype(np.float32)
    augmentation = Augmentation(True, 10, targets_too=True)
    moved, signals = augmentation(traces, 3 * traces, rng)
    np.testing.assert_array_equal(signals, 3 * moved)
    assert np.any(moved != traces)
    labels = np.arange(50)
    assert augmentation._replace(targets_too=False)(traces, labels, rng)[1] is labels


def test_every_epoch_has_its_own_changes():
    traces = np.random.default_rng(0).normal(size=(50, 30)).astype(np.float32)
    augmentation, labels = Augmentation(True, 10, targets_too=False), np.arange(50)
    rng = np.random.default_rng(1)
    first, second = (augmentation(traces, labels, rng)[0] for _ in range(2))
    again = augmentation(traces, labels, np.random.default_rng(1))[0]
    assert np.any(first != second)
    np.testing.assert_array_equal(first, again)
