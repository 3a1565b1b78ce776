"""Fields of layer lists, traced fields of modules, and measured ones."""

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_looking import Lambda
from torch import nn

from cnnbook.receptive_field import (
    Layer,
    Span,
    effective_receptive_field,
    parse_network,
    paths,
    receptive_field,
    trace,
)

# --- layer lists ---------------------------------------------------------------------------------


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
    assert repr(both).startswith("layer 2: field 5 × 9, jump 2 × 4, start 0 × -1, 8 × 7 units")


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


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: receptive_field([0]), ValueError, "kernel_size is 0, must be at least 1"),
        (lambda: receptive_field([Layer(3, 1.5)]), TypeError, "stride must be an int"),
        (lambda: receptive_field([Layer((3, 3), (1, 1, 1))]), ValueError, "kernel_size has 2"),
        (lambda: receptive_field([3, 9], 7), ValueError, "layer 2: kernel_size 9 .* spans 9"),
        (lambda: receptive_field([3])[-1].rectangle(0, clip=True), ValueError, "give input_size"),
        (lambda: receptive_field([3], 5)[-1].rectangle(3), ValueError, "no unit 3 in 'layer 1'"),
        (lambda: receptive_field([3], 5)[-1].rectangle(-1), ValueError, "unit is -1"),
        (lambda: receptive_field([3], (5, 5))[-1].rectangle(1), ValueError, "has 1 indices"),
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
    network = parse_network("input 20; conv 3; pool 2;\n CONV5 /2p1 d3 ; pool 3 s2; conv 3 p1 x2")
    assert network.input_size == 20
    assert network.layers == (
        Layer(3, name="conv 3"), Layer(2, 2, name="pool 2"), Layer(5, 2, 1, 3, "conv 5 /2 p1 d3"),
        Layer(3, 2, name="pool 3 /2"), *[Layer(3, 1, 1, name="conv 3 p1")] * 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("conv 3; conv 5", "must begin with its input, .* not 'conv 3'"),
        ("", "must begin with its input"),
        ("input 9", "no layer above the input"),
        ("input 9; cnov 3", "cannot read the layer 'cnov 3': type, for example"),
        ("input 9; conv 3 q2", "cannot read the layer 'conv 3 q2'"),
        ("input 9; conv", "cannot read the layer 'conv'"),
        ("input 9; conv 3 x0", "asks for 0 layers"),
    ],
)
def test_what_cannot_be_read(text, match):
    with pytest.raises(ValueError, match=match):
        parse_network(text)


# --- tracing -------------------------------------------------------------------------------------


def test_every_node_has_a_name():
    twice = lambda self, x: F.relu(self.conv(self.inner(self.conv(x)))) + x  # noqa: E731
    parts = {"conv": nn.Conv2d(2, 2, 3, padding=1), "inner": nn.Sequential(nn.ReLU())}
    fields = trace(Lambda(twice, **parts), (2, 8, 9))
    assert list(fields) == ["input", "conv", "inner.0", "inner", "conv_1", "relu", "add", "output"]
    assert [field.name for field in fields.values()] == list(fields)
    assert fields["conv"].size == (3, 3)
    assert fields["conv_1"].size == fields["output"].size == (5, 5)


def test_several_outputs_have_names():
    net = Lambda(lambda self, x: {"out": x[:, :, ::2], "both": (x, x)})
    fields = trace(net, (1, 8))
    assert fields["output.out"].jump == (2,)
    assert "output.both" not in fields
    assert list(trace(Lambda(lambda self, x: (x, x)), (1, 8)))[1:] == ["output.0", "output.1"]


def test_branches_without_a_common_jump_say_so():
    net = Lambda(lambda self, x: x * x.mean(2, keepdim=True))
    field = trace(net, (1, 8))["output"]
    for ask in ("size", "jump", "start", "centre"):
        with pytest.raises(ValueError, match="'output' joins branches"):
            getattr(field, ask)
    with pytest.raises(ValueError, match="'output' joins branches"):
        field.rectangle(5)
    assert repr(field) == "output: no common jump, 8 units"
    assert field.rectangle(5, clip=True) == ((0, 8),)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_precisions(dtype):
    net = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2)).to(dtype)
    assert trace(net, (1, 9))["output"].size == (3,)


def test_transposed_convolution_has_a_jump_below_one():
    field = trace(nn.ConvTranspose1d(1, 1, 4, stride=2, padding=1), (1, 6))["output"]
    assert (field.units, field.jump, field.size) == ((12,), (Fraction(1, 2),), (2,))
    # unit u takes the inputs i with 0 <= u + 1 - 2 i < 4
    seen = [field.rectangle((u,), clip=True)[0] for u in range(12)]
    assert seen[:4] == [(0, 1), (0, 2), (0, 2), (1, 3)]
    assert seen[-1] == (5, 6)


