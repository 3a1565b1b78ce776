"""AlexNet: the paper's two towers, the one tower of torchvision, and one for small images."""

import itertools
import math
from collections import OrderedDict

import torch.nn.functional as F
from torch import nn

from cnnbook.models.building import Stack, remembered


class LocalResponseNorm(nn.LocalResponseNorm):
    """PyTorch's layer, with the same numbers in less than half of the time on a CPU.

    PyTorch sums the squares of neighbouring channels by a 3-D average pooling; here they are
    shifted and added.
    """

    def forward(self, x):
        """Divide (N, C, ...) by a power of the sum of squares over neighbouring channels."""
        channels, before = x.shape[1], self.size // 2
        room = (0, 0) * (x.ndim - 2) + (before, self.size - 1 - before)
        squares = F.pad(x.square(), room)
        total = sum(squares[:, shift : shift + channels] for shift in range(self.size))
        divisor = self.k + total * (self.alpha / self.size)
        if self.beta == 0.75:  # roots are much faster than a general power
            return x * divisor.rsqrt() * divisor.sqrt().rsqrt()
        return x / divisor.pow(self.beta)


def paper_lrn():
    """Build the layer of the paper's section 3.3: k = 2, n = 5, α = 10⁻⁴, β = 0.75.

    PyTorch multiplies the sum of squares by ``alpha / size``, the paper by α alone: so alpha is
    5 · 10⁻⁴ here.
    """
    return LocalResponseNorm(size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def _classifier(in_features, hidden, num_classes, dropout, activation=nn.ReLU):
    return nn.Sequential(
        nn.Dropout(dropout), nn.Linear(in_features, hidden[0]), activation(),
        nn.Dropout(dropout), nn.Linear(hidden[0], hidden[1]), activation(),
        nn.Linear(hidden[1], num_classes),
    )  # fmt: skip


@remembered
class AlexNet2012(Stack):
    """AlexNet as in the paper, its two towers as grouped convolutions: 60,965,224 parameters.

    =====================  ===========================  ===============  ===========
    layer                  what                         output           parameters
    =====================  ===========================  ===============  ===========
    features.0             11×11, stride 4              96 × 55 × 55          34,944
    features.1 to 3        ReLU, LRN, 3×3 max pool / 2  96 × 27 × 27               0
    features.4             5×5, groups 2                256 × 27 × 27        307,456
    features.5 to 7        ReLU, LRN, 3×3 max pool / 2  256 × 13 × 13              0
    features.8             3×3                          384 × 13 × 13        885,120
    features.10            3×3, groups 2                384 × 13 × 13        663,936
    features.12            3×3, groups 2                256 × 13 × 13        442,624
    features.14            3×3 max pool / 2             256 × 6 × 6                0
    classifier.1, 4, 6     dense                        4096, 4096, 1000  58,631,144
    =====================  ===========================  ===============  ===========

    Biases are counted. Channels 0 to 47 of the first layer are the first tower's, and so on: only
    features.8 and the dense layers see both. The softmax belongs to the loss.

    Departures from the paper: images of 227×227, as its 224×224 do not give 55×55; LRN over all
    channels, as the formula of section 3.3 has it, where each GPU saw its own half; dropout on the
    inputs of the first two dense layers as in torchvision, where section 4.2 has it on their
    outputs.

    Krizhevsky, Sutskever & Hinton (2012), ImageNet Classification with Deep Convolutional Neural
    Networks, NIPS 25.
    """

    def __init__(self, num_classes=1000, in_channels=3, dropout=0.5):
        features = nn.Sequential(
            nn.Conv2d(in_channels, 96, 11, stride=4), nn.ReLU(),
            paper_lrn(), nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(),
            paper_lrn(), nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        classifier = _classifier(256 * 6 * 6, (4096, 4096), num_classes, dropout)
        parts = OrderedDict(features=features, flatten=nn.Flatten(), classifier=classifier)
        super().__init__(parts)
        self._draw()

    def _draw(self):
        """Draw the parameters as in section 5: N(0, 0.01²), biases 0 or 1."""
        ones = (4, 10, 12)  # the second, fourth and fifth convolution, and the hidden dense layers
        for part, chosen in ((self.features, ones), (self.classifier, (1, 4))):
            for number, layer in enumerate(part):
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    nn.init.normal_(layer.weight, std=0.01)
                    nn.init.constant_(layer.bias, float(number in chosen))


@remembered
class AlexNet(Stack):
    """AlexNet in one tower, as in torchvision: 61,100,840 parameters, biases counted.

    The state dict is interchangeable with that of `torchvision.models.alexnet`. Departures from
    the paper, after Krizhevsky's "One weird trick" (2014): no towers and no LRN, 64, 192, 384, 256
    and 256 channels, padding 2 in the first convolution (so that 224×224 gives 55×55), an average
    that makes any map 6×6, so that images can be of other sizes too, and dropout as in
    `AlexNet2012`. The fourth convolution has 384 channels in the text of 2014 (its footnote); the
    256 are those of the author's program cuda-convnet2, which torchvision follows.

    Krizhevsky (2014), One weird trick for parallelizing convolutional neural networks,
    arXiv:1404.5997.
    """

    def __init__(self, num_classes=1000, in_channels=3, dropout=0.5):
        features = nn.Sequential(
            nn.Conv2d(in_channels, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        classifier = _classifier(256 * 6 * 6, (4096, 4096), num_classes, dropout)
        parts = {"features": features, "avgpool": nn.AdaptiveAvgPool2d(6), "flatten": nn.Flatten()}
        super().__init__(OrderedDict(parts, classifier=classifier))


@remembered
class SmallAlexNet(Stack):
    """Five convolutions and three dense layers for images of 28×28 to 64×64: 506,090 parameters.

    ==================  =========================  ============  ==========  ==============
    layer               what                       output        parameters  MACs at 32×32
    ==================  =========================  ============  ==========  ==============
    features.conv1      5×5, then pooling          24 × 16 × 16       1,824       1,843,200
    features.conv2      3×3, then pooling          64 × 8 × 8        13,888       3,538,944
    features.conv3      3×3                        96 × 8 × 8        55,392       3,538,944
    features.conv4      3×3                        96 × 8 × 8        83,040       5,308,416
    features.conv5      3×3, then pooling          64 × 4 × 4        55,360       3,538,944
    classifier.1, 4, 6  dense                      256, 128, 10     296,586         296,192
    ==================  =========================  ============  ==========  ==============

    Biases are counted as parameters, not as MACs. An activation follows each layer but the last.
    Pooling comes as early as the image allows, so that most of the work is done on 8×8 cells. An
    average that makes any map 4×4 comes before the dense layers: it changes nothing at 32×32.

    The weights are drawn from a normal distribution of variance ``2 / fan_in`` (He et al. 2015)
    before a ReLU and of ``1 / fan_in`` before anything else, those of the last layer with the
    paper's standard deviation of 0.01; biases are 0.

    `width` is a factor to the channels and to the hidden units, rounded; `activation` a class of
    module; `lrn` normalises after the first and the second convolution, as `paper_lrn` does.
    `overlapping` pools over 3×3 every 2, else over 2×2 every 2. From an even size both give the
    same size, as the 3×3 windows hang over the border by one pixel (a departure from the paper).
    `upscale` enlarges the images first, bilinearly: 4 for the 8×8 digits of scikit-learn.
    """

    def __init__(
        self, in_channels=3, num_classes=10, *, width=1.0, activation=nn.ReLU, dropout=0.5,
        lrn=False, overlapping=True, upscale=1,
    ):  # fmt: skip
        channels = [max(1, round(count * width)) for count in (24, 64, 96, 96, 64)]
        hidden = [max(1, round(count * width)) for count in (256, 128)]
        features = OrderedDict()
        for n, (before, after) in enumerate(itertools.pairwise([in_channels, *channels]), start=1):
            kernel = 5 if n == 1 else 3
            features[f"conv{n}"] = nn.Conv2d(before, after, kernel, padding=kernel // 2)
            features[f"act{n}"] = activation()
            if lrn and n in (1, 2):
                features[f"lrn{n}"] = paper_lrn()
            if n in (1, 2, 5):
                pool = (3, 2, 1) if overlapping else (2,)
                features[f"pool{n}"] = nn.MaxPool2d(*pool)
        classifier = _classifier(channels[-1] * 16, hidden, num_classes, dropout, activation)
        parts = {"features": nn.Sequential(features), "avgpool": nn.AdaptiveAvgPool2d(4)}
        parts |= {"flatten": nn.Flatten(), "classifier": classifier}
        if upscale != 1:
            parts = {"upscale": nn.Upsample(scale_factor=upscale, mode="bilinear")} | parts
        super().__init__(OrderedDict(parts))
        # keep the size of the signals from layer to layer; begin with scores near 0
        gain = math.sqrt(2) if activation is nn.ReLU else 1
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(part.weight, std=gain / math.sqrt(part.weight[0].numel()))
                nn.init.zeros_(part.bias)
        nn.init.normal_(self.classifier[-1].weight, std=0.01)
