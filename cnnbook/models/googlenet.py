"""GoogLeNet: nine Inception modules and two auxiliary classifiers."""

from typing import NamedTuple

import torch
from torch import nn

from cnnbook.models.building import remembered
from cnnbook.models.inception import ConvUnit, Inception

MODULES = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}
"""Arguments of each `Inception`: the rows of the paper's Table 1, after the input channels."""


class GoogLeNetOutput(NamedTuple):
    """Scores of the three classifiers, in the order of torchvision."""

    logits: torch.Tensor
    aux_logits2: torch.Tensor
    aux_logits1: torch.Tensor


class AuxiliaryClassifier(nn.Module):
    """A small classifier on the maps half way, whose loss is added while training.

    As in torchvision it averages over 4×4 bins as even as possible and normalises the batch, in
    place of the paper's windows of 5×5 every 3 cells.
    """

    def __init__(self, in_channels, num_classes, torchvision=False):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4) if torchvision else nn.AvgPool2d(5, stride=3)
        self.conv = ConvUnit(in_channels, 128, 1, batch_norm=torchvision)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x):
        """Take (N, in_channels, 14, 14) to (N, num_classes)."""
        x = self.flatten(self.conv(self.pool(x)))
        return self.fc2(self.dropout(self.relu(self.fc1(x))))


@remembered
class GoogLeNet(nn.Module):
    """GoogLeNet (Inception v1) for images of 224×224.

    ===========  ==========================  ===========  ===================================
    layer        what                        output       parameters
    ===========  ==========================  ===========  ===================================
    conv1        7×7, stride 2               64 × 112²    9,472
    maxpool1     3×3 / 2, then LRN           64 × 56²
    conv2, 3     1×1, then 3×3; then LRN     192 × 56²    4,160, 110,784
    maxpool2     3×3 / 2                     192 × 28²
    3a, 3b       Inception                   480 × 28²    163,696, 388,736
    maxpool3     3×3 / 2                     480 × 14²
    4a to 4e     Inception                   832 × 14²    376,176, 449,160, 510,104, 605,376,
                                                          868,352
    maxpool4     3×3 / 2                     832 × 7²
    5a, 5b       Inception                   1024 × 7²    1,043,456, 1,444,080
    avgpool, fc  mean of each map, dense     1000         1,025,000
    ===========  ==========================  ===========  ===================================

    Biases are counted: 6,998,552 parameters for 1000 classes, and 13,378,280 with the two
    auxiliary classifiers (`aux_logits`), which are used in training mode alone. The paper's table
    rounds, and in places its numbers are not what its own sizes come to.

    `torchvision` builds torchvision's variant, whose state dict is interchangeable with that of
    ``torchvision.models.googlenet(aux_logits=True, init_weights=False)``. Departures from the paper
    there: 3×3 in place of 5×5 (ported so from TensorFlow with its weights: issue 906), batch
    normalisation in place of biases and LRN, 2×2 windows in maxpool4, another average in the
    auxiliary classifiers and 0.2 in place of 0.4 as the dropout: 6,624,904 parameters, and
    13,004,888 with the auxiliary classifiers.

    Szegedy et al. (2015), Going deeper with convolutions, arXiv:1409.4842, table 1.
    """

    def __init__(self, num_classes=1000, in_channels=3, *, aux_logits=True, torchvision=False):
        super().__init__()
        style = {"batch_norm": torchvision}
        self.conv1 = ConvUnit(in_channels, 64, 7, stride=2, padding=3, **style)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = ConvUnit(64, 64, 1, **style)
        self.conv3 = ConvUnit(64, 192, 3, padding=1, **style)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        # the paper gives no numbers for its LRN: AlexNet's n, α and β (see `paper_lrn`), but k = 1
        lrn = nn.Identity if torchvision else lambda: nn.LocalResponseNorm(5, 5 * 1e-4)
        self.lrn1, self.lrn2 = lrn(), lrn()
        for name, channels in MODULES.items():
            module = Inception(*channels, large_kernel=3 if torchvision else 5, **style)
            setattr(self, f"inception{name}", module)
            if name == "3b":
                self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
            elif name == "4e":
                self.maxpool4 = nn.MaxPool2d(2 if torchvision else 3, 2, ceil_mode=True)
        self.aux1 = AuxiliaryClassifier(512, num_classes, torchvision) if aux_logits else None
        self.aux2 = AuxiliaryClassifier(528, num_classes, torchvision) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.2 if torchvision else 0.4)
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, x):
        """Return the scores (N, num_classes), or in training mode a `GoogLeNetOutput`."""
        x = self.lrn1(self.maxpool1(self.conv1(x)))
        x = self.maxpool2(self.lrn2(self.conv3(self.conv2(x))))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        half_way = self.training and self.aux1 is not None
        aux1 = self.aux1(x) if half_way else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if half_way else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        logits = self.fc(self.dropout(self.flatten(self.avgpool(x))))
        return GoogLeNetOutput(logits, aux2, aux1) if half_way else logits
