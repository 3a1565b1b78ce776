"""The padded axis and its image: arithmetic against ops, pictures, what the controls do."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts

from cnnbook import ops
from cnnbook.figures.padding import RULER, PaddedAxis, draw_paddings
from cnnbook.figures.participation import Participation
from cnnbook.widgets import padding_explorer
from cnnbook.widgets.padding_explorer import LARGEST, MODES, PLACES, PaddingState

SETTINGS = list(
    itertools.product([6, 8, 9], [1, 2, 3], [1, 2, 4], [1, 2], [(0, 0), (1, 2), (0, -1)])
)


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation", "padding"), SETTINGS)
def test_axis_agrees_with_a_convolution(size, kernel, stride, dilation, padding):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(size), rng.standard_normal(kernel)
    axis = PaddedAxis(size, kernel, stride, padding, dilation)
    padded = ops.pad(x, padding)
    y = ops.conv1d(padded[None], w[None, None], stride=stride, dilation=dilation)[0]
    assert axis.steps == len(y)
    for step, expected in enumerate(y):
        taps = [x[p] if 0 <= p < size else 0 for p in axis.taps(step)]
        np.testing.assert_allclose(w @ taps, expected, atol=1e-12)
    # what a pixel adds to the sum of all outputs of a kernel of ones is its count
    ones = np.ones((1, 1, kernel))
    unit = ops.pad(np.eye(size), (*padding,))[:, None]
    sums = ops.conv1d(unit, ones, stride=stride, dilation=dilation).sum((1, 2))
    assert axis.counts == tuple(sums.astype(int))
    assert axis.unseen == [pixel for pixel in range(size) if sums[pixel] == 0]
    assert axis.zero_products == axis.steps * kernel - sums.sum()


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation", "padding"), SETTINGS)
def test_admissible_padding_keeps_the_number_of_outputs(size, kernel, stride, dilation, padding):
    axis = PaddedAxis(size, kernel, stride, padding, dilation)
    same = [
        total
        for total in range(axis.extent - size, 3 * size + axis.extent)
        if PaddedAxis(size + total, kernel, stride, (0, 0), dilation).steps == axis.steps
    ]
    # totals at which no window fits count none; the range may reach below them
    assert same == [total for total in axis.admissible if total >= axis.extent - size]
    assert axis.total in axis.admissible


def test_hand_worked_axis():
    axis = PaddedAxis(9, 2, 4, (0, 1), step=2)
    assert (axis.steps, axis.same_steps, axis.total, axis.extent) == (3, 3, 1, 2)
    assert list(axis.taps(2)) == [8, 9]
    assert axis.counts == (1, 1, 0, 0, 1, 1, 0, 0, 1)
    assert (axis.zero_products, axis.most_zeros) == (1, 1)
    assert axis.size_formula == "⌊(9 + 1 − 2) / 4⌋ + 1 = 3"
    assert axis.range_formula == "4·2 − 9 + 2 − 1 = 0 < P = 1 ≤ 4 = 4·3 − 9 + 2 − 1"
    assert axis.covered_text == "window 2 covers x₈ and 1 zero"


def test_negative_padding_cuts_off():
    axis = PaddedAxis(8, 2, 4, (0, -2))
    assert axis.size_formula == "⌊(8 − 2 − 2) / 4⌋ + 1 = 2"
    assert axis.range_formula.startswith("4·1 − 8 + 2 − 1 = −3 < P = −2 ≤ 1")
    assert axis.padding_text == "cut off: 0 before, 2 after"
    assert axis.counts == PaddedAxis(8, 2, 4).counts
    assert PaddedAxis(5, 2, 1, (-2, 0)).counts == (0, 0, 1, 2, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((9, 10), "spans 10 pixels, more than the 9"),
        ((9, 2, 4, (0, 1), 1, 3), "step is 3, expected 0 to 2"),
        ((9, 0), "kernel_size is 0, must be at least 1"),
        ((3, 1, 1, (-1, -2)), "cuts off 3 pixels, the axis has 3"),
        ((9, 2, 1, (1, 1, 1)), "padding has 3 entries, expected 2"),
    ],
)
def test_impossible_axis_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PaddedAxis(*arguments)


def test_no_fraction_of_a_pixel():
    with pytest.raises(TypeError, match="size must be an int"):
        PaddedAxis(9.5, 2)


def test_picture_names_pixels_weights_outputs_and_padding():
    picture = PaddedAxis(9, 2, 4, (0, 1), title="a claim").picture()
    shown = texts(picture)
    assert {"a claim", "x₀", "x₈", "w₀", "w₁", "y₂", "unseen: x₂, x₃, x₆, x₇"} <= set(shown)
    assert {"o = ⌊(9 + 1 − 2) / 4⌋ + 1 = 3", "SAME: ⌈9 / 4⌉ = 3"} <= set(shown)
    ruler = [mark.text for mark in picture.find("ruler") if hasattr(mark, "text")]
    assert list(zip(ruler[::2], ruler[1::2], strict=True)) == [
        ("−3", "2"), ("−2", "2"), ("−1", "2"), ("0", "2"), ("1", "3"), ("2", "3"),
        ("3", "3"), ("4", "3"), ("5", "4"), ("6", "4"), ("7", "4"), ("8", "4"),
    ]  # fmt: skip


def test_a_ruler_of_a_long_stride_shows_what_is_near():
    picture = padding_explorer(stride=10**6).state.picture()
    check_picture(picture)
    ruler = [mark.text for mark in picture.find("ruler") if hasattr(mark, "text")]
    assert len(ruler) == 2 * RULER
    assert "0" in ruler[::2]


def test_zeros_and_products_with_zeros_are_dashed():
    picture = PaddedAxis(5, 3, 1, (1, 1)).picture()
    assert len(picture.find("strip", "padding")) == len(picture.find("zero")) == 2
    assert sum(getattr(mark, "dashed", False) for mark in picture.marks) == 2 + 2


def test_compared_paddings_stand_pixel_below_pixel():
    axes = [PaddedAxis(9, 5, 4, padding) for padding in ((4, 0), (0, 4), (2, 2))]
    picture = draw_paddings(axes, ["before", "after", "split"])
    check_picture(picture)
    assert len({mark.x for mark in picture.find("strip", "cell") if mark.at == (0,)}) == 1
    assert texts(picture).count("3 outputs, 9 of 9 pixels seen") == 3


def test_products_with_zeros_are_counted_and_outputs_named():
    axes = [PaddedAxis(7, 3, padding=padding) for padding in ((0, 0), (0, 1), (2, 2))]
    shown = texts(draw_paddings(axes, ["none", "one", "wide"]))
    assert "no product with a zero" in shown
    assert "1 product with a zero, at most 1 per window" in shown
    assert "6 products with a zero, at most 2 per window" in shown  # four zeros, six products
    assert [text for text in shown if text.startswith("y")][:5] == [f"y{n}" for n in "₀₁₂₃₄"]


def test_participation_is_what_folding_windows_of_ones_gives():
    rows, columns = PaddedAxis(7, 3, 2, (1, 0)), PaddedAxis(6, 2, 1, (0, 0), 2)
    windows = Participation(rows, columns)
    padded = ops.pad(np.ones((1, 1, 7, 6)), (0, 0, 1, 0))
    settings = {"kernel_size": (3, 2), "stride": (2, 1), "dilation": (1, 2)}
    folded = ops.fold(ops.unfold(padded, **settings), (8, 6), **settings)[0, 0, 1:]
    assert np.array_equal(windows.counts, folded)
    assert windows.steps == rows.steps * columns.steps == 12
    assert Participation(rows, columns, 5).position == (1, 1)
    with pytest.raises(ValueError, match="step is 12, expected 0 to 11"):
        Participation(rows, columns, 12)


def test_participation_picture_shows_counts_and_unseen():
    picture = Participation(PaddedAxis(15, 4, 7), PaddedAxis(13, 6, 5), 3).picture()
    assert {"107 of 195", "step 4 of 4: row 1, column 1 of the output"} <= set(texts(picture))
    assert "unseen: 107 of 195 pixels" in picture.description
    assert len(picture.find("map", "hatch")) == 3 * 107


def test_a_count_has_one_shade_in_the_map_and_in_both_strips():
    picture = Participation(PaddedAxis(7, 3), PaddedAxis(5, 1)).picture()
    tints = [mark.tint for mark in picture.find("cell") if mark.fill == "input"]
    assert len(tints) == 5 + 7 + 35
    assert set(np.round(tints, 3)) == {0.333, 0.667, 1}
    np.testing.assert_allclose(sorted(tints)[: 5 + 12], 1 / 3)


@st.composite
def paddings(draw):
    """Any padding that the controls reach."""
    names = {"size": 16, "kernel_size": 7, "stride": 8, "dilation": 3, "total": LARGEST}
    given = {name: draw(st.integers(1, most)) for name, most in names.items()}
    for name, known in (("mode", MODES), ("zeros", PLACES), ("view", {0: "axis", 1: "image"})):
        given[name] = draw(st.sampled_from(list(known.values())))
    try:
        return PaddingState(**given)
    except ValueError:  # no window fits, or it is too long
        return PaddingState(given["size"], 1, given["stride"], view=given["view"])


@settings(max_examples=10, deadline=None)
@given(paddings())
def test_every_picture(padding):
    check_state(padding, steps=2)


def test_modes_fix_or_bound_the_total():
    def totals(**settings):
        return PaddingState(9, 3, 2, **settings).bounds["total"]

    assert totals(mode="VALID") == (0, 0)
    assert totals(mode="SAME") == (2, 3)
    assert totals(mode="SAME", dilation=2) == (4, 5)
    assert PaddingState(8, 2, 4).bounds["total"] == (-2, 1)
    assert totals(mode="equal width") == (2, 2)
    assert totals(mode="wide") == (4, 4)
    assert totals(mode="custom") == (-6, 4)


def test_every_total_of_same_gives_the_prescribed_outputs():
    for size, kernel, stride in itertools.product([7, 8, 9], [1, 2, 5], [1, 3, 4]):
        least, most = PaddingState(size, kernel, stride).bounds["total"]
        for total, zeros in itertools.product(range(least, most + 1), PLACES.values()):
            state = PaddingState(size, kernel, stride, total=total, zeros=zeros)
            assert state.total == total == sum(state.padding)
            assert state.steps == -(-size // stride)


def test_zeros_go_where_they_are_sent():
    paddings = [PaddingState(9, 5, 4, total=5, zeros=zeros).padding for zeros in PLACES.values()]
    assert paddings == [(2, 3), (0, 5), (5, 0)]


def test_total_outside_the_mode_is_moved_to_the_nearest():
    assert PaddingState(9, 2, 4, total=9).total == 4
    assert PaddingState(9, 2, 4, total=-9).total == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "full"}, "mode is 'full', expected one of"),
        ({"zeros": "left"}, "zeros is 'left', expected one of"),
        ({"view": "map"}, "view is 'map', expected one of"),
        ({"size": 3, "kernel_size": 4, "mode": "VALID"}, "spans 4 pixels, more than the 3"),
        ({"size": 16, "kernel_size": 6, "mode": "wide"}, f"has 26 pixels, .* at most {LARGEST}"),
        ({"step": 3}, "step is 3, expected 0 to 2"),
        ({"stride": 0}, "stride is 0, must be at least 1"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        padding_explorer(**settings)


@pytest.mark.parametrize("view", ["axis", "image"])
def test_modes_that_agree_on_the_padding_still_say_which_one_it_is(view):
    modes = ["custom", "SAME", "equal width"]
    states = [PaddingState(7, 3, 1, mode=mode, total=2, view=view) for mode in modes]
    assert len({state.padding for state in states}) == 1
    assert len({state.title for state in states}) == 3


def test_slider_runs_through_what_the_mode_allows():
    view = padding_explorer()
    slider = view.controls["total"]
    assert (slider.min, slider.value, slider.max, slider.disabled) == (1, 1, 4, False)
    view.controls["kernel_size"].value = 5
    assert (slider.min, slider.value, slider.max) == (4, 4, 7)
    slider.value = 6
    assert view.state.padding == (3, 3)
    view.controls["kernel_size"].value = 2
    assert (slider.min, slider.value, slider.max) == (1, 4, 4)
    view.controls["kernel_size"].value = 7  # its least total is above the largest so far
    assert (slider.min, slider.value, slider.max) == (6, 6, 9)
    view.controls["kernel_size"].value = 5
    view.controls["mode"].value = "VALID"
    assert (slider.value, slider.disabled) == (0, True)
    view.controls["mode"].value = "custom"
    assert (slider.min, slider.max, slider.disabled) == (-4, 8, False)
