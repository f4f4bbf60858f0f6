"""CoREAS' text output: SIM000001.reas, SIM000001.list and SIM000001_coreas/raw_<name>.dat."""

import numpy as np
import pytest

from sklearn_aera.datasets import load_coreas, make_traces
from sklearn_aera.simulation import TraceSimulator

PARAMETERS = """\
# CoREAS V1.4

# parameters setting up the spatial observer configuration:

CoreCoordinateNorth = 0			; in cm
CoreCoordinateVertical = 156400	; in cm

# event information for Offline simulations:
ShowerZenithAngle = 55.5		; in degrees
PrimaryParticleEnergy = 1e+18	; in eV
CorsikaFilePath = ./
"""
ANTENNAS = """\
# antennas
AntennaPosition = 10000 -20000 156400 pos_0
AntennaPosition = 0.5 0 156400 pos_1	; comment
"""


@pytest.fixture
def shower_path(tmp_path):
    """Two antennas, the second with fewer samples."""
    (tmp_path / "SIM000001.reas").write_text(PARAMETERS)
    (tmp_path / "SIM000001.list").write_text(ANTENNAS)
    folder = tmp_path / "SIM000001_coreas"
    folder.mkdir()
    for number, n_times in enumerate((100, 80)):
        series = np.zeros((n_times, 4))
        series[:, 0] = -1e-8 + 2e-10 * np.arange(n_times)
        series[40 + number, 1:] = 1e-7, -3e-7, 2e-7
        np.savetxt(folder / f"raw_pos_{number}.dat", series, delimiter="\t")
    return tmp_path / "SIM000001.reas"


def test_units_and_parameters(shower_path):
    shower = load_coreas(shower_path)
    assert shower.observers == ["pos_0", "pos_1"]
    assert shower.electric_field.shape == (2, 100, 3)
    # 1 statvolt/cm = 2.99792458e4 V/m
    expected = np.array([1e-7, -3e-7, 2e-7]) * 2.99792458e7
    np.testing.assert_allclose(shower.electric_field[1, 41], expected)
    assert not shower.electric_field[1, 80:].any()
    np.testing.assert_allclose(shower.positions, [[100, -200, 1564], [0.005, 0, 1564]])
    np.testing.assert_allclose(shower.start_time, -1e-2)
    assert shower.sampling_rate == pytest.approx(5000.0)
    assert shower.shower == {
        "CoreCoordinateNorth": 0,
        "CoreCoordinateVertical": 156400,
        "ShowerZenithAngle": 55.5,
        "PrimaryParticleEnergy": 1e18,
        "CorsikaFilePath": "./",
    }


def test_folder_and_parameter_file_are_the_same_shower(shower_path):
    folder = shower_path.with_name("SIM000001_coreas")
    np.testing.assert_array_equal(
        load_coreas(folder).electric_field, load_coreas(shower_path).electric_field
    )


def test_all_components_in_two_channels(shower_path):
    shower = load_coreas(shower_path, component="all")
    assert shower.pulses.waveforms.shape == (2, 3, 100)
    simulator = TraceSimulator(pulse=shower.pulses, arms=(0, 90))
    data = make_traces(4, simulator=simulator, signal_fraction=1.0, random_state=0)
    size = np.abs(data.signals).max(axis=2)
    np.testing.assert_allclose(size[:, 1] / size[:, 0], 3.0, rtol=1e-3)


def test_missing_and_damaged_files(shower_path, tmp_path):
    (tmp_path / "SIM000001_coreas" / "raw_pos_1.dat").write_text("1 2 3 four\n")
    with pytest.raises(ValueError, match=r"SIM000001.reas cannot be read as output of CoREAS"):
        load_coreas(shower_path)
    (tmp_path / "SIM000001_coreas" / "raw_pos_1.dat").unlink()
    with pytest.raises(FileNotFoundError, match=r"raw_pos_1.dat"):
        load_coreas(shower_path)
    (tmp_path / "SIM000001.list").write_text("AntennaPosition = 0 0 0 /../../secret")
    with pytest.raises(ValueError, match="not one of a file"):
        load_coreas(shower_path)
    (tmp_path / "SIM000001.list").write_text("nothing\n")
    with pytest.raises(ValueError, match="it has no observers"):
        load_coreas(shower_path)
    (tmp_path / "SIM000001.list").unlink()
    with pytest.raises(FileNotFoundError, match=r"SIM000001.list"):
        load_coreas(shower_path)
    with pytest.raises(ValueError, match="a folder of CoREAS is called like SIM000001_coreas"):
        load_coreas(tmp_path)
