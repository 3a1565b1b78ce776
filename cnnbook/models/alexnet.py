"""AlexNet: the paper's two towers, the one tower of torchvision, and a small one."""

from collections import OrderedDict

from torch import nn

from cnnbook.models._stack import Stack
from cnnbook.models.normalisation import paper_lrn


def _classifier(in_features, hidden, num_classes, dropout, activation=nn.ReLU):
    """Three dense layers, dropout before the first two as in torchvision."""
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(in_features, hidden[0]),
        activation(),
        nn.Dropout(dropout),
        nn.Linear(hidden[0], hidden[1]),
        activation(),
        nn.Linear(hidden[1], num_classes),
    )


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
    channels, where each GPU saw its own half; dropout on the inputs of the first two dense layers
    as in torchvision, where the paper's section 4.2 has it on their outputs.

    Parameters
    ----------
    num_classes, in_channels : int
    dropout : float
        Probability with which an input of the first two dense layers is left out.

    References
    ----------
    Krizhevsky, Sutskever & Hinton (2012), ImageNet Classification with Deep Convolutional Neural
    Networks, NIPS 25.

    Examples
    --------
    >>> import torch
    >>> with torch.device("meta"):  # shapes without numbers: nothing to wait for
    ...     net = AlexNet2012()
    >>> sum(p.numel() for p in net.parameters())
    60965224
    """

    def __init__(self, num_classes=1000, in_channels=3, dropout=0.5):
        features = nn.Sequential(
            # a departure: the paper says 224×224, but its 55×55 units need 227×227 or padding
            nn.Conv2d(in_channels, 96, 11, stride=4),
            nn.ReLU(),
            # a departure: towers on two GPUs saw their own 48 channels only; the formula of
            # section 3.3 runs over all of the layer's, and so does this
            paper_lrn(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2),
            nn.ReLU(),
            paper_lrn(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=2),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        classifier = _classifier(256 * 6 * 6, (4096, 4096), num_classes, dropout)
        parts = {"features": features, "flatten": nn.Flatten(), "classifier": classifier}
        super().__init__(OrderedDict(parts))
        self._draw()

    def _draw(self):
        """Draw the parameters as in section 5: N(0, 0.01²), biases 0 or 1."""
        ones = (4, 10, 12)  # the second, fourth and fifth convolution, and the hidden dense layers
        for part, chosen in ((self.features, ones), (self.classifier, (1, 4))):
            for number, layer in enumerate(part):
                if isinstance(layer, (nn.Conv2d, nn.Linear)):
                    nn.init.normal_(layer.weight, std=0.01)
                    nn.init.constant_(layer.bias, float(number in chosen))


class AlexNet(Stack):
    """AlexNet in one tower, as in torchvision: 61,100,840 parameters, biases counted.

    The state dict is interchangeable with that of `torchvision.models.alexnet`. Departures from
    the paper, after Krizhevsky's "One weird trick" (2014): no towers and no LRN, 64, 192, 384, 256
    and 256 channels, padding 2 in the first convolution (so that 224×224 gives 55×55), an average
    that makes any map 6×6, so that images can be of other sizes too, and dropout as in
    `AlexNet2012`. The fourth convolution has 384 channels in the text of 2014 (its footnote); the
    256 are those of the author's program cuda-convnet2, which torchvision follows.

    Parameters
    ----------
    num_classes, in_channels : int
    dropout : float
        As in `AlexNet2012`.

    References
    ----------
    Krizhevsky (2014), One weird trick for parallelizing convolutional neural networks,
    arXiv:1404.5997.
    """

    def __init__(self, num_classes=1000, in_channels=3, dropout=0.5):
        features = nn.Sequential(
            nn.Conv2d(in_channels, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        classifier = _classifier(256 * 6 * 6, (4096, 4096), num_classes, dropout)
        average = nn.AdaptiveAvgPool2d(6)
        parts = {"features": features, "avgpool": average, "flatten": nn.Flatten()}
        super().__init__(OrderedDict(parts, classifier=classifier))
