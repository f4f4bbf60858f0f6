"""
Exercises 4 and 5: signal extraction
====================================

How do the network and the data change if the pulse itself is wanted, not the answer whether there
is one?
"""

# %%
# The network (exercise 4). A classifier reads the trace, keeps what is largest over time and gives
# one number. A denoiser must not pool: it gives a value for every sample. `RecurrentDenoiser` keeps
# the convolution and the recurrent layers, which now say *when* each of its filters is to be
# believed; what the filters see there is put together again by a transposed convolution. The loss
# is the mean square error, not the cross entropy, and the last layer is linear: amplitudes have
# both signs.

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

detector = make_detector(epochs=1, random_state=0).fit(train.traces[:200], train.y[:200])
denoiser = make_denoiser(epochs=1, random_state=0).fit(train.traces[:200], train.signals[:200])
for name, model in {"detector": detector, "denoiser": denoiser}.items():
    network = (model if name == "denoiser" else model[-1]).model_
    print(f"{name}: {network.count_params()} parameters, outputs of the layers that have them:")
    for layer in network.layers:
        if layer.weights:
            print(f"  {layer.name} {layer.output.shape[1:]}")

# %%
# The data (exercise 5). The target of a trace is its true signal in mV, all zero for noise alone:
# half of the traces have none, so that the network learns to invent nothing. The denoiser divides
# each trace by its standard deviation and whitens it inside, and multiplies what comes out: a step
# of a pipeline in front would lose the scale. Simulated data have no end: every epoch sees new
# events.

denoiser.set_params(epochs=n_epochs, max_shift=0)
denoiser.fit_simulated(n_events=n_train, snr=(0.5, 5.0), first_event_id=10**9)

# %%
# Judged beside the best linear filter and the best possible estimate, the mean of the signal given
# the trace. An error of 0 dB is that of giving nothing at all.

limit = LikelihoodRatioClassifier(times_per_sample=4, n_slopes=4, n_phases=4)
methods = {
    "Wiener filter": WienerFilter().fit(train.traces, train.y).transform,
    "denoiser": denoiser.predict,
    "posterior mean (limit)": limit.fit(train.traces, train.y).posterior_mean,
}
pulses = test.y == 1
strong = pulses & (test.events[:, 1] > 3)
for name, recover in methods.items():
    error = normalized_mean_squared_error(test.signals[pulses], recover(test.traces[pulses]))
    ratio = energy_ratio(test.signals[strong], recover(test.traces[strong]))
    bias, resolution = bias_and_resolution(ratio - 1)
    print(
        f"{name}: error {10 * np.log10(error):.1f} dB; above SNR 3 the energy has a bias of "
        f"{bias.value:+.1%} and a resolution of {resolution.value:.1%}"
    )

# %%
# A pulse at a signal-to-noise ratio of 2, in time and in frequency: the carriers are gone.

row = int(np.argmin(np.abs(test.events[:, 1] - 2.0)))
shown = RecoveryDisplay.from_predictions(
    test.traces[row],
    methods["denoiser"](test.traces[row : row + 1])[0],
    signal=test.signals[row],
)
