"""Coincidences, their accidental rate, and plane waves."""

import numpy as np
import pytest

from sklearn_aera.trigger import accidental_rate, coincidences, fit_plane_wave

RNG = np.random.default_rng(0)
DTYPE = [("time", float), ("antenna", int), ("score", float)]
LIGHT = 299.792458  # m / us
POSITIONS = np.column_stack([RNG.uniform(-200, 200, (8, 2)), RNG.uniform(-3, 3, 8)])


def table(*rows):
    return np.array(list(rows), dtype=DTYPE)


def source(zenith, azimuth):
    zenith, azimuth = np.deg2rad([zenith, azimuth])
    horizontal = np.sin(zenith) * np.array([np.cos(azimuth), np.sin(azimuth)])
    return np.append(horizontal, np.cos(zenith))


# --- coincidences ----------------------------------------------------------------------------


def test_members():
    triggers = table(
        (5.0, 2, 1.0), (1.0, 0, 1.0), (1.3, 1, 2.0), (1.4, 1, 5.0), (1.5, 2, 4.0), (1.6, 3, 1.0)
    )
    found = coincidences(triggers, 0.5)
    assert found["time"].tolist() == [1.0]
    # The trigger at 1.6 us is outside the window of the first, and that of 1.3 us has a lower
    # score than another one of its antenna.
    assert found["triggers"].tolist() == [[1, 3, 4, -1]]
    assert found["n_antennas"].tolist() == [3]
    assert found["score"].tolist() == [10.0]
    assert len(coincidences(triggers, 0.5, min_antennas=4)) == 0
    assert coincidences(triggers, 0.6, min_antennas=4)["n_antennas"].tolist() == [4]
    assert len(coincidences(table(), 0.5)) == 0


def test_one_antenna_is_no_coincidence():
    triggers = table(*((t, 0, 1.0) for t in np.linspace(0, 1, 20)))
    assert len(coincidences(triggers, 10.0, min_antennas=2)) == 0


