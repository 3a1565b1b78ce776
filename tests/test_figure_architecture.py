"""A network as a picture: what stands in it, and that it can be read."""

import itertools

import pytest
import torch
import torchvision
from test_figure_dense import assert_legible, texts
from torch import nn

from cnnbook.figures.architecture import BAR_LENGTH, Architecture, draw_architecture, short_count
from cnnbook.figures.picture import _Rect
from cnnbook.models import MLP, AlexNet, GoogLeNet, LeNet, LeNet5, Net1d, SmallAlexNet, summary


def without_numbers(build):
    with torch.device("meta"):
        return build()


def lenet():
    return summary(LeNet(), (1, 28, 28))


NETWORKS = {
    "LeNet": (LeNet, (1, 28, 28), None),
    "LeNet-5": (lambda: LeNet5(2), (1, 28, 28), None),
    "MLP": (MLP, (1, 28, 28), None),
    "1-D": (Net1d, (1, 100), None),
    "small AlexNet": (lambda: SmallAlexNet(lrn=True), (3, 32, 32), None),
    "AlexNet": (AlexNet, (3, 224, 224), None),
    "GoogLeNet": (GoogLeNet, (3, 224, 224), 1),
    "ResNet-18": (torchvision.models.resnet18, (3, 224, 224), None),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_read(name):
    build, size, depth = NETWORKS[name]
    result = summary(without_numbers(build), size, depth)
    picture = draw_architecture(result)
    assert picture.width <= 960
    assert_legible(picture)
    ran = [row for row in result.rows if row.output_shape is not None]
    network = Architecture.of(result)
    assert network.total("parameters") == sum(row.parameters for row in ran)
    assert network.total("macs") == result.macs


def test_lenet_in_words():
    picture = draw_architecture(lenet())
    assert picture.description == (
        "LeNet: dense layers hold 96 % of 61.7 k parameters and do 14 % of 417 k multiply-adds. "
        "Input 1×28×28. "
        "0, Conv2d 5×5: 6×28×28, then 6×14×14; 156 parameters, 117,600 multiply-adds. "
        "3, Conv2d 5×5: 16×10×10, then 16×5×5; 2,416 parameters, 240,000 multiply-adds. "
        "7, Linear: 120; 48,120 parameters, 48,000 multiply-adds. "
        "9, Linear: 84; 10,164 parameters, 10,080 multiply-adds. "
        "11, Linear: 10; 850 parameters, 840 multiply-adds."
    )
    written = texts(picture)
    assert {"Conv2d 5×5", "→ ReLU, max pool", "→ 6×14×14", "48.1 k", "240 k"} <= set(written)


def test_bars_are_in_proportion():
    picture = draw_architecture(lenet())
    bars = [m for m in picture.marks if isinstance(m, _Rect) and m.fill == "kernel"]
    largest = 48_120
    expected = [156, 2_416, 48_120, 10_164, 850]
    assert [bar.width for bar in bars] == pytest.approx(
        [max(1, BAR_LENGTH * n / largest) for n in expected]
    )


def test_maps_have_the_colours_and_the_widths_of_their_sizes():
    picture = draw_architecture(lenet())
    maps = [m for m in picture.marks if isinstance(m, _Rect) and m.fill in ("input", "output")]
    assert [m.fill for m in maps] == ["input"] + ["output"] * 7
    columns = [28, 28, 14, 10, 5, 1, 1, 1]
    assert [m.width for m in maps] == pytest.approx([150 * (n / 28) ** 0.5 for n in columns])
    thick = [m.height for m in maps]
    assert thick[5] == max(thick)  # 120 units
    assert thick[0] == min(thick)
    assert all(a.y + a.height < b.y for a, b in itertools.pairwise(maps))


def test_what_did_not_run_is_named():
    picture = draw_architecture(summary(without_numbers(GoogLeNet), (3, 224, 224), depth=1))
    line = "not run: aux1 (3,188,840 parameters), aux2 (3,190,888 parameters)"
    assert line in texts(picture)
    assert picture.description.endswith(line + ".")
    assert "7.00 M parameters" in picture.description


def test_a_network_without_dense_layers_has_a_plain_title():
    picture = draw_architecture(summary(nn.Conv2d(1, 3, 3), (1, 9, 8)))
    assert texts(picture)[0] == "Conv2d: 30 parameters, 1.13 k multiply-adds a sample"


def test_short_counts():
    counts = [0, 999, 1000, 9_996, 999_499, 999_500, 61_100_840, 1_582_671_872]
    assert [short_count(n) for n in counts] == [
        "0", "999", "1.00 k", "10.0 k", "999 k", "1.00 M", "61.1 M", "1.58 G"
    ]  # fmt: skip


def test_too_many_layers_and_none_are_refused():
    with pytest.raises(ValueError, match=r"GoogLeNet has 58 layers with weights, a picture holds"):
        draw_architecture(summary(without_numbers(GoogLeNet), (3, 224, 224)))
    with pytest.raises(ValueError, match="ReLU has no layer with weights"):
        draw_architecture(summary(nn.ReLU(), (1, 9, 8)))
