"""Envelopes of finite matched filters, by overlap-save transforms: the cheap first stage."""

import numpy as np
import scipy.fft
from scipy.linalg import solve_toeplitz

from sklearn_aera._covariance import stationary_autocovariance

_REGULARIZATION = 1e-4
# Frequencies below this share of the highest power are outside of the band (assumption).
_NEGLIGIBLE = 1e-6
# White noise that is added, relative to the median spectral density in the band (assumption).
_FLOOR = 0.3
# Pieces of the background from which its covariance is estimated, and windows of each.
_N_PIECES, _WINDOWS_PER_PIECE, _N_SLOPES = 16, 100, 3
_SHORTEST_TRANSFORM, _SEGMENTS_AT_ONCE = 4096, 32


class FirstStage:
    """Envelopes behind the filters of `matched_filters`, (n_filters, n_taps).

    Windows of ``n_samples`` follow each other by ``stride``. The statistic of a window is the
    largest envelope in the ``stride`` samples at its centre, over the standard deviation of the
    filtered noise. The filters must not need samples outside the window.
    """

    def __init__(self, taps, n_samples, stride):
        self.n_samples, self.stride, self.taps = n_samples, stride, taps
        self.half = taps.shape[1] // 2
        self.n_transform = scipy.fft.next_fast_len(
            max(_SHORTEST_TRANSFORM, 4 * n_samples), real=True
        )
        # The analytic signal of a real one has half its bandwidth, and half as many samples.
        self.step = 1 if stride % 2 or self.n_transform % 2 else 2
        padded = np.pad(self.taps, ((0, 0), (0, self.n_transform - self.taps.shape[1])))
        response = scipy.fft.rfft(np.roll(padded, -self.half, axis=1), axis=1)
        response[:, 0] = 0.0
        self.responses = (2 * response).astype(np.complex64)

    @property
    def windows_per_segment(self):
        """Number of windows in a transform: pieces of the data must be multiples of it."""
        return (self.n_transform - self.n_samples) // self.stride + 1

    def statistic(self, samples, n_windows):
        """Return the statistic of windows, of shape (n_windows,), float32."""
        per_segment = self.windows_per_segment
        n_segments = -(-n_windows // per_segment)
        hop = per_segment * self.stride
        # The samples of a segment are those of its windows, wherever the data end.
        n_used = hop - self.stride + self.n_samples
        needed = (n_segments - 1) * hop + n_used
        padded = np.pad(samples, (0, max(needed - len(samples), 0)))
        segments = np.lib.stride_tricks.sliding_window_view(padded, n_used)[::hop]
        first = -(-self.half // self.step)
        cells = slice(first, first + hop // self.step)
        shape = (-1, self.stride // self.step)
        found = np.empty((n_segments, per_segment), np.float32)
        for start in range(0, n_segments, _SEGMENTS_AT_ONCE):
            rows = slice(start, min(start + _SEGMENTS_AT_ONCE, n_segments))
            envelopes = [one[:, cells].reshape(shape) for one in self._powers(segments[rows])]
            largest = np.max([one.max(axis=1) for one in envelopes], axis=0)
            found[rows] = largest.reshape(-1, per_segment)
        return np.sqrt(found.ravel()[:n_windows])

    def arrival(self, samples):
        """Return the time of the largest envelope, in samples, where the filter has its samples."""
        n_valid = len(samples) - 2 * self.half
        if n_valid < 3:
            return len(samples) / 2
        n_fast = scipy.fft.next_fast_len(2 * len(samples))
        spectrum = scipy.fft.fft(samples.astype(np.float64), n_fast)
        spectrum = spectrum * scipy.fft.fft(self.taps, n_fast, axis=1)
        spectrum[:, n_fast // 2 :] = 0.0
        # The full convolution is late by half a filter: its valid part begins at 2 half.
        envelopes = np.abs(scipy.fft.ifft(spectrum, axis=1))[:, 2 * self.half :][:, :n_valid]
        envelope = envelopes[envelopes.max(axis=1).argmax()]
        peak = int(np.clip(envelope.argmax(), 1, n_valid - 2))
        before, at, behind = envelope[peak - 1 : peak + 2]
        curvature = 2 * at - before - behind
        shift = (behind - before) / (2 * curvature) if curvature > 0 else 0.0
        return self.half + peak + float(np.clip(shift, -0.5, 0.5))

    def _powers(self, segments):
        """Yield the squared envelopes of segments, at every second sample or at all."""
        spectrum = scipy.fft.rfft(segments, self.n_transform, axis=1)
        n_kept = self.n_transform // self.step
        n_bins = min(n_kept, spectrum.shape[1])
        for response in self.responses:
            product = spectrum[:, :n_bins] * response[:n_bins]
            signal = scipy.fft.ifft(product, n_kept, axis=1, overwrite_x=True)
            power = np.square(signal.real)
            power += np.square(signal.imag)
            power /= np.float32(self.step**2)
            yield power


def fit_filters(recording, n_samples, stride, spectral_slope):
    """Return the matched filters of each antenna, of shape (n_antennas, n_slopes, n_taps)."""
    n_taps = (n_samples - stride) // 2 * 2 + 1
    size = n_taps * _WINDOWS_PER_PIECE
    n_times = recording.shape[1]
    if n_times < size * _N_PIECES:
        starts = np.arange(0, n_times, size)
    else:
        starts = np.linspace(0, n_times - size, _N_PIECES).astype(int)
    pieces = [recording.read(start, start + size) for start in starts]
    pieces = [one[:, : one.shape[1] // n_taps * n_taps] for one in pieces]
    traces = np.concatenate([one.reshape(len(one), -1, n_taps) for one in pieces], axis=1)
    dead = [name for name, one in zip(recording.antennas, traces, strict=True) if np.ptp(one) == 0]
    if dead:
        names = f"antenna {dead[0]} is" if len(dead) == 1 else f"antennas {', '.join(dead)} are"
        raise ValueError(f"X: {names} constant in the parts that were read")
    low, high = spectral_slope
    slopes = low + (high - low) * (np.arange(_N_SLOPES) + 0.5) / _N_SLOPES
    return np.stack([matched_filters(one, recording.sampling_rate, slopes) for one in traces])


def matched_filters(background, sampling_rate, slopes):
    """Return filters for pulses of some slopes in the band of the background, (n_slopes, n_taps).

    The background is traces of the length of the filters, (n_traces, n_taps), an odd number.

    A filter is the solution of R g = s for the covariance R of the noise and the pulse s at its
    centre: no filter of this length has a higher signal-to-noise ratio (Turin 1960,
    DOI 10.1109/TIT.1960.1057571). The noise behind it has unit variance.
    """
    n_taps = background.shape[1]
    covariance = stationary_autocovariance(background, _REGULARIZATION, frequencies_per_sample=16)
    window = np.blackman(n_taps)
    power = np.mean(np.abs(scipy.fft.rfft(background * window, axis=1)) ** 2, axis=0)
    inside = np.median(power[power > _NEGLIGIBLE * power.max()])
    # The band of the pulse is known to the resolution of the filter alone: white noise keeps it
    # from the edges, where there seems to be no noise.
    covariance[0] += _FLOOR * inside / np.square(window).sum()
    band = np.minimum(power / inside, 1.0)
    gigahertz = scipy.fft.rfftfreq(n_taps, 1 / sampling_rate) * 1e-3
    pulses = [10 ** (slope * gigahertz) * band for slope in slopes]
    pulses = scipy.fft.fftshift(scipy.fft.irfft(pulses, n_taps, axis=1), axes=1)
    taps = solve_toeplitz(covariance, pulses.T).T
    filtered = background @ taps[:, ::-1].T
    return taps / np.sqrt(np.mean(filtered**2, axis=0))[:, None]
