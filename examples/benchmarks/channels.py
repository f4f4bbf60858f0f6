"""What a second channel adds to the detection of pulses, and how far detectors are from the limit.

Run as::

    python examples/benchmarks/channels.py [--only TABLE ...] [--pulses FILE] [--snr SNR]
        [--quick] [--json FILE]

The antenna has two arms, at the azimuths 0 and 90 degrees. The polarization of the pulses is
uniform, and their signal-to-noise ratio that of the stronger channel. The default noise, with
carriers that are common to both channels, is estimated from the training traces. All rows are
measured on the same test events, half of them with a pulse.

The tables:

- detectors: "one channel" is the antenna without its second arm: of the same pulses it receives
  the component along the first arm, and its likelihood ratio is averaged over the polarization,
  too. "Stronger channel" is the arm that receives more of each pulse, and the first arm for noise:
  an antenna along the field, if it were known. "Each alone" is the likelihood ratio of both
  channels without the covariance between them. The recommended network is trained on the training
  traces with their signals, and on 60 epochs of 20 000 new events.
- covariance: the likelihood ratio beside that with the true covariance of both channels, a matrix
  of twice the size, in traces of 300 samples. The carriers are the same in both channels, as by
  default, or have one polarization each. Then the estimate, which is for mixtures of uncorrelated
  components, is not exact.
- coreas: the detectors of the first table, which know analytic pulses, on the electric
  fields of a CoREAS file (``--pulses``) along the two arms, which are turned by 45 degrees. With
  arms to the north and west, the field of one shower may be along one of them.

"Below limit" is the difference to the likelihood ratio of both channels, with the error of this
difference (DeLong).
"""

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from errors import area, log_losses, mean
from report import Report, Target, input_file, make_parser
from scipy.linalg import toeplitz
from traces import FIRST_ENDLESS_ID, SEED

from sklearn_aera._templates import white_batches
from sklearn_aera.datasets import load_coreas, make_traces
from sklearn_aera.feature_extraction import MatchedFilter, SNRCalculator
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.likelihood._marginal import fit_noise_scale, log_likelihood_ratio
from sklearn_aera.metrics import binomial_interval, tpr_at_fpr
from sklearn_aera.neural_network import make_detector
from sklearn_aera.preprocessing import ChannelCovariance
from sklearn_aera.simulation import AntennaNoise, TraceSimulator

ARMS, TURNED_ARMS = (0, 90), (45, 135)
FPR, LIMIT = 0.01, "likelihood ratio, two channels"
FIRST_TEST_ID, SHORT, N_ANGLES, RIDGE = 10**8, 300, 16, 1e-5
FORMATS = {"AUC": ".4f", "TPR": ".4f", "AUC below limit": ".4f", "TPR below limit": ".4f"}


@dataclass(frozen=True)
class Size:
    """How much work the benchmark does."""

    n_train: int
    n_test: int
    epochs: int
    n_epoch: int
    endless_epochs: int


FULL, QUICK = Size(4000, 10_000, 60, 20_000, 60), Size(200, 200, 1, 200, 1)


@dataclass(eq=False, repr=False)
class PolarizedCarriers(AntennaNoise):
    """Antenna noise whose carriers have one polarization each, at angles in degrees."""

    angles: tuple = (20.0, 60.0, 100.0, 160.0)

    @property
    def gains(self):
        """Amplitude of each carrier along each arm, (n_channels, n_carriers)."""
        return np.sqrt(2) * np.cos(np.deg2rad(np.subtract.outer(ARMS, self.angles)))

    def traces(self, uniform, normal):
        """Compute noise traces, as `AntennaNoise` does, channel by channel."""
        waves, channels = self.carrier_waves_, []
        for gain, part in zip(self.gains, normal.swapaxes(0, 1), strict=True):
            self.carrier_waves_ = waves * np.tile(gain, 2)[:, None].astype(np.float32)
            channels.append(super().traces(uniform, part))
        self.carrier_waves_ = waves
        return np.stack(channels, axis=1)


def make(n, snr, first=0, arms=ARMS, **station):
    """Simulate events of an antenna with two arms."""
    simulator = TraceSimulator(arms=arms, **station)
    options = {"simulator": simulator, "first_event_id": first, "random_state": SEED}
    return make_traces(n, snr=snr, **options)