def test_a_late_beginning_is_found():
    """An earlier trigger that has no partners does not hide a coincidence."""
    triggers = table((0.0, 0, 9.0), (0.9, 1, 1.0), (1.2, 2, 1.0), (1.4, 0, 1.0))
    assert coincidences(triggers, 1.0)["triggers"].tolist() == [[3, 1, 2]]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((table(),), {}, "window must be given"),
        ((table(), -1.0), {}, "window"),
        ((table(), 1.0, 1), {}, "min_antennas == 1"),
        ((np.zeros(3), 1.0), {}, "must have the fields"),
        ((table((np.nan, 0, 1.0)), 1.0), {}, "finite times"),
        ((table((1.0, 5, 1.0)),), {"positions": POSITIONS[:3]}, "positions must have shape"),
    ],
)
def test_bad_triggers(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        coincidences(*arguments, **options)


# --- accidental rate -------------------------------------------------------------------------


def random_triggers(rate, livetime, n_antennas):
    """Independent triggers, a rate in Hz of each antenna."""
    counts = RNG.poisson(rate * livetime, n_antennas)
    times = [RNG.uniform(0, livetime * 1e6, n) for n in counts]
    return table(*((t, a, 1.0) for a, some in enumerate(times) for t in some))


def test_slides_agree_with_counting():
    """Three antennas: within a window w after the first of them, 3 r^3 w^2."""
    triggers = random_triggers(2000.0, 1.0, 3)
    window = 20.0
    expected = 3 * 2000.0**3 * (window * 1e-6) ** 2
    value, low, high = accidental_rate(triggers, 1.0, window, n_slides=200)
    # Of 200 s x 9.6 Hz, 1 920 counts: the error is 2.3 %; that of the triggers, three times 2.2 %.
    assert value == pytest.approx(expected, rel=0.2)
    assert low < value < high
    assert high - low == pytest.approx(2 * np.sqrt(value / 200), rel=0.1)


def test_a_source_is_no_accident():
    """Pulses that all antennas see are coincidences, but do not raise the accidental rate."""
    times = RNG.uniform(0, 1e6, 50)
    triggers = table(*((t, a, 1.0) for a in range(4) for t in times))
    assert len(coincidences(triggers, 1.0, 4)) == 50
    assert accidental_rate(triggers, 1.0, 1.0, 4).value == 0.0
    assert accidental_rate(triggers, 1.0, 1.0, 4).high == pytest.approx(0.0184, abs=1e-4)


def test_bad_slides():
    triggers = random_triggers(2000.0, 0.01, 3)
    with pytest.raises(ValueError, match="n_slides must be at most"):
        accidental_rate(triggers, 0.01, 100.0)
    with pytest.raises(ValueError, match="livetime must hold all triggers"):
        accidental_rate(triggers, 0.001, 1.0, n_slides=2)
    assert accidental_rate(table(), 1.0, 1.0).value == 0.0


# --- plane waves -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zenith", "azimuth"), [(0.0, 0.0), (20.0, 10.0), (55.0, 200.0), (85, 300)]
)
def test_directions_are_found_within_their_errors(zenith, azimuth):
    true = 3.0 - POSITIONS @ source(zenith, azimuth) / LIGHT
    error = 0.003
    pulls, chi_square = [], []
    for _ in range(100):
        wave = fit_plane_wave(true + error * RNG.normal(size=8), POSITIONS, timing_error=error)
        difference = (wave.azimuth - azimuth + 180) % 360 - 180
        if zenith > 0:
            pulls.append([(wave.zenith - zenith) / wave.zenith_error])
            pulls[-1].append(difference / wave.azimuth_error)
        chi_square.append(wave.chi_square)
        assert wave.time == pytest.approx(3.0, abs=8 * error)
        assert wave.n_freedom == 5
    # Means of 100 values of unit variance, and of chi-square with mean 5 and variance 10.
    if zenith in (20.0, 55.0):
        np.testing.assert_allclose(np.mean(pulls, axis=0), 0.0, atol=0.4)
        np.testing.assert_allclose(np.std(pulls, axis=0), 1.0, atol=0.3)
    if zenith < 80:
        assert np.mean(chi_square) == pytest.approx(5.0, abs=4 * np.sqrt(10 / 100))


def test_exact_times():
    for zenith, azimuth in ((5.0, 0.0), (40.0, 123.0), (80.0, 359.0)):
        wave = fit_plane_wave(9.0 - POSITIONS @ source(zenith, azimuth) / LIGHT, POSITIONS)
        assert (wave.zenith, wave.azimuth) == (pytest.approx(zenith), pytest.approx(azimuth))
        assert wave.chi_square == pytest.approx(0.0, abs=1e-10)


def test_coincidences_have_directions():
    times = 3.0 - POSITIONS @ source(30.0, 60.0) / LIGHT
    triggers = table(*((t, a, 1.0) for a, t in enumerate(times)), (50.0, 1, 1.0), (50.1, 2, 1.0))
    found = coincidences(triggers, positions=POSITIONS, min_antennas=2)
    # The window follows from the positions: 8 antennas are seen together.
    assert found["n_antennas"].tolist() == [8, 2]
    assert found["zenith"][0] == pytest.approx(30.0)
    assert found["azimuth"][0] == pytest.approx(60.0)
    assert 0.05 < found["zenith_error"][0] < 2.0
    assert found["n_freedom"][0] == 5
    assert np.isnan(found["zenith"][1])


def test_positions_that_give_no_direction():
    for positions in (POSITIONS[:2], np.outer(np.arange(4), [1.0, 2.0, 0.0])):
        with pytest.raises(ValueError, match="not in one line"):
            fit_plane_wave(np.arange(len(positions)), positions)
    with pytest.raises(ValueError, match=r"positions must have shape \(2, 3\)"):
        fit_plane_wave([1.0, 2.0], POSITIONS)
