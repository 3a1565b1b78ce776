"""The summary of a network: beside PyTorch's own counters, by hand, and on odd modules."""

import pytest
import torch
import torchvision
from test_looking import Lambda
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnbook.models import AlexNet, AlexNet2012, GoogLeNet, LeNet, LeNet5, Net1d, SmallInception
from cnnbook.models.summary import summary
from cnnbook.receptive_field import trace

LENET = """\
layer  kind                     output    parameters     MACs  field  jump
─────  ───────────────────────  ────────  ──────────  ───────  ─────  ────
input                           1×28×28
0      Conv2d 5×5, padding 2    6×28×28          156  117,600    5×5   1×1
1      ReLU                     6×28×28                          5×5   1×1
2      MaxPool2d 2×2, stride 2  6×14×14                          6×6   2×2
3      Conv2d 5×5               16×10×10       2,416  240,000  14×14   2×2
4      ReLU                     16×10×10                       14×14   2×2
5      MaxPool2d 2×2, stride 2  16×5×5                         16×16   4×4
6      Flatten                  400                            32×32
7      Linear                   120           48,120   48,000  32×32
8      ReLU                     120                            32×32
9      Linear                   84            10,164   10,080  32×32
10     ReLU                     84                             32×32
11     Linear                   10               850      840  32×32
─────  ───────────────────────  ────────  ──────────  ───────  ─────  ────
total  LeNet                                  61,706  416,520"""

MODULES = {
    "LeNet": (LeNet, (1, 28, 28)),
    "LeNet-5": (LeNet5, (1, 32, 32)),
    "AlexNet": (AlexNet, (3, 224, 224)),
    "AlexNet 2012": (AlexNet2012, (3, 227, 227)),
    "GoogLeNet": (GoogLeNet, (3, 224, 224)),
    "GoogLeNet of torchvision": (lambda: GoogLeNet(torchvision=True), (3, 224, 224)),
    "ResNet-18": (torchvision.models.resnet18, (3, 224, 224)),
    "1-D": (lambda: Net1d(2), (2, 100)),
    "groups": (lambda: nn.Conv2d(4, 6, (3, 2), stride=2, groups=2, bias=False), (4, 9, 8)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), (4, 5, 7)),
    "3-D": (lambda: nn.Conv3d(2, 3, 3, padding=1, dilation=2), (2, 7, 8, 9)),
    "attention": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (5, 8)),
    "bilinear": (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), (6, 3)),
}


def without_numbers(build):
    with torch.device("meta"):
        return build()


@pytest.mark.parametrize("name", MODULES)
def test_counts_are_those_of_torch(name):
    build, size = MODULES[name]
    module = without_numbers(build).eval()
    result = summary(module, size)
    assert result.parameters == sum(p.numel() for p in module.parameters())
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        module(torch.empty(1, *size, device="meta"))
    assert result.flops == counter.get_total_flops() > 0
    assert result.flops == 2 * result.macs == sum(row.flops for row in result.rows)


def test_lenet_as_text():
    assert str(summary(LeNet(), (1, 28, 28))) == repr(summary(LeNet(), (1, 28, 28))) == LENET


def test_receptive_fields_are_those_of_trace():
    net = SmallInception()
    fields = trace(net, (3, 28, 32))
    rows = summary(net, (3, 28, 32)).rows
    assert len(rows) == 47
    for row in rows:
        field = fields[row.name]
        single = field.units == (1, 1)  # one position has no jump
        assert (row.field, row.jump) == (field.size, None if single else field.jump)
        assert row.output_shape[1:] in ((), field.units)


def test_settings_are_put_into_words():
    net = nn.Sequential(
        nn.Conv2d(1, 2, (3, 5), stride=(2, 1), padding=(1, 2), dilation=2),
        nn.MaxPool2d(3, 2, 1),
        nn.AvgPool2d((1, 2)),
        nn.Conv2d(2, 2, 3, padding="same", groups=2),
    )
    first = "3×5, stride 2×1, padding 1×2, dilation 2"
    words = [first, "3×3, stride 2, padding 1", "1×2, stride 1×2", "3×3, padding same, groups 2"]
    assert [row.detail for row in summary(net, (1, 30, 30)).rows] == words


def test_depth_puts_parts_together():
    net = without_numbers(GoogLeNet)
    whole, short = summary(net, (3, 224, 224)), summary(net, (3, 224, 224), depth=1)
    assert (whole.parameters, whole.macs) == (short.parameters, short.macs)
    rows = {row.name: row for row in short.rows}
    assert len(rows) == 24
    assert rows["inception3a"].cells()[1:4] == ("Inception", "256×28×28", "163,696")
    # the paper's table has 128M, 304M, 73M, 88M, 100M, 119M and 170M operations
    macs = [rows[f"inception{name}"].macs / 1e6 for name in "3a 3b 4a 4b 4c 4d 4e".split()]
    assert macs == pytest.approx([128, 304, 73, 88, 100, 119, 170], rel=0.01)
    assert [(row.name, row.parameters, row.macs) for row in short.rows[-2:]] == [
        ("aux1", 3_188_840, 0), ("aux2", 3_190_888, 0)
    ]  # fmt: skip


class Shared(nn.Module):
    """One layer used twice, one whose weight is that of another, a product of its own."""

    def __init__(self):
        super().__init__()
        self.conv, self.twin = nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3)
        self.twin.weight = self.conv.weight
        self.scale = nn.Parameter(torch.ones(6, 4))

    def forward(self, x):
        return self.twin(self.conv(self.conv(x))).flatten(2) @ self.scale


def test_shared_parameters_count_once_and_calls_each():
    net = Shared()
    result = summary(net, (2, 8, 9))
    assert [(row.name, row.parameters, row.macs) for row in result.rows] == [
        ("conv", 38, 36 * 42), ("conv_1", 0, 36 * 20), ("twin", 2, 36 * 6), ("forward", 24, 48)
    ]  # fmt: skip
    assert result.parameters == sum(p.numel() for p in net.parameters()) == 64
    assert [row.field for row in result.rows[:3]] == [(3, 3), (5, 5), (7, 7)]


def test_a_network_that_cannot_be_followed_says_so():
    turned = Lambda(lambda self, x: torch.fft.fft2(x).real)
    result = summary(nn.Sequential(nn.Conv2d(1, 2, 3), turned), (1, 8, 8))
    assert [row.field for row in result.rows] == [None, None]
    assert result.macs == 2 * 9 * 36
    assert result.unfollowed.startswith("cannot follow '1' (Lambda)")
    assert str(result).endswith(result.unfollowed)


def test_branches_without_a_common_jump_have_no_field():
    def both(self, x):
        up = nn.functional.interpolate(self.coarse(x), size=(5, 6))
        return self.joined(x[..., :5, :6] + up)

    net = Lambda(both, coarse=nn.MaxPool2d(2), joined=nn.Identity())
    rows = {row.name: row for row in summary(net, (1, 10, 12)).rows}
    assert (rows["coarse"].field, rows["joined"].field) == ((2, 2), None)


def test_bad_arguments():
    with pytest.raises(TypeError, match=r"module must be a torch\.nn\.Module, got int"):
        summary(3, (1, 28, 28))
    text = r"^input_size \(1, 32, 32\): layer '7' \(Linear\) gets 576 features, expects 400$"
    with pytest.raises(ValueError, match=text):
        summary(LeNet(), (1, 32, 32))
    with pytest.raises(ValueError, match="depth is 0, must be at least 1"):
        summary(LeNet(), (1, 28, 28), depth=0)
