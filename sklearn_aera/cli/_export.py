"""The command ``export``."""

from pathlib import Path
from typing import Annotated

import typer

from sklearn_aera.cli._common import (
    AllowPickle,
    AsJson,
    Model,
    Overwrite,
    Trusted,
    outputs,
    print_result,
    reports_errors,
)


@reports_errors
def export(
    model: Model,
    out: Annotated[Path, typer.Option("-o", "--out", help="File to write, .onnx.")],
    threshold: Annotated[
        float | None,
        typer.Option(help="Lowest score of a pulse, such as 'evaluate' prints; it is stored."),
    ] = None,
    allow_pickle: AllowPickle = False,
    trusted: Trusted = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
):
    """Export a detector or a denoiser for programs without TensorFlow.

    The .onnx file maps traces in mV to log odds and probabilities, or to signals. 'evaluate',
    'predict', 'recover' and 'trigger' read it, and so does any program with an ONNX runtime.

    Example: sklearn-aera export detector.skops -o detector.onnx --threshold 3.2
    """
    from sklearn_aera.cli import _inputs
    from sklearn_aera.persistence import export_onnx

    with outputs((out, (".onnx",)), overwrite=overwrite) as [temporary]:
        fitted = _inputs.read_model(model, allow_pickle, trusted)
        export_onnx(fitted, temporary, threshold=threshold, overwrite=True)
        n_bytes = temporary.stat().st_size
    result = {"file": out, "bytes": n_bytes, "threshold": threshold}
    print_result(result, as_json, f"{out}: {n_bytes / 1000:,.0f} kB")