def _write_into_a_part(x):
    x[:, :, 1:] += x[:, :, :-1]
    return x


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda x: torch.fft.fft2(x).real, "no rule for the operation '_fft_c2c'"),
        (lambda x: x[:, x.sum((0, 2, 3)).argsort()], "'indices' depends on the input as well"),
        (lambda x: torch.gather(x, 1, (x > 0).long()), "'index' depends on the input as well"),
        (lambda x: nn.LSTM(8, 2, device="meta")(x[0, 0, None])[0], "no rule for recurrent layers"),
        (lambda x: F.conv2d(x, x), "'weight' depends on the input as well"),
        (lambda x: x[:, :, :6, :6] + x[:, :, :6, :6].transpose(2, 3), "rows lie along another's"),
        (lambda x: x if x.sum() > 0 else -x, "it asks for the numbers of a tensor"),
        (_write_into_a_part, "writes into a tensor that another part may share"),
        (lambda x: x @ torch.ones(3, 3), "does not run on this input"),
    ],
)
def test_what_cannot_be_followed_names_the_layer(function, match):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), Lambda(lambda self, x: function(x)))
    with pytest.raises(ValueError, match=match) as caught:
        trace(net, (1, 8, 10))
    assert "'1' (Lambda)" in str(caught.value)


# --- measured fields -----------------------------------------------------------------------------


def stack(n):
    net = nn.Sequential(*(nn.Conv1d(1, 1, 3, bias=False) for _ in range(n)))
    for parameter in net.parameters():
        nn.init.constant_(parameter, 1 / 3)
    return net.double()


def test_energy_of_equal_weights_is_that_of_a_random_walk():
    n, size = 6, 41
    measured = effective_receptive_field(stack(n), torch.ones(1, 1, size, dtype=torch.float64))
    counts = paths([3] * n, size, measured.unit[0])[0]
    expected = np.array([float(counts[i]) ** 2 for i in range(size)])
    np.testing.assert_allclose(measured.energy, expected / expected.sum(), rtol=1e-12)
    assert measured.theoretical == (Span(14, 27),)
    assert measured.centre[0] == pytest.approx(20)
    assert measured.ratio[0] == pytest.approx(measured.width[0] / 13)
    assert measured.width[0] == pytest.approx(4 * measured.sigma[0])


def test_rows_and_columns_apart():
    net = nn.Conv2d(1, 1, (3, 5), bias=False)
    nn.init.ones_(net.weight)
    measured = effective_receptive_field(net, torch.ones(2, 1, 9, 12), unit=(1, 2))
    assert measured.energy.shape == (9, 12)
    np.testing.assert_allclose(measured.profile(1)[2:7], 0.2, rtol=1e-6)
    assert measured.sigma == pytest.approx((np.sqrt(8 / 12), np.sqrt(24 / 12)))
    assert measured.theoretical == ((1, 4), (2, 7))


def test_a_layer_inside_a_network():
    net = stack(3).train()
    x = torch.ones(1, 1, 15, dtype=torch.float64, requires_grad=True)
    measured = effective_receptive_field(net, x, unit=4, layer="1")
    assert np.flatnonzero(measured.energy).tolist() == [4, 5, 6, 7, 8]
    assert measured.theoretical == ((4, 9),)
    assert x.grad is None
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not net[1]._forward_hooks


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda n, x: effective_receptive_field(n, x, unit=99), ValueError, "no unit .99"),
        (lambda n, x: effective_receptive_field(n, x, unit=(1, 1)), ValueError, "unit has 2"),
        (lambda n, x: effective_receptive_field(n, x, layer="7"), ValueError, "no layer '7'"),
        (lambda n, x: effective_receptive_field(n, x[0]), TypeError, "shape .N, C, size"),
        (lambda n, x: effective_receptive_field(n, x.numpy()), TypeError, "torch.Tensor"),
        (lambda n, x: effective_receptive_field(nn.Flatten(), x), ValueError, "output has shape"),
        (lambda n, x: effective_receptive_field(nn.Sequential(n, nn.ReLU()), -x), ValueError,
         "no pixel has any influence"),
    ],
)  # fmt: skip
def test_bad_measurements(call, error, match):
    with pytest.raises(error, match=match):
        call(stack(2), torch.ones(1, 1, 15, dtype=torch.float64))
