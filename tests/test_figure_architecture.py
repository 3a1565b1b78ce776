"""Networks as pictures: counts, formulas against measured numbers, and that all can be read."""

from dataclasses import replace

import pytest
import torch
import torchvision
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts
from torch import nn

from cnnbook.figures import Architecture, LayerStep, Towers
from cnnbook.figures.architecture import BAR, FUNNEL
from cnnbook.figures.layer_step import Source, formulas
from cnnbook.models import AlexNet2012, GoogLeNet, Inception, LeNet, LeNet5, SmallAlexNet, summary


def summarised(build, size, depth=None):
    with torch.device("meta"):
        return summary(build(), size, depth)


def step_of(build, size, step, depth=None):
    with torch.device("meta"):
        module = build()
        return LayerStep(summary(module, size, depth), module, step)


LENET = summarised(LeNet, (1, 28, 28))
ALEXNET = summarised(AlexNet2012, (3, 227, 227))

KINDS = {
    "conv": lambda c, k, s: nn.Conv2d(c, 4 * k, (k, 1), s, padding=k // 2, bias=k > 1),
    "groups": lambda c, k, s: nn.Conv2d(c, 2 * c, k, dilation=s, groups=c),
    "pool": lambda c, k, s: nn.MaxPool2d(k, s, ceil_mode=s > 1),
    "norm": lambda c, k, s: nn.BatchNorm2d(c),
    "relu": lambda c, k, s: nn.ReLU(),
    "average": lambda c, k, s: nn.AdaptiveAvgPool2d((k, s)),
}


@st.composite
def steps(draw):
    """A network of drawn layers, before its first step."""
    channels, *size = (draw(st.integers(*ends)) for ends in ((1, 3), (8, 300), (8, 300)))
    layers, shape = [], (channels, *size)
    kinds = st.tuples(st.sampled_from(list(KINDS)), st.integers(1, 5), st.integers(1, 3))
    for kind, k, s in draw(st.lists(kinds, min_size=1, max_size=12)):
        layers.append(KINDS[kind](channels, k, s))
        channels = getattr(layers[-1], "out_channels", channels)
    if draw(st.booleans()):
        layers += [nn.Flatten(), nn.LazyLinear(draw(st.integers(1, 4096)))]
    module = nn.Sequential(*layers)
    try:
        return LayerStep(summary(module, shape), module)
    except (ValueError, RuntimeError):
        assume(False)


@settings(max_examples=15, deadline=None)
@given(steps())
def test_every_picture(step):
    check_state(step)


@pytest.mark.parametrize(
    ("build", "size", "depth"),
    [
        (lambda: LeNet5(2), (1, 28, 28), None),
        (GoogLeNet, (3, 224, 224), 1),
        (torchvision.models.resnet18, (3, 224, 224), None),
    ],
)
def test_networks_that_are_known(build, size, depth):
    result = summarised(build, size, depth)
    network = Architecture(result)
    (picture,) = check_state(network)
    ran = [row for row in result.rows if row.output_shape is not None]
    assert network.total("parameters") == sum(row.parameters for row in ran)
    assert network.total("macs") == result.macs
    idle = "not run: aux1 (3,188,840 parameters), aux2 (3,190,888 parameters)"
    assert (idle in texts(picture)) == (build is GoogLeNet) == (f"{idle}." in repr(network))


def test_lenet_in_words():
    assert repr(Architecture(LENET)) == (
        "LeNet: dense layers hold 96 % of 61.7 k parameters and do 14 % of 417 k multiply-adds. "
        "Input 1 × 28 × 28. "
        "0, Conv2d 5×5: 6 × 28 × 28, then 6 × 14 × 14; 156 parameters, 117,600 multiply-adds. "
        "3, Conv2d 5×5: 16 × 10 × 10, then 16 × 5 × 5; 2,416 parameters, 240,000 multiply-adds. "
        "7, Linear: 120; 48,120 parameters, 48,000 multiply-adds. "
        "9, Linear: 84; 10,164 parameters, 10,080 multiply-adds. "
        "11, Linear: 10; 850 parameters, 840 multiply-adds."
    )
    written = texts(Architecture(LENET).picture())
    assert {"Conv2d 5×5", "→ ReLU, max pool", "→ 6 × 14 × 14", "48.1 k", "240 k"} <= set(written)
    plain = Architecture(summary(nn.Conv2d(1, 3, 3), (1, 9, 8)))
    assert plain.claim == "Conv2d: 30 parameters, 1.13 k multiply-adds a sample"


def test_bars_and_maps_are_as_large_as_what_they_show():
    picture = Architecture(LENET).picture()
    bars, counts = picture.find("parameters"), [156, 2_416, 48_120, 10_164, 850]
    lengths = [max(1, BAR * n / 48_120) for n in counts]
    assert [bar.width for bar in bars] == pytest.approx(lengths)
    maps, columns = picture.find("map"), [28, 28, 14, 10, 5, 1, 1, 1]
    assert [m.fill for m in maps] == ["input"] + ["output"] * 7
    assert [m.width for m in maps] == pytest.approx([FUNNEL * (n / 28) ** 0.5 for n in columns])
    assert max(maps, key=lambda m: m.height) is maps[5]  # 120 units


def test_too_many_layers_and_none_are_refused():
    with pytest.raises(ValueError, match=r"GoogLeNet has 58 layers with weights, a picture holds"):
        Architecture(summarised(GoogLeNet, (3, 224, 224)))
    with pytest.raises(ValueError, match="ReLU has no layer with weights"):
        Architecture(summary(nn.ReLU(), (1, 9, 8)))
    with pytest.raises(ValueError, match="step is 9, expected 0 to 8"):
        LayerStep(LENET, None, 9)


# ---------------------------------------------------------------- one layer


def test_the_layers_of_alexnet_worked_by_hand():
    first = step_of(AlexNet2012, (3, 227, 227), 1)
    assert first.lines == {
        "shape": "3 × 227 × 227 → 96 × 55 × 55",
        "size": "⌊(227 + 2·0 − 11) / 4⌋ + 1 = 55",
        "parameters": "96·(3·11·11 + 1) = 34,944  (0.057 % of all)",
        "multiply-adds": "34,848 weights · 55·55 places = 105,415,200  (15 % of all)",
        "field": "1 + (11 − 1)·1 = 11, jump 1·4 = 4",
    }
    assert first.at(3).lines["parameters"].startswith("256·(96/2·5·5 + 1) = 307,456")
    assert list(first.at(4).lines.values())[1:] == [
        "⌊(27 + 2·0 − 3) / 2⌋ + 1 = 13", "none", "none counted",
        "51 + (3 − 1)·8 = 67, jump 8·2 = 16",
    ]  # fmt: skip
    assert first.at(9).lines["size"] == "256·6·6 = 9216"
    dense = first.at(10).lines
    assert dense["parameters"].startswith("4096·(9216 + 1) = 37,752,832")
    assert dense["multiply-adds"].startswith("4096·9216 = 37,748,736")


def test_unequal_sides_dilation_rounding_and_the_remainder():
    net = nn.Sequential(
        nn.Conv2d(3, 4, (3, 5), stride=2, padding=(1, 0), dilation=(2, 1), bias=False),
        nn.MaxPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d((2, 3)),
    )  # fmt: skip
    step = LayerStep(summary(net, (3, 16, 21)), net)
    first, second, third = (step.at(k).lines for k in (1, 2, 3))
    assert first["size"] == (
        "rows ⌊(16 + 2·1 − (2·(3 − 1) + 1)) / 2⌋ + 1 = 7, remainder 1; "
        "columns ⌊(21 + 2·0 − 5) / 2⌋ + 1 = 9"
    )
    assert first["parameters"] == "4·3·3·5 = 180  (nearly all)"
    assert first["field"] == "1 + 2·(3 − 1)·1 = 5, jump 1·2 = 2; 1 + (5 − 1)·1 = 5, jump 1·2 = 2"
    assert "rows ⌈(7 + 2·0 − 2) / 2⌉ + 1 = 4, remainder 1" in second["size"]
    assert third["size"] == "cells as even as possible, so that 2 × 3 remain"


def test_a_branch_finds_the_map_it_read():
    first = step_of(lambda: Inception(192, 64, 96, 128, 16, 32, 32), (192, 28, 28), 1)
    third, last = first.at(4), first.at(7)  # after a map of 128 channels, and after the pooling
    assert third.lines["shape"] == "192 × 28 × 28 → 16 × 28 × 28"
    assert last.lines["field"] == "3 + (1 − 1)·1 = 3, jump 1·1 = 1"


class Twice(nn.Sequential):
    """Uses one layer twice, and one that follows no rule."""

    def forward(self, x):
        return self[1](self[0](self[0](x))[:, 0])[0]


def test_a_rule_that_does_not_give_the_number_is_not_written():
    twice = Twice(nn.Conv2d(3, 3, 3, padding=1), nn.GRU(4, 5, batch_first=True))
    second = LayerStep(summary(twice, (3, 6, 4)), twice, 2)
    assert (second.row.name, second.lines["parameters"]) == ("0_1", "none")  # the first's
    rnn = second.at(3).lines
    assert rnn["size"] == "no rule of one window or one dense layer"
    assert (rnn["shape"], rnn["parameters"][:5]) == ("6 × 5", "165  ")
    table = step_of(LeNet5, (1, 32, 32), 3).lines  # 60 of 96 kernels: 6·16·25 would be wrong
    assert table["parameters"].startswith("1,516  (")
    conv = nn.Conv2d(1, 2, 3)
    odd = replace(summary(conv, (1, 9, 8)).rows[0], macs=7, parameters=8)
    found = formulas(conv, odd, [Source((1, 9, 8), None, None)])
    assert (found["macs"], found["parameters"]) == ("7", "8")


def test_the_layer_is_marked_at_its_map():
    step = step_of(LeNet, (1, 28, 28), 0)
    pictures = [step.at(k).picture() for k in range(step.steps)]
    # the whole is not marked, nor the map of flattening, of which there is none
    assert [len(p.find("frame")) for p in pictures] == [0, 2, 2, 2, 2, 0, 2, 2, 2]
    assert [len(p.find("marked")) for p in pictures] == [0] + [1] * 8
    before = step_of(lambda: SmallAlexNet(1, upscale=4), (1, 8, 8), 1)
    assert (before.row.kind, before.place) == ("Upsample", (0, None))
    check_picture(before.picture())


# ---------------------------------------------------------------- two towers


def test_who_reads_from_whom():
    towers = Towers(ALEXNET)
    assert [layer.name for layer in towers.reading("the image")] == ["conv1"]
    assert [layer.half for layer in towers.layers[:2]] == [(48, 55, 55), (128, 27, 27)]
    (picture,) = check_state(towers)
    assert len(picture.find("across")) == 2 * 4
    assert "conv4 3×3, 192 × 13 × 13 a tower, reads its own half" in picture.description
    assert texts(picture)[0].startswith("conv3, dense1, dense2, dense3 read from both towers")
    assert "1.41 M parameters in 3 layers in place of about 2.83 M" in texts(picture)[-1]


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        ([nn.Conv2d(2, 4, 3)], "Sequential has no layer with two groups"),
        ([nn.Conv2d(2, 5, 3)], "0: 5 channels in 1 groups"),
        ([nn.Conv2d(3, 6, 3, groups=3)], "0: 6 channels in 3 groups"),
        ([nn.Conv2d(2, 2, 1)] * 9, "9 layers with weights, the picture holds 8"),
    ],
)
def test_what_is_no_pair_of_towers(layers, match):
    net = nn.Sequential(*layers)
    with pytest.raises(ValueError, match=match):
        Towers(summary(net, (net[0].in_channels, 9, 9)))
