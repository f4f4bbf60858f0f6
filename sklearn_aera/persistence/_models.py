"""Write and read model files."""

import zipfile
from contextlib import contextmanager
from pathlib import Path

import joblib
from sklearn.base import BaseEstimator

from sklearn_aera._files import check_new, written_whole
from sklearn_aera._validation import check_choice
from sklearn_aera.persistence._trust import is_trusted

SUFFIXES = (".skops", ".joblib")
_CALLBACKS = "_skl_callbacks"


def save_model(path, model, *, overwrite=False):
    """Write a model to a file, whole or not at all.

    Callbacks that were set on the model (`set_callbacks`) are not part of the file.

    Parameters
    ----------
    path : str or path-like
        The ending decides the format: ``.skops``, which is loaded without running code, or
        ``.joblib``, a pickle.
    model : estimator
        A fitted estimator, pipeline or search.
    overwrite : bool, default=False
        Whether a file that exists may be replaced.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False.
    TypeError
        If the model is not an estimator.
    ValueError
        If the format is not known.

    See Also
    --------
    load_model : Reads what this writes.

    Notes
    -----
    Most of what a fitted network stores is what further training needs, and
    ``discard_optimizer_state()`` makes the file about a third as long.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.persistence import load_model, save_model
    >>> from sklearn_aera.preprocessing import StdNormalizer
    >>> data = make_traces(5, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(f"{folder}/normalizer.skops", StdNormalizer().fit(data.traces))
    ...     model = load_model(f"{folder}/normalizer.skops")
    >>> model
    StdNormalizer()
    """
    path = Path(path)
    check_choice(path.suffix, f"the ending of path {path.name!r}", SUFFIXES)
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"model must be an estimator, got {model!r}")
    check_new(path, overwrite)
    with written_whole(path) as temporary, _without_callbacks(model):
        if path.suffix == ".joblib":
            joblib.dump(model, temporary, compress=True)
        else:
            import skops.io

            skops.io.dump(model, temporary, compression=zipfile.ZIP_DEFLATED)


def load_model(path, *, allow_pickle=False, trusted=()):
    """Read a model from a file.

    Parameters
    ----------
    path : str or path-like
        A ``.skops`` or ``.joblib`` file.
    allow_pickle : bool, default=False
        Whether a ``.joblib`` file may be loaded. Loading one runs code that is in the file: allow
        it only for files from a source that you trust.
    trusted : sequence of str, default=()
        Full names of classes and functions, beyond those below, that a ``.skops`` file may refer
        to. The error that a file with others raises lists them.

    Returns
    -------
    estimator

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, holds no estimator, was stored by an incompatible version, refers
        to types that are not trusted, or is a pickle and ``allow_pickle`` is False.

    Notes
    -----
    A ``.skops`` file names types, and data for them. Trusted without being named in ``trusted``
    are NumPy's arrays, scikit-learn's estimators, searches, splitters and scorers of the usual
    metrics, and of this package the estimators, the parts of the simulator, the records that
    fitted estimators hold (`Architecture`, `TemplateBank` and the like) and `sklearn_aera.metrics`.
    None of them does more on loading than to take its attributes back. All models of this
    package's estimators, in pipelines and grid searches, load with these. To be named are types
    of other packages, such as the distributions of a `RandomizedSearchCV`, and functions of one's
    own, such as that of a `FunctionTransformer`.
    """
    path = Path(path)
    check_choice(path.suffix, f"the ending of path {path.name!r}", SUFFIXES)
    if not path.is_file():
        raise FileNotFoundError(f"path: there is no file {path}")
    if path.suffix == ".joblib" and not allow_pickle:
        raise ValueError(
            f"path: loading {path} runs code that is in it; allow_pickle=True does so, for "
            "files from a source that you trust"
        )
    try:
        model = joblib.load(path) if path.suffix == ".joblib" else _load_skops(path, trusted)
    except _UntrustedTypesError:
        raise
    # What a damaged file raises depends on where it is damaged.
    except Exception as error:
        raise ValueError(
            f"path: {path} cannot be loaded as a model, it is damaged, no model or of another "
            f"version: {error}"
        ) from error
    if not isinstance(model, BaseEstimator):
        raise ValueError(f"path: {path} holds no model, but an object of type {type(model)}")
    return model


class _UntrustedTypesError(ValueError):
    """A file refers to types that are not trusted."""


def _load_skops(path, trusted):
    import skops.io

    unknown = skops.io.get_untrusted_types(file=path)
    foreign = [name for name in unknown if not (is_trusted(name) or name in trusted)]
    if foreign:
        raise _UntrustedTypesError(
            f"path: {path} refers to types that are not trusted: {', '.join(foreign)}; if you "
            "trust them, name them in trusted"
        )
    return skops.io.load(path, trusted=unknown)


@contextmanager
def _without_callbacks(model):
    """Take the callbacks from a model and all that it is made of, and give them back.

    Callbacks belong to the process that fits: they hold threads and sockets.
    """
    removed = [
        (part, vars(part).pop(_CALLBACKS))
        for part in _estimators(model)
        if hasattr(part, _CALLBACKS)
    ]
    try:
        yield
    finally:
        for part, callbacks in removed:
            part.set_callbacks(*callbacks)


def _estimators(*objects):
    """All estimators among objects and in their attributes, lists and dictionaries."""
    seen, left = set(), list(objects)
    while left:
        found = left.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        if isinstance(found, BaseEstimator):
            yield found
            left.extend(vars(found).values())
        elif isinstance(found, dict):
            left.extend(found.values())
        elif isinstance(found, list | tuple):
            left.extend(found)
