"""The layers of `RecurrentClassifier` in plain PyTorch."""

from torch import nn
from torch.nn.functional import pad

CELLS = {"simple_rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Network(nn.Module):
    """From traces (n, n_samples) to logits (n,).

    Parameters
    ----------
    cell : {"simple_rnn", "lstm", "gru"}
    hidden_size : int
        Units in each direction.
    n_filters, kernel_size, stride : int
        Convolution in front; with 0 filters the frames of samples that are the sequence.
    n_samples : int
    """

    def __init__(self, cell, hidden_size, n_filters, kernel_size, stride, n_samples):
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        self.n_missing = (-(-n_samples // stride) - 1) * stride + kernel_size - n_samples
        self.filters = nn.Conv1d(1, n_filters, kernel_size, stride) if n_filters else None
        options = {"batch_first": True, "bidirectional": True}
        self.recurrent = CELLS[cell](n_filters or kernel_size, hidden_size, **options)
        self.logits = nn.Linear(2 * hidden_size, 1)

    def forward(self, x):
        if self.filters is None:
            steps = x.unfold(1, self.kernel_size, self.stride)
        else:
            padded = pad(x, (self.n_missing // 2, self.n_missing - self.n_missing // 2))
            steps = self.filters(padded[:, None]).relu().transpose(1, 2)
        return self.logits(self.recurrent(steps)[0].amax(1))[:, 0]
