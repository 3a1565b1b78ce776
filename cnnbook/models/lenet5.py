"""LeNet-5 as the paper of 1998 has it: seven layers, 60,000 trainable parameters."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.models.building import Stack, remembered

C3_TABLE = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
"""Which maps of S2 each of the 16 maps of C3 sees: the paper's Table I, column by column."""


def _draw(module, fan_in):
    """Draw the parameters uniformly up to ±2.4 / fan_in, as appendix A of the paper says."""
    for parameter in module.parameters(recurse=False):
        nn.init.uniform_(parameter, -2.4 / fan_in, 2.4 / fan_in)
    return module


class ScaledTanh(nn.Module):
    """Squash by 1.7159 · tanh(2x / 3), which takes 1 to 1 and −1 to −1."""

    def forward(self, x):
        """Squash number by number."""
        return 1.7159 * torch.tanh(x * 2 / 3)


class Subsampling(nn.Module):
    """Sum each 2×2 square, times one trainable coefficient a map, plus one bias a map."""

    def __init__(self, channels):
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        _draw(self, fan_in=4)

    def forward(self, x):
        """Take (N, C, H, W) to (N, C, H // 2, W // 2)."""
        sums = F.avg_pool2d(x, 2, divisor_override=1)
        return sums * self.coefficient[:, None, None] + self.bias[:, None, None]


