"""An AlexNet for images of 28×28 to 64×64, with a switch for each idea of the paper."""

import math
from collections import OrderedDict

from torch import nn

from cnnbook.models._stack import Stack
from cnnbook.models.normalisation import paper_lrn

WIDTHS = (24, 64, 96, 96, 64)


class SmallAlexNet(Stack):
    """Five convolutions and three dense layers for small images: 506,090 parameters as given.

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
    Pooling comes as early as the image allows, so that most of the work is done on 8×8 cells.

    Parameters
    ----------
    in_channels, num_classes : int
    widths : sequence of five ints
        Channels of the convolutions.
    hidden : sequence of two ints
        Units of the hidden dense layers.
    width : float
        Factor to all of these, rounded.
    activation : class of nn.Module
        Called without arguments.
    dropout : float
        As in `AlexNet2012`.
    lrn : bool
        Normalise after the first and the second convolution, as `paper_lrn` does.
    overlapping : bool
        Pool over 3×3 every 2, else over 2×2 every 2. From an even size both give the same size,
        as the 3×3 windows hang over the border by one pixel (a departure from the paper).
    stride : int
        Of the first convolution: 2 for 64×64 images costs what 1 does for 32×32.
    upscale : int
        Enlarge the images first, bilinearly: 4 for the 8×8 digits of scikit-learn.

    Raises
    ------
    ValueError
        If there are not five widths or not two hidden layers.

    Notes
    -----
    The weights are drawn from a normal distribution of variance ``2 / fan_in`` (He et al. 2015)
    before a ReLU and of ``1 / fan_in`` before anything else, those of the last layer with the
    paper's standard deviation of 0.01; biases are 0. An average that makes any map 4×4 comes
    before the dense layers: it changes nothing at 32×32, and adapts other sizes.

    Examples
    --------
    >>> sum(p.numel() for p in SmallAlexNet().parameters())
    506090
    """

    def __init__(
        self,
        in_channels=3,
        num_classes=10,
        *,
        widths=WIDTHS,
        hidden=(256, 128),
        width=1.0,
        activation=nn.ReLU,
        dropout=0.5,
        lrn=False,
        overlapping=True,
        stride=1,
        upscale=1,
    ):
        if len(widths) != 5 or len(hidden) != 2:
            raise ValueError(f"expected 5 widths and 2 hidden layers, got {widths} and {hidden}")
        widths, hidden = ([max(1, round(n * width)) for n in row] for row in (widths, hidden))
        parts = OrderedDict()
        if upscale != 1:
            parts["upscale"] = nn.Upsample(scale_factor=upscale, mode="bilinear")
        parts["features"] = _features(in_channels, widths, activation, lrn, overlapping, stride)
        parts["avgpool"] = nn.AdaptiveAvgPool2d(4)
        parts["flatten"] = nn.Flatten()
        parts["classifier"] = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(widths[-1] * 16, hidden[0]),
            activation(),
            nn.Dropout(dropout),
            nn.Linear(*hidden),
            activation(),
            nn.Linear(hidden[1], num_classes),
        )
        super().__init__(parts)
        self._draw(math.sqrt(2) if activation is nn.ReLU else 1)

    def _draw(self, gain):
        """Keep the size of the signals from layer to layer; begin with scores near 0."""
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(part.weight, std=gain / math.sqrt(part.weight[0].numel()))
                nn.init.zeros_(part.bias)
        nn.init.normal_(self.classifier[-1].weight, std=0.01)


def _features(in_channels, widths, activation, lrn, overlapping, stride):
    """Build the convolutions, each with what follows it."""
    layers, channels = OrderedDict(), in_channels
    for n, out_channels in enumerate(widths, start=1):
        kernel = 5 if n == 1 else 3
        settings = {"padding": kernel // 2, "stride": stride if n == 1 else 1}
        layers[f"conv{n}"] = nn.Conv2d(channels, out_channels, kernel, **settings)
        layers[f"act{n}"] = activation()
        if lrn and n in (1, 2):
            layers[f"lrn{n}"] = paper_lrn()
        if n in (1, 2, 5):
            pool = nn.MaxPool2d(3, 2, padding=1) if overlapping else nn.MaxPool2d(2)
            layers[f"pool{n}"] = pool
        channels = out_channels
    return nn.Sequential(layers)
