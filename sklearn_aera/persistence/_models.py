"""Write and read model files."""

import zipfile
from pathlib import Path

import joblib

from sklearn_aera._files import check_new, written_whole
from sklearn_aera._validation import check_choice

SUFFIXES = (".skops", ".joblib")


def save_model(path, model, *, overwrite=False):
    """Write a model to a file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        The ending decides the format: ``.skops``, which is loaded without running code, or
        ``.joblib``, a pickle.
    model : estimator
        A fitted estimator or pipeline.
    overwrite : bool, default=False
        Whether a file that exists may be replaced.

    Raises
    ------
    FileExistsError
        If the file exists and ``overwrite`` is False.
    ValueError
        If the format is not known.

    See Also
    --------
    load_model : Reads what this writes.

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
    check_new(path, overwrite)
    with written_whole(path) as temporary:
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
        Full names of classes and functions beyond those of scikit-learn, NumPy, SciPy and this
        package that a ``.skops`` file may refer to.

    Returns
    -------
    estimator

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, was stored by an incompatible version, refers to types that are
        not trusted, or is a pickle and ``allow_pickle`` is False.

    Notes
    -----
    Of the types that skops does not know it trusts those of `sklearn_aera`: all of them do no
    more on loading than to take their attributes back.
    """
    path = Path(path)
    check_choice(path.suffix, f"the ending of path {path.name!r}", SUFFIXES)
    if not path.is_file():
        raise FileNotFoundError(f"path: there is no file {path}")
    if path.suffix == ".joblib" and not allow_pickle:
        raise ValueError(
            f"path: loading {path.name} runs code that is in it; allow_pickle=True does so, for "
            "files from a source that you trust"
        )
    try:
        return joblib.load(path) if path.suffix == ".joblib" else _load_skops(path, trusted)
    except _UntrustedTypesError:
        raise
    # What a damaged file raises depends on where it is damaged.
    except Exception as error:
        raise ValueError(
            f"path: {path} cannot be loaded as a model, it is damaged, no model or of another "
            f"version: {error}"
        ) from error


class _UntrustedTypesError(ValueError):
    """A file refers to types that are not trusted."""


def _load_skops(path, trusted):
    import skops.io

    unknown = skops.io.get_untrusted_types(file=path)
    ours = [name for name in unknown if name.startswith("sklearn_aera.")]
    foreign = sorted(set(unknown) - set(ours) - set(trusted))
    if foreign:
        raise _UntrustedTypesError(
            f"path: {path} refers to types that are not trusted: {', '.join(foreign)}; if you "
            "trust them, name them in trusted"
        )
    return skops.io.load(path, trusted=[*ours, *trusted])
