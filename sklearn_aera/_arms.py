"""Arms of an antenna, and the direction of electric fields."""

from collections.abc import Sequence

import numpy as np

from sklearn_aera._validation import check_choice, check_real, shown


def direction(azimuth, elevation):
    """Unit vectors (..., 3) of directions, whose angles are in degrees."""
    azimuth, elevation = np.broadcast_arrays(np.deg2rad(azimuth), np.deg2rad(elevation))
    horizontal = np.cos(elevation)
    vectors = horizontal * np.cos(azimuth), horizontal * np.sin(azimuth), np.sin(elevation)
    return np.stack(vectors, axis=-1).astype(np.float32)


def check_arms(arms):
    """Return the unit vectors of arms, shape (n_channels, 3), float32."""
    arms = list(arms) if isinstance(arms, np.ndarray) and arms.ndim > 0 else arms
    if isinstance(arms, str) or not isinstance(arms, Sequence) or len(arms) == 0:
        raise ValueError(
            f"arms must be a sequence of azimuths in degrees or 'vertical', got {shown(arms)}"
        )
    angles = []
    for arm in arms:
        if isinstance(arm, str):
            check_choice(arm, "arms", ("vertical",))
            angles.append((0.0, 90.0))
        else:
            angles.append((check_real(arm, "arms", min_val=-360.0, max_val=360.0), 0.0))
    return direction(*np.transpose(angles))
