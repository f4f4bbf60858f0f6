"""Texts that the docstrings of several estimators with a network share."""

TEXTS = {
    "cell": """
cell : {"gru", "lstm", "simple_rnn"}, default="gru"
    The recurrent cell.
hidden_size : int or tuple of int, default=32
    Number of units of the recurrent layer, or of each of several.
bidirectional : bool, default=True
    Whether a second recurrent layer reads the sequence backwards in time.""",
    "training": """
dropout : float, default=0.0
    Share of the last layer's inputs dropped while training, at least 0 and below 1.
learning_rate : float, default=1e-3
    Step size of the Adam optimiser.
learning_rate_schedule : {"constant", "cosine"}, default="constant"
    Keep the step size, or let it rise over the first tenth of the training and then fall along
    half a cosine to zero.
weight_decay : float, default=0.0
    Decay of the weights per step, in units of the step size (AdamW, arXiv:1711.05101).
flip_polarity : bool, default=False
    Flip the polarity of a random half of the training traces in each epoch: noise has no
    preferred sign, and pulses come with both. Signals are flipped with their traces.
max_shift : int, default=0
    Shift each training trace by up to this many samples in each epoch, cyclically: noise is
    stationary and pulses arrive at any time. Signals are shifted with their traces.
batch_size : int, default=128
    Traces per training step.
epochs : int, default=10
    Number of passes over the training data; with ``early_stopping`` the largest number.
early_stopping : bool, default=False
    Set a share of the training data aside, stop when the loss on it no longer falls, and restore
    the weights of the lowest loss.
validation_fraction : float, default=0.1
    Share of the training data that ``early_stopping`` sets aside.
n_iter_no_change : int, default=5
    Epochs without improvement after which training stops.
tol : float, default=1e-4
    Smallest decrease of the loss that counts as an improvement.
warm_start : bool, default=False
    Whether `fit` continues from the weights of the last call.
random_state : int, RandomState instance or None, default=None
    Seed of initial weights, order of the traces, augmentation, dropout and validation split.
verbose : int, default=0
    Print a line per epoch if above 0.""",
    "class_weight": """
class_weight : dict, "balanced" or None, default=None
    Weights of the classes; "balanced" weights them inversely to their frequencies.""",
    "traces": """
Parameters
----------
X : array-like of shape (n_traces, n_samples) or (n_traces, n_channels, n_samples)
    Traces; float32 is taken without a copy.""",
    "sample_weight": """
sample_weight : array-like of shape (n_traces,), default=None
    Weight of each trace, at least 0.""",
    "validation": """
X_val, y_val : array-like, default=None
    Validation data, on which the network is not trained, as ``X`` and ``y``. After each epoch
    ``history_`` gets the loss on them, and for a classifier the accuracy, and ``early_stopping``
    uses them instead of a share of the training data.""",
    "attributes": """
%(trace_shape)s
architecture_ : Architecture
    Description of the fitted network.
weights_ : list of ndarray
    Weights of the network, in Keras' order.
optimizer_state_ : list of ndarray
    State of the optimiser, from which training can continue.
n_iter_ : int
    Number of trained epochs, with those of earlier calls that this training continued.
seed_ : int
    Seed drawn from ``random_state``.""",
    "classifier_attributes": """
classes_ : ndarray of shape (n_classes,)
    The labels, in increasing order.
%(attributes)s
history_ : dict of list of float
    ``loss`` and ``accuracy`` of each epoch; with validation data ``val_loss`` and
    ``val_accuracy`` too.""",
}