class TableConv2d(nn.Module):
    """A convolution in which each output map sees only the input maps that its row names.

    `weight` holds one kernel per entry of the table, in its order.
    """

    def __init__(self, in_channels, table, kernel_size):
        super().__init__()
        pairs = [(out, into) for out, row in enumerate(table) for into in row]
        if any(not 0 <= into < in_channels for _, into in pairs):
            raise ValueError(f"the table names maps outside the {in_channels} of the input")
        self.register_buffer("pairs", torch.tensor(pairs).T, persistent=False)
        self.kernel_size = (kernel_size, kernel_size)
        self.shape = (len(table), in_channels, *self.kernel_size)
        self.weight = nn.Parameter(torch.empty(len(pairs), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(len(table)))
        fan_in = torch.tensor([float(len(row)) for row in table]) * kernel_size**2
        with torch.no_grad():
            self.bias.uniform_(-2.4, 2.4).div_(fan_in)
            self.weight.uniform_(-2.4, 2.4).div_(fan_in[self.pairs[0], None, None])

    def dense_weight(self):
        """Fill in zeros where the table has no entry: the weight of a plain `nn.Conv2d`."""
        return self.weight.new_zeros(self.shape).index_put(tuple(self.pairs), self.weight)

    def forward(self, x):
        """Convolve; the zeros are multiplied as well, which is still the fastest way."""
        return F.conv2d(x, self.dense_weight(), self.bias)


class RadialBasis(nn.Module):
    """Minus the squared distance to each of some points, one a class; they are not trained."""

    def __init__(self, points):
        super().__init__()
        self.register_buffer("points", torch.tensor(points))

    def forward(self, x):
        """Take (N, features, ...) to (N, classes, ...)."""
        points = self.points.reshape(*self.points.shape, *[1] * (x.ndim - 2))
        # a departure from the paper, whose outputs are the distances, the smallest the best
        return -(x.unsqueeze(1) - points).square().sum(2)


DIGITS = """
..###..  ...##..  .#####.  .#####.  ....##.  #######  ..####.  #######  ..###..  .#####.
.##.##.  ..###..  ##...##  ##...##  ...###.  ##.....  .##..##  ##...##  .##.##.  ##...##
##...##  .####..  ##...##  .....##  ...###.  ##.....  ##.....  ##...##  ##...##  ##...##
##...##  ...##..  .....##  .....##  ..#.##.  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...##..  .....##  .....##  ..#.##.  ##.....  ##.....  ....##.  .##.##.  ##...##
##...##  ...##..  ....##.  ..####.  .#..##.  ######.  ######.  ....##.  ..###..  ##...##
##...##  ...##..  ...##..  ....###  .#..##.  #....##  ##...##  ...##..  .##.##.  .######
##...##  ...##..  ..##...  .....##  #######  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...##..  .##....  .....##  ....##.  .....##  ##...##  ...##..  ##...##  .....##
##...##  ...##..  ##.....  .....##  ....##.  .....##  ##...##  ..##...  ##...##  .....##
.##.##.  ...##..  ##...##  ##...##  ....##.  ##...##  .##.##.  ..##...  .##.##.  ##..##.
..###..  .######  #######  .#####.  ...####  .#####.  ..###..  ..##...  ..###..  .####..
"""
"""The ten digits on 7×12 cells: what the 84 units of layer F6 are to show."""


def _bitmaps():
    """List the bitmaps of 0 to 9 as lists of 84 numbers, +1 for ink and −1 for paper."""
    rows = [line.split() for line in DIGITS.split("\n") if line]
    pictures = ["".join(row[digit] for row in rows) for digit in range(10)]
    return [[1.0 if cell == "#" else -1.0 for cell in picture] for picture in pictures]


@remembered
class LeNet5(Stack):
    """LeNet-5 of 1998: seven layers with exactly 60,000 trainable parameters.

    ======  ============================================  ============  ==========
    layer   what                                          output        parameters
    ======  ============================================  ============  ==========
    c1      6 kernels 5×5                                 6 × 28 × 28          156
    s2      sums of 2×2, one coefficient and bias a map   6 × 14 × 14           12
    c3      60 kernels 5×5, placed by `C3_TABLE`          16 × 10 × 10       1,516
    s4      sums of 2×2, one coefficient and bias a map   16 × 5 × 5            32
    c5      120 × 16 kernels 5×5                          120 × 1 × 1       48,120
    f6      dense                                         84                10,164
    output  distances to ten bitmaps of 7×12              10          (840 fixed)
    ======  ============================================  ============  ==========

    Biases are counted. Each of the layers c1 to f6 is followed by `ScaledTanh`: "units in layers
    up to F6" pass their sum through it, those of C1, S2, C3, S4 and C5 too. As computed here, c3
    takes 240,000 MACs, of which the 36 missing kernels' 90,000 multiply zeros.

    The scores are minus the paper's penalties, so that the largest is the best; `loss` is the
    paper's criterion. The bitmaps are drawn after the manner of the paper's figure 3, for the ten
    digits alone. Where the paper scales the step of each parameter by second derivatives, any
    optimiser of PyTorch may be used.

    `padding` pixels of the value `background` are added on each side of the input: 0 for 32×32 as
    in the paper, 2 for 28×28. In the paper white is −0.1 and black 1.175, so that the pixels' mean
    is about 0 and their variance about 1.

    LeCun, Bottou, Bengio & Haffner (1998), Gradient-Based Learning Applied to Document
    Recognition, Proceedings of the IEEE 86(11), section II and appendix A,
    doi:10.1109/5.726791.
    """

    def __init__(self, padding=0, background=0.0):
        layers = OrderedDict(
            c1=_draw(nn.Conv2d(1, 6, 5), 25),
            s2=Subsampling(6),
            c3=TableConv2d(6, C3_TABLE, 5),
            s4=Subsampling(16),
            c5=_draw(nn.Conv2d(16, 120, 5), 400),
            f6=_draw(nn.Linear(120, 84), 120),
        )
        rows = [("pad", nn.ConstantPad2d(padding, background))] if padding else []
        for name, layer in layers.items():
            rows += [("flatten", nn.Flatten())] if name == "f6" else []
            rows += [(name, layer), (f"{name}_tanh", ScaledTanh())]
        super().__init__(OrderedDict([*rows, ("output", RadialBasis(_bitmaps()))]))

    @staticmethod
    def loss(scores, target, j=1.0):
        """Average the paper's criterion, ``y[target] + log(exp(-j) + sum(exp(-y)))``, equation 9.

        The scores (N, 10) are minus the penalties y. `j` is the penalty of one class more, "none
        of the digits": it keeps classes whose penalty is large already from being pushed further.
        The paper gives no value but that it is positive.
        """
        rubbish = scores.new_full((len(scores), 1), -j)
        competition = torch.logsumexp(torch.cat([rubbish, scores], 1), 1)
        return (competition - scores.gather(1, target[:, None])[:, 0]).mean()
