"""Sizes and counts against windows slid by hand, against torch's layers, and on bad input."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnbook.shapes import (
    conv_macs,
    conv_parameters,
    effective_kernel_size,
    linear_parameters,
    output_size,
    participation_counts,
    per_axis,
    pool_output_size,
    same_padding,
    same_padding_range,
    transposed_output_size,
)


def slide(size, kernel, stride=1, padding=(0, 0), dilation=1):
    """List the pixels of every window that lies inside the padded axis, pixel 0 unpadded."""
    windows, start = [], -padding[0]
    while start + dilation * (kernel - 1) < size + padding[1]:
        windows.append([start + a * dilation for a in range(kernel)])
        start += stride
    return windows


AXIS = {"size": st.integers(1, 20), "kernel": st.integers(1, 6), "stride": st.integers(1, 5)}
DILATION = st.integers(1, 4)

# ---------------------------------------------------------------- brute force


@given(**AXIS, before=st.integers(0, 5), after=st.integers(0, 5), dilation=DILATION)
def test_output_size_counts_the_windows(size, kernel, stride, before, after, dilation):
    windows = slide(size, kernel, stride, (before, after), dilation)
    assume(windows)
    pair = (before, after)
    assert output_size(size, kernel, stride, pair, dilation) == len(windows)
    seen = [pixel for window in windows for pixel in window]
    counts = participation_counts(size, kernel, stride, pair, dilation)
    assert counts == tuple(seen.count(pixel) for pixel in range(size))


@given(**AXIS, padding=st.integers(0, 3))
def test_rounding_leaves_out_hangs_over_or_raises(size, kernel, stride, padding):
    assume(size + 2 * padding >= kernel)
    windows = slide(size, kernel, stride, (padding, padding))
    exact = windows[-1][-1] == size + padding - 1
    more = output_size(size, kernel, stride, padding, rounding="ceil") - len(windows)
    assert more == (0 if exact else 1)
    if exact:
        assert output_size(size, kernel, stride, padding, rounding="exact") == len(windows)
    else:
        with pytest.raises(ValueError, match=f"stride {stride} does not divide"):
            output_size(size, kernel, stride, padding, rounding="exact")


@given(**AXIS, dilation=DILATION)
def test_same_padding_range_holds_all_paddings_that_keep_the_size(size, kernel, stride, dilation):
    wanted = math.ceil(size / stride)
    extent = dilation * (kernel - 1) + 1
    ways = {p: size + p - extent for p in range(-size, 40)}
    fitting = [p for p, way in ways.items() if way >= 0 and way // stride + 1 == wanted]
    paddings = same_padding_range(size, kernel, stride, dilation)
    assert list(paddings) == fitting
    assert len(paddings) == stride
    pads = same_padding(size, kernel, stride, dilation)
    assert sum(pads) == max(paddings.start, 0)
    assert pads.after - pads.before in (0, 1)


@given(**AXIS, padding=st.integers(0, 3), dilation=DILATION, extra=st.integers(0, 4))
def test_transposed_output_size_inverts_output_size(size, kernel, stride, padding, dilation, extra):
    assume(extra < max(stride, dilation))
    full = (size - 1) * stride + dilation * (kernel - 1) + 1 + extra - 2 * padding
    assume(full >= 1)
    assert transposed_output_size(size, kernel, stride, padding, extra, dilation) == full
    if extra < stride:
        assert output_size(full, kernel, stride, padding, dilation) == size


# ---------------------------------------------------------------- torch, without data


def torch_size(layer, *size, **options):
    shape = (1, 1, *size)
    return tuple(layer(**options).to("meta")(torch.empty(shape, device="meta")).shape[2:])


def pairs(least, most):
    return st.tuples(*[st.integers(least, most)] * 2)


PAIR = pairs(1, 4)


@settings(max_examples=100, deadline=None)
@given(pairs(4, 12), PAIR, PAIR, PAIR, st.integers(0, 3))
def test_sizes_are_those_of_the_convolution_layers(size, kernel, stride, dilation, padding):
    options = {"kernel_size": kernel, "stride": stride, "dilation": dilation, "padding": padding}
    channels = {"in_channels": 1, "out_channels": 1}
    extent = effective_kernel_size(kernel, dilation)
    if all(e <= n + 2 * padding for e, n in zip(extent, size, strict=True)):
        expected = torch_size(torch.nn.Conv2d, *size, **channels, **options)
        assert output_size(size, **options) == expected
    if all((n - 1) * s + e > 2 * padding for n, s, e in zip(size, stride, extent, strict=True)):
        expected = torch_size(torch.nn.ConvTranspose2d, *size, **channels, **options)
        assert transposed_output_size(size, **options) == expected


@settings(max_examples=200, deadline=None)
@given(pairs(1, 12), PAIR, PAIR | st.none(), PAIR, st.integers(0, 2), st.booleans())
def test_sizes_are_those_of_the_pooling_layer(size, kernel, stride, dilation, padding, ceil_mode):
    assume(2 * padding <= min(kernel))
    options = {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    try:
        expected = torch_size(torch.nn.MaxPool2d, *size, ceil_mode=ceil_mode, **options)
    except RuntimeError:
        with pytest.raises(ValueError, match=r"spans \d+ pixels, more than the \d+"):
            pool_output_size(size, ceil_mode=ceil_mode, **options)
    else:
        assert pool_output_size(size, ceil_mode=ceil_mode, **options) == expected


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("groups", [1, 2])
def test_parameters_are_those_of_the_layers(groups, bias):
    def count(layer):
        return sum(p.numel() for p in layer.parameters())

    options = {"groups": groups, "bias": bias}
    for axes in (1, 2, 3):
        layer = getattr(torch.nn, f"Conv{axes}d")(4, 6, (3, 2, 5)[:axes], **options)
        assert conv_parameters(4, 6, (3, 2, 5)[:axes], **options) == count(layer)
    assert conv_parameters(4, 6, 3, **options) == count(torch.nn.Conv2d(4, 6, 3, **options))
    assert linear_parameters(7, 5, bias=bias) == count(torch.nn.Linear(7, 5, bias=bias))


def test_macs_are_the_products_that_a_convolution_sums():
    weights, windows = 6 * (4 // 2) * 3 * 2, 5 * 7
    assert conv_macs(4, 6, (3, 2), (5, 7), groups=2) == weights * windows
    assert conv_macs(4, 6, 3, 5) == conv_macs(4, 6, (3, 3), (5, 5))  # two axes, as in Conv2d
    assert conv_macs(1, 1, (3,), (5,)) == 15
    assert conv_macs(1, 1, 3, (0, 7)) == 0


# ---------------------------------------------------------------- forms of arguments


def test_ints_give_ints_and_tuples_give_tuples():
    assert output_size(7, 3) == 5
    assert output_size((7,), 3) == (5,)
    assert output_size([7, 8], 3, stride=(1, 2)) == (5, 3)
    assert output_size(7, (3, 2)) == (5, 6)
    assert pool_output_size((7, 8), (2,)) == (3, 4)
    assert effective_kernel_size((3, 2), 2) == (5, 3)
    assert same_padding_range((9, 8), 2, 4) == (range(1, 5), range(-2, 2))
    assert transposed_output_size((3, 2), 3, 2) == (7, 5)


def test_padding_is_one_number_a_pair_or_pairs():
    assert output_size(7, 3, padding=(2, 0)) == 7
    assert output_size((7, 7), 3, padding=(2, 0)) == (9, 5)
    assert output_size((7, 7), 3, padding=((2, 0), 1)) == (7, 7)
    assert output_size((7, 8), 3, padding=[1]) == (7, 8)
    assert output_size((7, 8), 3, padding=same_padding((7, 8), 3)) == (7, 8)


def test_per_axis_spreads_what_is_no_tuple():
    assert per_axis("stride", 2, 3) == (2, 2, 2)
    assert per_axis("stride", (2,), 2) == (2, 2)
    assert per_axis("stride", [1, -2], 2) == (1, -2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: per_axis("stride", 1.0, 2), TypeError, r"stride must be an int .*, got 1.0"),
        (lambda: per_axis("stride", True, 2), TypeError, r"stride must be an int .*, got True"),
        (lambda: per_axis("stride", (1, "2"), 2), TypeError, r"stride must be an int .*, got '2'"),
        (lambda: per_axis("stride", (1, 2), 3), ValueError, r"has 2 entries, expected 3: \(1, 2\)"),
        (lambda: per_axis("stride", 0, 2, 1), ValueError, "stride is 0, must be at least 1"),
        (lambda: output_size(-1, 1), ValueError, "size is -1, must be at least 0"),
        (lambda: output_size(5, 0), ValueError, "kernel_size is 0, must be at least 1"),
        (lambda: output_size(5, 1, 0), ValueError, "stride is 0, must be at least 1"),
        (lambda: output_size(5, 1, dilation=0), ValueError, "dilation is 0, must be at least 1"),
        (lambda: output_size(5, 1, padding=-1), ValueError, "padding is -1, must be at least 0"),
        (lambda: output_size(5, 1, padding="full"), ValueError, r"padding must be .* got 'full'"),
        (lambda: output_size(5, 1, padding=1.5), TypeError, r"padding must be an int .* got 1.5"),
        (lambda: output_size((5, 5), 1, padding=(1, 1, 1)), ValueError, "3 entries, expected 2"),
        (lambda: output_size((5, 5), (1, 1, 1)), ValueError, "size has 2 entries, expected 3"),
        (lambda: output_size(5, 3, dilation=3), ValueError, "spans 7 pixels, more than the 5"),
        (lambda: output_size(5, 1, rounding="up"), ValueError, r"rounding must be .* got 'up'"),
        (lambda: output_size(6, 3, 2, rounding="exact"), ValueError, r"stride 2 .* divide 3"),
        (lambda: output_size(2, 3, 2, rounding="ceil"), ValueError, r"spans 3 .* more than the 2"),
        (lambda: pool_output_size(5, 3, padding=-1), ValueError, "padding is -1, must be at least"),
        (lambda: pool_output_size(5, 3, padding=2), ValueError, r"2 is more than half of .* 3"),
        (lambda: pool_output_size(1, 3, 2, ceil_mode=True), ValueError, r"spans 3 .* than the 1"),
        (lambda: transposed_output_size(3, 3, 2, 0, 2), ValueError, "output_padding 2 .* stride 2"),
        (lambda: transposed_output_size(1, 2, 1, 1), ValueError, "padding 1 .* size 1 spread to 2"),
        (lambda: transposed_output_size(0, 3), ValueError, "leaves nothing of size 0"),
        (lambda: same_padding_range(0, 3), ValueError, "size is 0, must be at least 1"),
        (lambda: same_padding(9, 2.0), TypeError, r"kernel_size must be an int .* got 2.0"),
        (lambda: effective_kernel_size(0), ValueError, "kernel_size is 0, must be at least 1"),
        (lambda: participation_counts(2, 3), ValueError, "spans 3 pixels, more than the 2"),
        (lambda: conv_parameters(3, 4, 3, groups=2), ValueError, r"in_channels 3 .* groups 2"),
        (lambda: conv_parameters(4, 3, 3, groups=2), ValueError, r"out_channels 3 .* groups 2"),
        (lambda: conv_parameters(0, 3, 3), ValueError, "in_channels is 0, must be at least 1"),
        (lambda: conv_parameters(4, 4, 3, groups=0), ValueError, "groups is 0, must be at least 1"),
        (lambda: conv_parameters(3, "2", 3), TypeError, r"out_channels must be .* got '2'"),
        (lambda: conv_parameters(3, 2, 0), ValueError, "kernel_size is 0, must be at least 1"),
        (lambda: conv_macs(3, 2, 3, -1), ValueError, "output_size is -1, must be at least 0"),
        (lambda: linear_parameters(0, 3), ValueError, "in_features is 0, must be at least 1"),
        (lambda: linear_parameters(3, 2.5), TypeError, r"out_features must be .* got 2.5"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
