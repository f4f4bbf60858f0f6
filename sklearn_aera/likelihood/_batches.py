"""Batches of white coefficients."""

import numpy as np
from sklearn.utils import gen_batches

from sklearn_aera._templates import white_coefficients

# Traces in a matrix product, and in a block of the sums over cells, which then fits in the cache.
_BATCH_SIZE = 1024
_BLOCK_SIZE = 64
_ROWS_OF_PRODUCT = 16
# Terms below exp(-20) of the largest are left out of sums.
NEGLIGIBLE_LOSS = 20.0


def white_batches(X, bank, scale):
    """Project traces on the basis of a bank with `white_coefficients`, in batches.

    Zero traces are appended to each batch, up to a multiple of the block size of matrix
    products. Linear algebra libraries compute a few rows in another order than many, so that
    the last digits of a result would depend on the number of traces. Yields the slice of the
    traces, and coefficients and RMS of the padded batch.
    """
    for rows in gen_batches(len(X), _BATCH_SIZE):
        batch = X[rows]
        padded = np.pad(batch, ((0, -len(batch) % _ROWS_OF_PRODUCT), (0, 0)))
        yield rows, *white_coefficients(padded, bank, scale)


def blocks(coefficients, rms):
    """Yield the blocks of a batch: rows, their RMS, and the power of their coefficients."""
    power = rms**2 * np.einsum("ij,ij->i", coefficients, coefficients, dtype=np.float64)
    for rows in gen_batches(len(rms), _BLOCK_SIZE):
        yield rows, rms[rows], power[rows]
