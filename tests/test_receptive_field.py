"""Fields of layer lists, traced fields of modules, and measured ones."""

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from cnnbook.receptive_field import (
    Field,
    Layer,
    Span,
    effective_receptive_field,
    parse_network,
    paths,
    receptive_field,
    trace,
)

# --- layer lists ---------------------------------------------------------------------------------


def test_three_layers_by_hand():
    fields = receptive_field([3, 3, 3], input_size=9)
    assert [field.size for field in fields] == [1, 3, 5, 7]
    assert [field.units for field in fields] == [9, 7, 5, 3]
    assert fields[-1].rectangle(0) == (0, 7)
    assert fields[-1].rectangle(2) == (2, 9)


def test_alexnet_by_hand():
    layers = [(11, 4, 2), (3, 2), (5, 1, 2), (3, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2)]
    fields = receptive_field(layers, 224)
    assert [field.size for field in fields[1:]] == [11, 19, 51, 67, 99, 131, 163, 195]
    assert (fields[-1].jump, fields[-1].start, fields[-1].units) == (32, -66, 6)
    assert fields[-1].centre == 31


def test_dilation_padding_and_centre():
    field = receptive_field([Layer(3, padding=4, dilation=4, name="wide")])[-1]
    assert (field.name, field.size, field.jump, field.start, field.centre) == ("wide", 9, 1, -4, 0)
    assert receptive_field([2])[-1].centre == 0.5  # an even kernel looks between two pixels


def test_axes_are_independent():
    layers = [Layer((3, 5), (1, 2), (0, 1)), Layer(3, 2)]
    both = receptive_field(layers, (20, 31))[-1]
    rows = receptive_field([Layer(3), Layer(3, 2)], 20)[-1]
    columns = receptive_field([Layer(5, 2, 1), Layer(3, 2)], 31)[-1]
    for name in ("size", "jump", "start", "centre", "units"):
        assert getattr(both, name) == (getattr(rows, name), getattr(columns, name))
    assert both.rectangle((1, 2)) == (rows.rectangle(1), columns.rectangle(2))
    assert repr(both).startswith("layer 2: field 5 × 9, jump 2 × 4, start 0 × -1, 9 × 7 units")


def test_clipping_passes_over_units_that_do_not_exist():
    # of 8 pixels the first layer reads 0 to 6; the second layer's padding stands for no pixel,
    # although a further unit of the first layer would have seen pixel 7
    field = receptive_field([Layer(3, 2), Layer(3, 1, 1)], input_size=8)[-1]
    assert field.rectangle(2) == (2, 9)
    assert field.rectangle(2, clip=True) == (2, 7)


def test_a_unit_that_sees_padding_only():
    field = receptive_field([Layer(1, 1, 2)], input_size=3)[-1]
    assert field.rectangle(0, clip=True).size == 0
    assert field.rectangle(0) == (-2, -1)


def test_span():
    assert Span(1, 4).size == 3
    assert Span(1, 4).centre == 2.0


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: receptive_field([0]), ValueError, "kernel_size is 0, must be at least 1"),
        (lambda: receptive_field([Layer(3, 1.5)]), TypeError, "stride must be an int"),
        (lambda: receptive_field([Layer((3, 3), (1, 1, 1))]), ValueError, "kernel_size has 2"),
        (lambda: receptive_field([3, 9], 7), ValueError, "layer 2: kernel_size 9 .* spans 9"),
        (lambda: receptive_field([3])[-1].rectangle(0, clip=True), ValueError, "give input_size"),
        (lambda: receptive_field([3], 5)[-1].rectangle(3), ValueError, "no unit 3 in 'layer 1': it h"),
        (lambda: receptive_field([3], 5)[-1].rectangle(-1), ValueError, "unit is -1"),
        (lambda: receptive_field([3], (5, 5))[-1].rectangle(1), ValueError, "has 1 indices, .* 2 axes"),
        (lambda: paths([3], 5, unit=3), ValueError, "no unit 3 in 'layer 1': it has 3"),
        (lambda: paths([3], 5, unit=0, layer=2), ValueError, "layer is 2, the list has 1"),
        (lambda: paths([(3, 3)], (5, 5), unit=0), ValueError, "one axis, the layers have 2"),
    ],
)  # fmt: skip
def test_bad_lists(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_paths_are_the_gradient_of_ones():
    rng = np.random.default_rng(0)
    for _ in range(60):
        layers = [
            Layer(*(int(n) for n in (rng.integers(1, 5), rng.integers(1, 3), rng.integers(3),
                                     rng.integers(1, 3))))
            for _ in range(rng.integers(1, 5))
        ]  # fmt: skip
        net = nn.Sequential(*(nn.Conv1d(1, 1, *row[:4], bias=False) for row in layers)).double()
        for parameter in net.parameters():
            nn.init.ones_(parameter)
        x = torch.ones(1, 1, 40, dtype=torch.float64, requires_grad=True)
        try:
            y = net(x)[0, 0]
        except RuntimeError:
            continue
        unit = int(rng.integers(len(y)))
        y[unit].backward()
        counts = paths(layers, 40, unit)[0]
        assert [counts[i] for i in range(40)] == x.grad[0, 0].int().tolist()


def test_lists_and_modules_agree():
    rng = np.random.default_rng(1)
    for _ in range(40):
        layers = [Layer(*map(int, rng.integers(1, 4, 4))) for _ in range(3)]
        listed = receptive_field(layers, 60)[-1]
        traced = trace(nn.Sequential(*(nn.Conv1d(1, 1, *row[:4]) for row in layers)), (1, 60))["2"]
        assert listed.axes == traced.axes


# --- the typed notation --------------------------------------------------------------------------


def test_notation():
    network = parse_network("input 20; conv 3; pool 2;\n CONV5 /2p1 d3 ; maxpool" " 3 s2")
    with pytest.raises(ValueError, match="cannot read the layer 'maxpool 3'"):
        parse_network("input 20; maxpool 3")
    assert network.input_size == 20
    assert network.layers[:3] == (
        Layer(3, name="conv 3"), Layer(2, 2, name="pool 2"), Layer(5, 2, 1, 3, "conv 5 /2 p1 d3"),
    )  # fmt: skip


def test_trace_numbers_of_the_literature():
    for name, layer, size, jump in [
        ("alexnet", "features.12", 195, 32),
        ("vgg16", "features.30", 212, 32),
        ("resnet50", "layer4", 427, 32),
        ("inception_v3", "Mixed_7c", 1311, 32),
        ("mobilenet_v2", "features", 491, 32),
    ]:
        field = trace(on_meta(name), (3, 224, 224))[layer]
        assert field.size == (size, size)
        assert field.jump == (jump, jump)


def on_meta(name, **options):
    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    with torch.device("meta"):
        return getattr(torchvision.models, name)(weights=None, **options)