def row(name, y, score, reference):
    """AUC, and true-positive rate with its binomial interval, beside those of a reference."""
    rate, of_reference = (tpr_at_fpr(y, s, max_fpr=FPR) for s in (score, reference))
    n_pulses = int(np.sum(y == 1))
    result = {"detector": name, "AUC": area(y, score)}
    result["TPR"] = tuple(binomial_interval(round(rate * n_pulses), n_pulses))
    if score is not reference:
        result["AUC below limit"] = area(y, score, reference)
        result["TPR below limit"] = float(of_reference - rate)
    return result


def ratio_of_one_arm(train, snr):
    """Log likelihood ratio of the first channel, averaged over the polarization."""
    limit = LikelihoodRatioClassifier(snr=snr).fit(train.traces[:, 0], train.y)
    # Of the polarizations up to 45 degrees from the arm, the pulse has the full ratio in it.
    angle = np.pi / 2 * (np.arange(N_ANGLES) + 0.5) / N_ANGLES
    part = np.minimum(1 / np.tan(angle), 1)
    parts, counts = np.unique(part.round(9), return_counts=True)
    amplitudes = limit.pulse_prior_.amplitude(snr * parts[:, None]).astype(np.float32)
    known = limit.bank_, amplitudes, counts / N_ANGLES, limit.scale_, limit.degrees_of_freedom_
    return lambda test: log_likelihood_ratio(test.traces[:, 0], *known)


def ratio_of_stronger_arm(train, snr):
    """Log likelihood ratio of the channel in which the pulse is stronger."""
    limit = LikelihoodRatioClassifier(snr=snr).fit(train.traces[:, 0], train.y)

    def score(test):
        stronger = np.abs(test.signals).max(axis=2).argmax(axis=1)
        return limit.decision_function(test.traces[np.arange(len(test.y)), stronger])

    return score


def ratio_of_each(train, snr):
    """Log likelihood ratio of both channels as if their noise were independent."""
    channels = train.traces.copy()
    background = np.flatnonzero(train.y == 0)
    # The second channel of another event has the same covariance, without the common carriers.
    channels[background, 1] = train.traces[np.roll(background, 1), 1]
    return score_of(LikelihoodRatioClassifier(snr=snr).fit(channels, train.y))


def score_of(detector, channels=slice(None)):
    """Function that gives a fitted detector's scores of the traces of events."""

    def score(test):
        traces = test.traces[:, channels]
        if hasattr(detector, "decision_function"):
            return detector.decision_function(traces)
        return detector.transform(traces)[:, 0]

    return score


def networks(train, snr, size):
    """The recommended network trained on the traces with their signals, and on new events."""
    few = make_detector(epochs=size.epochs, random_state=SEED)
    yield f"{size.n_train:,}", few.fit(train.traces, train.y, signals=train.signals)
    endless = make_detector(epochs=size.endless_epochs, random_state=SEED)
    options = {"preprocessing": endless[:-1].fit(train.traces, train.y), "snr": snr}
    simulator = TraceSimulator(arms=ARMS, random_state=SEED)
    endless[-1].fit_simulated(simulator, size.n_epoch, first_event_id=FIRST_ENDLESS_ID, **options)
    yield "endless", endless


@cache
def fitted_scores(snr, size):
    """Functions that score events, by the name of the detector, which is fitted."""
    train = make(size.n_train, snr)
    found = {LIMIT: score_of(LikelihoodRatioClassifier(snr=snr).fit(train.traces, train.y))}
    found["likelihood ratio, each alone"] = ratio_of_each(train, snr)
    found["likelihood ratio, one channel"] = ratio_of_one_arm(train, snr)
    found["likelihood ratio, stronger channel"] = ratio_of_stronger_arm(train, snr)
    for name, make_extractor in {"matched filter": MatchedFilter, "SNR": SNRCalculator}.items():
        for channels, text in ((slice(None), "two channels"), (0, "one channel")):
            fitted = make_extractor().fit(train.traces[:, channels], train.y)
            found[f"{name}, {text}"] = score_of(fitted, channels)
    for data, detector in networks(train, snr, size):
        found[f"detector, two channels, {data}"] = score_of(detector)
    return found


def measure_detectors(size, snr, **station):
    test = make(size.n_test, snr, FIRST_TEST_ID, **station)
    found = {name: score(test) for name, score in fitted_scores(snr, size).items()}
    for name, score in found.items():
        yield row(name, test.y, score, found[LIMIT])


