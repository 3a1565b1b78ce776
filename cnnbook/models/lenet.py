"""LeNet as it is written today: two convolutions and three dense layers."""

from torch import nn

from cnnbook.models.building import Stack, remembered

POOLS = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}


@remembered
class LeNet(Stack):
    """LeNet-5 in its modern form: 61,706 parameters for one channel and ten classes.

    ======  ==================================  ==============  ==========
    layer   what                                output          parameters
    ======  ==================================  ==============  ==========
    0       convolution 5×5, padding 2          6 × 28 × 28            156
    1, 2    activation, 2×2 pooling             6 × 14 × 14              0
    3       convolution 5×5                     16 × 10 × 10         2,416
    4, 5    activation, 2×2 pooling             16 × 5 × 5               0
    6, 7    flatten, dense                      120                 48,120
    8, 9    activation, dense                   84                  10,164
    10, 11  activation, dense                   10                     850
    ======  ==================================  ==============  ==========

    Biases are counted. The layers and the names of the parameters are those of
    `cnnbook.numpy_net.lenet`, so that a state of one loads into the other.

    Departures from the paper (`LeNet5` is the paper's network): pooling without parameters, every
    map of the second convolution sees all six of the first, a dense layer at the end in place of
    radial basis functions, ReLU and maximum in place of a scaled tanh and a sum.

    The first convolution pads by 2 for images of 28×28; for 32×32 it is 0. `activation` is a class
    of module, `pool` "max" or "avg".

    LeCun, Bottou, Bengio & Haffner (1998), Gradient-Based Learning Applied to Document
    Recognition, Proceedings of the IEEE 86(11), section II, doi:10.1109/5.726791.
    """

    def __init__(self, in_channels=1, num_classes=10, padding=2, activation=nn.ReLU, pool="max"):
        if pool not in POOLS:
            raise ValueError(f'pool must be "max" or "avg", got {pool!r}')
        pooling = POOLS[pool]
        super().__init__(
            nn.Conv2d(in_channels, 6, 5, padding=padding), activation(), pooling(2),
            nn.Conv2d(6, 16, 5), activation(), pooling(2),
            nn.Flatten(), nn.Linear(16 * 5 * 5, 120), activation(),
            nn.Linear(120, 84), activation(),
            nn.Linear(84, num_classes),
        )  # fmt: skip
