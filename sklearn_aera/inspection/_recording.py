"""Display of a recording with its triggers."""

import numpy as np

from sklearn_aera._docstrings import fill_docstring
from sklearn_aera._recording import Recording
from sklearn_aera._validation import shown
from sklearn_aera.inspection._style import DATA_COLOR, TRUTH_COLOR, axes_or_new

_N_COLUMNS = 1500  # more than a figure has pixels
_SPACING = 1.1  # of the antennas, in units of the larger of their ranges


@fill_docstring()
class RecordingDisplay:
    """Recording of several antennas as a function of time, with triggers.

    Create it with `from_recording`. Of a long recording the smallest and the largest sample in each
    column of the figure are drawn, and it is read in pieces.

    Parameters
    ----------
    time : ndarray of shape (n_columns,)
        In us.
    low, high : ndarray of shape (n_antennas, n_columns)
        Smallest and largest sample in each column, over the largest absolute one of the antenna.
    antennas : list of str
        Names of the antennas.
    triggers : ndarray, default=None
        Table with the fields "time" in us and "antenna".

    %(drawn_on)s

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aera.datasets import Recording
    >>> from sklearn_aera.inspection import RecordingDisplay
    >>> recording = Recording(np.random.default_rng(0).normal(size=(2, 5000)), 180.0)
    >>> RecordingDisplay.from_recording(recording).ax_.get_xlabel()
    'Time / µs'
    """

    def __init__(self, time, low, high, antennas, *, triggers=None):
        self.time = time
        self.low = low
        self.high = high
        self.antennas = antennas
        self.triggers = triggers

    @classmethod
    def from_recording(cls, recording, triggers=None, *, ax=None):
        """Draw a recording.

        Parameters
        ----------
        recording : Recording
            Use `Recording.between` to draw a part of the time.
        triggers : ndarray, default=None
            Table of `StreamTrigger.find`; those outside the recording are not drawn.
        %(axes)s

        Returns
        -------
        RecordingDisplay

        Raises
        ------
        TypeError, ValueError
            If there is no recording, or it has no samples.
        """
        if not isinstance(recording, Recording):
            raise TypeError(f"recording must be a Recording, got {shown(recording)}")
        fields = getattr(getattr(triggers, "dtype", None), "names", None) or ()
        if triggers is not None and "time" not in fields:
            raise TypeError(f"triggers must be what StreamTrigger finds, got {shown(triggers)}")
        n_times = recording.shape[1]
        if n_times == 0:
            raise ValueError("recording must have samples, got none")
        width = -(-n_times // _N_COLUMNS)
        ends = [[], []]
        for piece in recording.pieces(width * 200):
            starts = np.arange(0, piece.shape[1], width)
            for found, reduce in zip(ends, (np.minimum, np.maximum), strict=True):
                found.append(reduce.reduceat(piece, starts, axis=1))
        low, high = (np.concatenate(one, axis=1) for one in ends)
        scale = np.maximum(-low, high).max(axis=1, keepdims=True)
        scale[scale <= 0] = 1.0
        time = recording.time_of((np.arange(low.shape[1]) + 0.5) * width - 0.5)
        if triggers is not None:
            first, last = recording.time_of(0), recording.time_of(n_times)
            triggers = triggers[(triggers["time"] >= first) & (triggers["time"] < last)]
        names = list(recording.antennas)
        return cls(time, low / scale, high / scale, names, triggers=triggers).plot(ax)

    def plot(self, ax=None):
        """Draw the antennas above one another, and the triggers as vertical lines.

        %(plot)s
        """
        self.ax_ = ax = axes_or_new(ax)
        self.figure_ = ax.figure
        places = -2 * _SPACING * np.arange(len(self.antennas))
        for place, low, high in zip(places, self.low, self.high, strict=True):
            if np.array_equal(low, high):
                ax.plot(self.time, place + low, color=DATA_COLOR, linewidth=0.6)
            else:
                ax.fill_between(
                    self.time, place + low, place + high, color=DATA_COLOR, linewidth=0.3
                )
        if self.triggers is not None and len(self.triggers):
            at = places[self.triggers["antenna"]]
            ax.vlines(self.triggers["time"], at - 1, at + 1, color=TRUTH_COLOR, linewidth=1.0)
        ax.set(xlabel="Time / µs", ylabel="Antenna", xlim=(self.time[0], self.time[-1]))
        ax.set_yticks(places, self.antennas)
        return self