def measure_covariance(size, snr):
    noises = {"the same": AntennaNoise(), "of one polarization each": PolarizedCarriers()}
    for carriers, noise in noises.items():
        station = {"n_samples": SHORT, "noise": noise}
        train = make(size.n_train, snr, **station)
        test = make(size.n_test, snr, FIRST_TEST_ID, **station)
        limit = LikelihoodRatioClassifier(snr=snr, priors=[0.5, 0.5]).fit(train.traces, train.y)
        background = train.traces[train.y == 0]
        truth = ratio_given(limit, noise, background, test.traces)
        found = {"true covariance": truth, "estimated": limit.decision_function(test.traces)}
        found["each alone"] = ratio_of_each(train, snr)(test)
        for name, score in found.items():
            losses = {"log loss": mean(log_losses(test.y, score))}
            yield {"carriers": carriers} | row(name, test.y, score, truth) | losses


class BlockCovariance(ChannelCovariance):
    """Covariance of all channels as one matrix: its first field is the inverse of this matrix."""

    def solve(self, X):
        """Return traces times the inverse."""
        return (X.reshape(len(X), -1) @ self.unmixing).reshape(X.shape)


def ratio_given(limit, noise, background, traces):
    """What a fitted classifier computes, but with the true covariance of both channels."""
    matrix, std = true_covariance(noise.prepare(limit.bank_.grid))
    inverse = np.linalg.inv(matrix + RIDGE * np.eye(2 * SHORT))
    energy = [_energy(limit.bank_, weights, inverse) for weights in limit.bank_.weights]
    bank = limit.bank_._replace(
        covariance=BlockCovariance(inverse, ()),
        energy=np.array(energy, dtype=np.float32),
        n_values=2 * SHORT - RIDGE * np.trace(inverse),
    )
    power = np.concatenate([power for *_, power in white_batches(background, bank, std)])
    variance, degrees = fit_noise_scale(power, bank.n_values)
    options = limit.amplitudes_, limit.snr_weights_, std * np.sqrt(variance), degrees
    return log_likelihood_ratio(traces, bank, *options)


def true_covariance(noise):
    """Covariance of both channels over their standard deviations, and these in mV."""
    cosines = noise.carrier_waves_[: len(noise.carrier_power_)].astype(float)
    gains = getattr(noise, "gains", np.ones((2, len(cosines))))
    lags = np.einsum("kc,lc,c,cs->kls", gains, gains, noise.carrier_power_, cosines)
    broadband = noise.autocovariance() - noise.carrier_power_ @ cosines
    lags += np.eye(2)[:, :, None] * broadband
    std = np.sqrt(np.diag(lags[:, :, 0]))
    blocks = lags / np.outer(std, std)[:, :, None]
    return np.block([[toeplitz(block) for block in row] for row in blocks]), std


def _energy(bank, weights, inverse):
    in_phase, quadrature = bank.quadratures(slice(None))
    channels = [
        cosine[:, None] * in_phase + sine[:, None] * quadrature
        for cosine, sine in zip(weights[::2], weights[1::2], strict=True)
    ]
    pulses = np.concatenate(channels, axis=1)
    return np.einsum("ci,ci->c", pulses @ inverse, pulses)


def main(arguments=None):
    parser = make_parser(__doc__, ("detectors", "covariance", "coreas"))
    parser.add_argument("--pulses", type=input_file, help="CoREAS file for the third table")
    parser.add_argument("--snr", type=float, default=1.5, help="ratio of all pulses")
    options = parser.parse_args(arguments)
    size, snr = QUICK if options.quick else FULL, options.snr
    report = Report("channels", options)
    title = f"SNR {snr:g}, {size.n_train} training and {size.n_test} test events"

    def measure(name, text, rows):
        return report.measure(name, f"{text}, {title}", rows, FORMATS)

    tables = [measure("detectors", "Detectors", lambda: measure_detectors(size, snr))]
    measure("covariance", "Covariance", lambda: measure_covariance(size, snr))
    if options.pulses:
        station = {"pulse": load_coreas(options.pulses, component="all").pulses}
        station["arms"] = TURNED_ARMS
        rows = partial(measure_detectors, size, snr, **station)
        tables.append(measure("coreas", "Pulses of CoREAS", rows))
    if size is FULL:
        for rows in filter(None, tables):
            below = rows[-1]["TPR below limit"]
            name = f"TPR of {rows[-1]['detector']} below the limit"
            report.targets.append(Target(name, below, at_most=0.01))
    report.finish()


if __name__ == "__main__":
    main()
