"""Fixtures that several test modules share."""

import os
from pathlib import Path

# Two worker processes of pytest-xdist fill two cores: with threads of their own they would wait
# for one another. Set before NumPy and TensorFlow are loaded.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import matplotlib
import numpy as np
import pytest
from helpers import LOUD, QUIET

from sklearn_aera.datasets import make_traces
from sklearn_aera.preprocessing import StdNormalizer

matplotlib.use("Agg")

# The example shower of the NuRadioMC repository; it is not part of this one.
_DATA = Path(__file__).parents[2] / "shared" / "data"
_COREAS = _DATA / "coreas_starshape.hdf5"


@pytest.fixture(scope="session")
def coreas_path():
    path = Path(os.environ.get("SKLEARN_AERA_COREAS", _COREAS))
    if not path.is_file():
        pytest.skip(
            "no CoREAS file: set SKLEARN_AERA_COREAS to NuRadioMC's greenland_starshape_32obs.hdf5"
        )
    return path


def _measured(variable, name, source):
    path = Path(os.environ.get(variable, _DATA / name))
    if not path.is_file():
        pytest.skip(f"no measured recording: set {variable} to {source} of lofarsoft")
    return path


@pytest.fixture(scope="session")
def lopes_path():
    source = "data/lopes/2004.01.12.00:28:11.577.event"
    return _measured("SKLEARN_AERA_LOPES", "lopes_2004-01-12.event", source)


@pytest.fixture(scope="session")
def lofar_path():
    source = "data/lofar/rw_20080701_162002_0109.h5"
    return _measured("SKLEARN_AERA_LOFAR", "lofar_rw_20080701_162002_0109.h5", source)


@pytest.fixture(scope="session")
def easy_traces():
    """Normalised traces of loud pulses in noise without carriers, (X, y)."""
    data = make_traces(400, simulator=QUIET, random_state=3, **LOUD)
    return StdNormalizer().fit_transform(data.traces), data.y


@pytest.fixture(autouse=True)
def global_generators_untouched(request):
    """Nothing that a test calls may draw from NumPy's global generator."""
    before = np.random.get_state()  # noqa: NPY002
    yield
    if request.module.__name__.endswith("test_estimator_checks"):
        return  # scikit-learn's own checks do
    after = np.random.get_state()  # noqa: NPY002
    assert before[2] == after[2]
    np.testing.assert_array_equal(before[1], after[1])


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def own_workers():
    """Worker processes for this module alone.

    joblib reuses its processes, and replaces one whose memory has grown much, as it does when
    TensorFlow is loaded after other work.
    """
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)
    yield
    get_reusable_executor().shutdown(wait=True, kill_workers=True)
