"""A convolutional network along one axis: for signals and for text."""

from torch import nn

from cnnbook.models.building import Stack, remembered

LAST_POOLS = {"max": nn.AdaptiveMaxPool1d, "avg": nn.AdaptiveAvgPool1d}
POOLS = {"max": nn.MaxPool1d, "avg": nn.AvgPool1d}


@remembered
class Net1d(Stack):
    """Convolutions along time or text, each with an activation and a pooling over 2 steps.

    At the end one number per channel is left, whatever the length: its maximum, "does it occur
    anywhere?", or its mean, "how much of it is there?". So one network takes sequences of all
    lengths that its poolings can halve. As given it has 13,642 parameters, biases counted.

    The channels of the input are the sensors of a signal; for text they are the alphabet: a
    convolution over one-hot letters of shape (N, alphabet, length) has one weight per letter, place
    and output channel. `widths` are the output channels of each convolution, `kernel_size` is odd,
    so that it keeps the length, and `pool`, "max" or "avg", is the kind of all poolings.

    Kim (2014), Convolutional Neural Networks for Sentence Classification, arXiv:1408.5882: the
    maximum over time.
    """

    def __init__(
        self, in_channels=1, num_classes=10, widths=(16, 32, 64), kernel_size=5,
        activation=nn.ReLU, pool="max",
    ):  # fmt: skip
        if pool not in POOLS:
            raise ValueError(f'pool must be "max" or "avg", got {pool!r}')
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}, must be odd")
        if not widths:
            raise ValueError("widths is empty, expected at least one convolution")
        layers, channels = [], in_channels
        for out_channels in widths:
            layers += [nn.Conv1d(channels, out_channels, kernel_size, padding=kernel_size // 2)]
            layers += [activation(), POOLS[pool](2)]
            channels = out_channels
        layers[-1] = LAST_POOLS[pool](1)  # the last pooling takes all that is left
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels, num_classes))
