"""Save and load model files.

scikit-learn and joblib are imported in functions: a program that only applies .onnx models does
not need them.
"""

import zipfile
from contextlib import contextmanager

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._files import as_path, check_declared, check_pickle, check_readable, written_whole

SUFFIXES = (".skops", ".joblib")
_CALLBACKS = "_skl_callbacks"


@fill_docstring()
def save_model(model, path, *, overwrite=False):
    """Save a model to a file.

    The file is written under a temporary name and renamed when it is complete. It does not
    contain the callbacks of the model (`set_callbacks`).

    Parameters
    ----------
    model : estimator
        Fitted estimator, pipeline or search.
    path : str or path-like
        The ending decides the format: ``.skops``, which is loaded without running code, or
        ``.joblib``, a pickle.
    %(overwrite)s
    TypeError
        If ``model`` is not an estimator, or the arguments are exchanged.
    ValueError
        If the format is unknown or cannot hold the model, for example because it has a lambda
        function.

    See Also
    --------
    load_model : Loads the file.

    Notes
    -----
    Two thirds of the file of a fitted network are the state of the optimiser, which only further
    training needs; the network's method ``discard_optimizer_state()`` removes it.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_aera.datasets import make_traces
    >>> from sklearn_aera.persistence import load_model, save_model
    >>> from sklearn_aera.preprocessing import StdNormalizer
    >>> data = make_traces(5, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(StdNormalizer().fit(data.traces), f"{folder}/normalizer.skops")
    ...     model = load_model(f"{folder}/normalizer.skops")
    >>> model
    StdNormalizer()
    """
    from sklearn.base import BaseEstimator

    if isinstance(path, BaseEstimator):
        raise TypeError("the model is the first argument: save_model(model, path)")
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"model must be an estimator, got {model!r}")
    path = _model_path(path)
    with written_whole(path, overwrite) as temporary, _without_callbacks(model):
        try:
            _dump(model, temporary)
        except OSError:
            raise
        except Exception as error:
            raise ValueError(
                f"model cannot be stored in a {path.suffix} file; its functions and classes must "
                f"be importable by name: {error}"
            ) from error


def _dump(model, path):
    """Write a file, and check that it can be loaded."""
    if path.suffix == ".joblib":
        import joblib

        joblib.dump(model, path, compress=True)
        return
    import skops.io

    skops.io.dump(model, path, compression=zipfile.ZIP_DEFLATED)
    skops.io.load(path, trusted=skops.io.get_untrusted_types(file=path))


def load_model(path, *, allow_pickle=False, trusted=()):
    """Load a model from a file.

    Parameters
    ----------
    path : str or path-like
        File to load, ``.skops`` or ``.joblib``.
    allow_pickle : bool, default=False
        Whether to load a ``.joblib`` file. Loading it runs code from the file: do so only with
        files from a source that you trust.
    trusted : str or sequence of str, default=()
        Full names of further classes and functions that a ``.skops`` file may refer to. The error
        for a file with untrusted types lists their names.

    Returns
    -------
    estimator

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    PermissionError
        If the file must not be read.
    ValueError
        If the file is damaged, holds no estimator, was stored by an incompatible version, refers
        to types that are not trusted, or is a pickle and ``allow_pickle`` is False.

    Notes
    -----
    A ``.skops`` file holds names of types and data for them. By default these types are trusted:
    NumPy's arrays; scikit-learn's estimators, searches, splitters and metrics; the public classes
    of this package that hold data, and `sklearn_aera.metrics`. Loading them only restores their
    attributes, and calls no function. They suffice for all estimators of this package in
    pipelines, ensembles and grid searches. Types of other packages, such as continuous
    distributions of a `RandomizedSearchCV`, and your own functions, such as that of a
    `FunctionTransformer`, must be named in ``trusted``.
    """
    from sklearn.base import BaseEstimator

    from sklearn_aera._validation import check_flag

    path = _model_path(path)
    check_flag(allow_pickle, "allow_pickle")
    trusted = _names(trusted)
    check_readable(path)
    if path.suffix == ".joblib":
        check_pickle(path, allow_pickle)
    try:
        model = _load_joblib(path) if path.suffix == ".joblib" else _load_skops(path, trusted)
    except _RefusedError:
        raise
    # The type of the error depends on where a file is damaged.
    except Exception as error:
        if isinstance(error, ImportError | AttributeError) and "sklearn_aera." in str(error):
            raise ValueError(_old_layout(path, error)) from error
        raise ValueError(
            f"path: {path} cannot be loaded as a model, it is damaged, holds no model, or was "
            f"stored by another version: {error}"
        ) from error
    if not isinstance(model, BaseEstimator):
        raise ValueError(f"path: {path} holds no model, but an object of type {type(model)}")
    return model


def _model_path(path):
    from sklearn_aera._validation import check_choice

    path = as_path(path)
    check_choice(path.suffix, f"the ending of path {path.name!r}", SUFFIXES)
    return path


class _RefusedError(ValueError):
    """A file refers to types that must not or cannot be loaded."""


def _old_layout(path, reason):
    return (
        f"path: {path} was stored by an earlier development version of sklearn-aera and cannot be "
        f"loaded, fit the model again: {reason}"
    )


def _load_joblib(path):
    import joblib

    return joblib.load(path)


def _names(trusted):
    """Return the names in a text or a sequence of texts."""
    names = [trusted] if isinstance(trusted, str) else trusted
    is_list = isinstance(names, list | tuple | set | frozenset)
    if not (is_list and all(isinstance(name, str) for name in names)):
        from sklearn_aera._validation import shown

        raise TypeError(f"trusted must be a name or a list of names, got {shown(trusted)}")
    return set(names)


def _load_skops(path, trusted):
    import skops.io

    from sklearn_aera.persistence._trust import called_functions, is_of_old_layout, is_trusted

    with zipfile.ZipFile(path) as file:
        check_declared(path, sum(member.file_size for member in file.infolist()))
    unknown = skops.io.get_untrusted_types(file=path)
    foreign = [name for name in unknown if not (is_trusted(name) or name in trusted)]
    old = [name for name in foreign if is_of_old_layout(name)]
    if old:
        raise _RefusedError(_old_layout(path, f"it refers to {', '.join(old)}"))
    if foreign:
        raise _RefusedError(
            f"path: {path} refers to types that are not trusted: {', '.join(foreign)}; if you "
            "trust them, name them in trusted"
        )
    called = called_functions(path, unknown)
    if called:
        raise _RefusedError(f"path: loading {path} would call {', '.join(called)}")
    return skops.io.load(path, trusted=unknown)


@contextmanager
def _without_callbacks(model):
    """Temporarily remove the callbacks from a model and from the estimators in it.

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
    """Yield all estimators among objects and in their attributes, lists and dictionaries."""
    from sklearn.base import BaseEstimator

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
