"""One unit and what it sees: of a typed network along one axis, of a module on a photograph."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts
from torch import nn

from cnnbook.figures.field_on_photo import PlacedField
from cnnbook.figures.receptive_field import NETWORKS, FieldStack
from cnnbook.receptive_field import Layer, Network, parse_network, trace
from cnnbook.widgets import receptive_field_explorer
from cnnbook.widgets.receptive_field_explorer import OWN, telling_layers

# ---------------------------------------------------------------- the stack


def test_stack_worked_by_hand():
    stack = FieldStack("input 15; conv 3; conv 3 /2; conv 3", step=1)
    assert stack.rule == "field 5 + (3 − 1)·2 = 9,  jump 2·1 = 2,  start 0 − 0·2 = 0"
    assert stack.place == "unit 1: from 0 + 1·2 = 2 to 2 + 9 − 1 = 10"
    assert stack.sentence == "sees 9 of 15 inputs"
    assert stack.seen == list(range(2, 11))
    assert [stack.reached[0][i] for i in stack.seen] == [1, 2, 4, 4, 5, 4, 4, 2, 1]
    assert "in conv 3, level 3 of 3, sees 9 of 15 inputs. " in repr(stack)


def test_stack_with_padding_and_holes_and_the_input():
    stack = FieldStack(Network(9, [Layer(3, 1, 2, 2), (3, 1, 2, 2)]), step=0)
    assert stack.rule == "field 5 + 2·(3 − 1)·1 = 9,  jump 1·1 = 1,  start −2 − 2·1 = −4"
    assert stack.sentence == "sees 3 of 9 inputs, 4 outside, skips 2"
    assert "from −4 + 0·1 = −4 to −4 + 9 − 1 = 4" in stack.description
    below = FieldStack(Network(9, [3, 3]), layer=0, step=4)
    assert (below.rule, below.seen) == ("an input sees itself: field 1, jump 1, start 0", [4])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (((9, []),), "0 layers, the picture holds 1 to 8"),
        (((41, [3]),), "input of 41, the picture holds 40"),
        (((0, [3]),), "input_size is 0"),
        (((9, [3]), 2), "layer is 2, expected 0 to 1"),
        (((9, [3]), 1, 7), "step is 7, expected 0 to 6"),
        (((9, [3, 9]),), "layer 2: kernel_size 9"),
        (("input 9; conv 3; cnov 5",), "cannot read the layer 'cnov 5'"),
    ],
)
def test_impossible_stacks(arguments, match):
    with pytest.raises(ValueError, match=match):
        FieldStack(*arguments)


def test_drawing_shows_paths_fields_and_formula():
    picture = FieldStack(Network(9, [3, 3, 3]), step=1).picture()
    found = set(texts(picture))
    assert {"Unit 1 of 0 to 2", "field 7, jump 1", "7 of 9 units", "7 at most, 27 in all"} <= found
    written = [mark.text for mark in picture.find("unit") if hasattr(mark, "text")]
    assert "".join(written) == "1367631" + "12321" + "111" + "1"
    assert len(picture.find("bar")) == 7
    assert "11–12" in texts(FieldStack("input 40; conv 2", step=11).picture())


@st.composite
def stacks(draw):
    """Any stack that can be drawn."""
    pixels = size = draw(st.integers(1, 40))
    settings, layers = st.tuples(*(st.integers(*e) for e in ((1, 7), (1, 4), (0, 3), (1, 3)))), []
    for kernel, stride, padding, dilation in draw(st.lists(settings, max_size=8)):
        room = size + 2 * padding - dilation * (kernel - 1) - 1
        if room >= 0:
            name = f"conv {kernel} /{stride} p{padding} d{dilation}"
            layers.append(Layer(kernel, stride, padding, dilation, name))
            size = room // stride + 1
    return FieldStack(Network(pixels, layers or [Layer(1)]), draw(st.integers(0, len(layers))))


@settings(max_examples=10, deadline=None)
@given(stacks())
def test_every_picture(stack):
    check_state(stack)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_example_jumps_from_layer_to_layer(name):
    layers = range(len(parse_network(NETWORKS[name]).layers) + 1)
    sizes = {FieldStack(NETWORKS[name], layer, 0).picture().size for layer in layers}
    assert len(sizes) == 1


# ---------------------------------------------------------------- a typed network


def test_stepping_examples_and_typing_go_together():
    view = receptive_field_explorer("three 3-convolutions")
    assert (view.state.step, view.step.max) == (2, 4)
    view.go_to(99)
    assert view.state.seen == [4, 5, 6, 7, 8, 9, 10]
    view.controls["layer"].value = 1
    assert view.state.steps == 9
    view.controls["layer"].value = 3
    editor = view.controls["network"]
    for name, text in NETWORKS.items():
        editor.list.value = name
        assert (view.state.network, view.message, editor.text.value) == (text, "", text)
        assert view.state.layer == len(parse_network(text).layers)
    editor.text.value = "input 8; conv 2"
    assert (editor.list.value, view.state.steps) == (OWN, 7)
    assert view.controls["layer"].options == (("layer 1: conv 2", 1), ("input", 0))
    editor.text.value = "input 9; conv 3 x4"
    assert view.state.layer == view.controls["layer"].value == 4


def test_impossible_settings_say_why_and_keep_the_state():
    view = receptive_field_explorer("LeNet")
    state, line = view.state, view.controls["network"].text
    line.value = "input 9; conv 3; cnov 5"
    assert "cannot read the layer 'cnov 5'" in view.message
    assert view.state is state
    line.value = "input 9; conv 3"
    assert view.message == ""


def test_an_image_is_for_a_module():
    with pytest.raises(ValueError, match="give module as well"):
        receptive_field_explorer("LeNet", image="china")


# ---------------------------------------------------------------- a module on a photograph


class Gate(nn.Module):
    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True)


@pytest.fixture(scope="module")
def network():
    first, second = nn.Conv2d(3, 4, 5, 2, 2), nn.Conv2d(4, 4, 3, padding=9, dilation=9)
    last = second, Gate(), nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(3, 2, 1), *last)


@pytest.fixture(scope="module")
def fields(network):
    return trace(network, (3, 60, 84))


IMAGE = np.random.default_rng(0).random((60, 84, 3))


def test_layers_that_see_nothing_new_are_left_out(fields):
    assert list(telling_layers(fields)) == ["input", "0", "2", "3", "4.mean", "4.mul", "5"]


def test_placed_field(fields):
    corner = PlacedField(IMAGE, fields, "3", 0, 0)
    assert (corner.whole, corner.seen) == (((-40, 41), (-40, 41)), ((0, 41), (0, 41)))
    assert corner.share == pytest.approx(100 * 41 * 41 / (60 * 84))
    assert "rows 0 to 40, columns 0 to 40 (without a border: rows −40 to 40" in repr(corner)
    gated = PlacedField(IMAGE, fields, "4.mul")
    assert (gated.row, gated.column, gated.share) == (7, 10, 100)
    assert gated.summary == "no common jump: a branch sees the whole map"
    assert PlacedField(IMAGE, fields, "2", row=99).row == 14  # the last row


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(["input", "0", "2", "3", "4.mul", "5"]), st.integers(0, 99), st.integers(0, 99)
)
def test_every_photograph(fields, layer, row, column):
    placed = PlacedField(IMAGE, fields, layer, row, column)
    (picture,) = check_state(placed)
    assert picture.size == PlacedField(IMAGE, fields, "0", 0, 0).picture().size
    assert f"unit in row {placed.row}, column {placed.column}" in texts(picture)


def test_bright_part_of_the_photograph_is_what_is_seen(fields):
    picture = PlacedField(np.zeros((60, 84)), fields, "0", 10, 12).picture()
    (cover,) = picture.find("cover")
    x, y = np.array(cover.points).T
    area = abs(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2  # of the polygon: its hole counts negative
    photo = picture.find("image")[0]
    scale = photo.width / 84
    assert area == pytest.approx((photo.width + 2) * (photo.height + 2) - 25 * scale**2)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"image": np.zeros((60, 84, 2))}, ValueError, r"shape \(60, 84, 2\), expected"),
        ({"image": np.zeros(60)}, ValueError, "image has 1 axes, expected 2 or 3"),
        ({"layer": "x"}, ValueError, r"layer is 'x', expected one of \('input', '0'"),
        ({"row": -1}, ValueError, "row is -1"),
        ({"column": 0.5}, TypeError, "column must be an int"),
    ],
)
def test_what_cannot_be_placed(fields, change, error, match):
    with pytest.raises(error, match=match):
        PlacedField(**{"image": IMAGE, "fields": fields, "layer": "0", **change})


def test_module_explorer(network):
    view = receptive_field_explorer(module=network, image=IMAGE)
    place = view.controls["row"], view.controls["column"]
    assert view.controls["layer"].value == "4.mul"  # the last one with a map
    view.controls["layer"].value = "0"
    assert [slider.max for slider in place] == [29, 41]
    view.controls["row"].value, view.controls["column"].value = 3, 0
    assert view.state.seen == ((4, 9), (0, 3))
    view.controls["layer"].value = "2"  # stays at about the same place
    assert (view.state.row, view.state.column) == (1, 0)
    view.controls["layer"].value = "4.mean"
    assert "rows 0 to 59, columns 0 to 83" in repr(view)
    assert all(slider.disabled for slider in place)
    view.controls["layer"].value = "0"
    assert [(slider.max, slider.disabled) for slider in place] == [(29, False), (41, False)]
    assert view.message == ""


def test_module_explorer_starts_anywhere(network):
    view = receptive_field_explorer(module=network, image=IMAGE, layer="2", row=1, column=20)
    assert (view.state.row, view.controls["column"].value) == (1, 20)
    assert receptive_field_explorer(module=network).state.image.shape == (224, 336, 3)
    grey = receptive_field_explorer(module=nn.Conv2d(1, 1, 3), image=IMAGE[..., 0])
    assert grey.state.image.shape == (60, 84)
    with pytest.raises(ValueError, match=r"has 1 channel, layer '0' \(Conv2d\) expects 3"):
        receptive_field_explorer(module=network, image=IMAGE[..., 0])
