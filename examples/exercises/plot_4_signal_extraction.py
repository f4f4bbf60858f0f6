"""
Exercises 4 and 5: signal extraction
====================================

A network that recovers the pulse from a trace: its layers, its training data, and its errors beside
those of a linear filter and of the best possible estimate.
"""

# %%
# The network (exercise 4). A classifier sums over time and returns one number: the logit of the
# recommended detector is the log-sum-exp of its logits at all arrival times. A denoiser returns a
# value for every sample, so it must not pool. `RecurrentDenoiser` has a convolution and recurrent
# layers too. The recurrent layers decide *when* the output of each filter belongs to a pulse, and a
# transposed convolution turns these outputs into a signal. The loss is the mean square error
# instead of the cross entropy. The last layer is linear, because amplitudes have both signs.

import os

import numpy as np

from sklearn_aera.datasets import make_traces
from sklearn_aera.inspection import RecoveryDisplay
from sklearn_aera.likelihood import LikelihoodRatioClassifier
from sklearn_aera.metrics import bias_and_resolution, energy_ratio, normalized_mean_squared_error
from sklearn_aera.neural_network import make_denoiser, make_detector
from sklearn_aera.preprocessing import WienerFilter

quick = "SKLEARN_AERA_QUICK" in os.environ  # small, for tests
n_train, n_test, n_epochs = (200, 200, 1) if quick else (20_000, 2000, 8)
train = make_traces(n_train, snr=(0.5, 5.0), random_state=0)
test = make_traces(n_test, snr=(0.5, 5.0), first_event_id=10**6, random_state=0)

traces, y, signals = train.traces[:200], train.y[:200], train.signals[:200]
detector = make_detector(epochs=1, random_state=0).fit(traces, y, signals=signals)
denoiser = make_denoiser(epochs=1, random_state=0).fit(traces, signals)
for name, model in {"detector": detector, "denoiser": denoiser}.items():
    network = (model if name == "denoiser" else model[-1]).model_
    print(f"{name}: {network.count_params()} parameters; shapes after the layers with weights:")
    for layer in network.layers:
        if layer.weights:
            print(f"  {layer.name} {layer.output.shape[1:]}")

# %%
# The data (exercise 5). The target of a trace is its true signal in mV. It is zero for half of the
# traces, so that the network learns not to invent pulses. The denoiser itself divides each trace by
# its standard deviation, whitens it, and scales the output back to mV; a normaliser in front of it
# would lose the scale. With simulated data, every epoch has new events.

denoiser.set_params(epochs=n_epochs, max_shift=0)
denoiser.fit_simulated(n_events=n_train, snr=(0.5, 5.0), first_event_id=10**9)

# %%
# The denoiser is compared with the best linear filter, and with the best possible estimate: the
# mean of the signal given the trace. An estimate that is always zero has an error of 0 dB.

limit = LikelihoodRatioClassifier(times_per_sample=4, n_slopes=4, n_phases=4)
methods = {
    "Wiener filter": WienerFilter().fit(train.traces, train.y).transform,
    "denoiser": denoiser.predict,
    "posterior mean (limit)": limit.fit(train.traces, train.y).posterior_mean,
}
pulses = test.y == 1
strong = pulses & (test.snr > 3)
for name, recover in methods.items():
    error = normalized_mean_squared_error(test.signals[pulses], recover(test.traces[pulses]))
    ratio = energy_ratio(test.signals[strong], recover(test.traces[strong]))
    bias, resolution = bias_and_resolution(ratio - 1)
    print(
        f"{name}: error {10 * np.log10(error):.1f} dB; above SNR 3 the energy has a bias of "
        f"{bias.value:+.1%} and a resolution of {resolution.value:.1%}"
    )

# %%
# A pulse at a signal-to-noise ratio of 2, in time and in frequency. The carriers are removed.

row = int(np.argmin(np.abs(test.snr - 2.0)))
shown = RecoveryDisplay.from_predictions(
    test.traces[row],
    methods["denoiser"](test.traces[row : row + 1])[0],
    signal=test.signals[row],
)
