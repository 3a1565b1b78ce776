import base64
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cnnbook.figures.field_on_photo import PlacedField, draw_field_on_photo
from cnnbook.figures.receptive_field import LEFT, RIGHT, FieldStack, draw_receptive_field
from cnnbook.receptive_field import Layer, parse_network, trace
from cnnbook.widgets import receptive_field_explorer
from cnnbook.widgets.receptive_field_explorer import NETWORKS, OWN, StackState, telling_layers

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture):
    return [text.text for text in ET.fromstring(picture.svg()).iter(f"{SVG}text")]


def assert_inside(picture):
    """Every mark lies on the canvas; of a text, with room for DejaVu, the wider face."""
    figure = picture.axes().figure
    figure.canvas.draw()
    left, bottom, right, top = figure.bbox.extents
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert left <= box.x0, text
        assert box.x1 <= right, text
        assert bottom <= box.y0, text
        assert box.y1 <= top, text
    width, height = picture.size
    root = ET.fromstring(picture.svg())
    for mark in [*root.iter(f"{SVG}rect"), *root.iter(f"{SVG}image")]:
        x, y, w, h = (float(mark.get(name)) for name in ("x", "y", "width", "height"))
        assert -4 <= x <= x + w <= width - 4 + 1e-6
        assert -4 <= y <= y + h <= height - 4 + 1e-6
    for mark in [*root.iter(f"{SVG}polyline"), *root.iter(f"{SVG}polygon")]:
        for x, y in (map(float, pair.split(",")) for pair in mark.get("points").split()):
            assert -4 <= x <= width - 4
            assert -4 <= y <= height - 4


# --- the stack -----------------------------------------------------------------------------------


def test_stack_worked_by_hand():
    stack = FieldStack([Layer(3), Layer(3, 2), Layer(3)], 15, unit=1)
    assert stack.rule == "field 5 + (3 − 1)·2 = 9,  jump 2·1 = 2,  start 0 − 0·2 = 0"
    assert stack.place == "unit 1: from 0 + 1·2 = 2 to 2 + 9 − 1 = 10"
    assert stack.sentence == "sees 9 of 15 inputs"
    assert stack.seen == list(range(2, 11))
    assert [stack.reached[0][i] for i in stack.seen] == [1, 2, 4, 4, 5, 4, 4, 2, 1]


def test_stack_with_padding_and_holes():
    stack = FieldStack([Layer(3, 1, 2, 2), Layer(3, 1, 2, 2)], 9, unit=0)
    assert stack.rule == "field 5 + 2·(3 − 1)·1 = 9,  jump 1·1 = 1,  start −2 − 2·1 = −4"
    assert stack.sentence == "sees 3 of 9 inputs, 4 outside, skips 2"
    assert "from −4 + 0·1 = −4 to −4 + 9 − 1 = 4" in stack.description


def test_lower_layer_and_the_input():
    stack = FieldStack([3, 3], 9, layer=1, unit=6)
    assert stack.span == (6, 9)
    assert FieldStack([3, 3], 9, layer=0, unit=4).rule.startswith("an input sees itself")
    assert FieldStack([3, 3], 9, layer=0, unit=4).seen == [4]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([], 9), "0 layers, the picture holds 1 to 8"),
        (([1] * 9, 9), "9 layers, the picture holds 1 to 8"),
        (([3], 41), "input of 41, the picture holds 40"),
        (([3], 0), "input_size is 0"),
        (([3], 9, 2), "layer is 2, expected 0 to 1"),
        (([3], 9, 1, 7), "unit is 7, expected 0 to 6"),
        (([3, 9], 9), "layer 2: kernel_size 9"),
    ],
)
def test_impossible_stacks(arguments, match):
    with pytest.raises(ValueError, match=match):
        FieldStack(*arguments)


def test_drawing_shows_paths_fields_and_formula():
    found = texts(draw_receptive_field(FieldStack([3, 3, 3], 9, unit=1)))
    start = found.index("input")
    assert found[start - 9 : start] != []
    for text in ("Unit 1 of 0 to 2", "field 7, jump 1", "field 5, jump 1", "7 of 9 units", "27"):
        assert any(text in line for line in found), text
    cells = [text for text in found if re.fullmatch(r"\d", text)]
    # from the top: 1; 1 1 1; 1 2 3 2 1; 1 3 6 7 6 3 1; then the first and last input
    assert "".join(cells) == "1" + "111" + "12321" + "1367631" + "17"


@pytest.mark.parametrize("name", NETWORKS)
def test_every_example_fits_on_the_canvas_at_every_unit(name):
    network = parse_network(NETWORKS[name])
    sizes = set()
    for layer in range(len(network.layers) + 1):
        units = FieldStack(network.layers, network.input_size, layer).units
        for unit in sorted({0, units // 2, units - 1}):
            picture = draw_receptive_field(
                FieldStack(network.layers, network.input_size, layer, unit)
            )
            sizes.add(picture.size)
            if unit == 0:
                assert_inside(picture)
            cells = [mark for mark in picture.marks if hasattr(mark, "radius")]
            assert min(cell.x for cell in cells) >= LEFT
            assert max(cell.x + cell.width for cell in cells) <= RIGHT
    assert len(sizes) == 1  # nothing jumps


def test_extremes_fit_on_the_canvas():
    for text, unit in [
        ("input 40; conv 3 p1 x8", 20),
        ("input 1; conv 1", 0),
        ("input 40; pool 2 x5", 0),
        ("input 3; conv 7 p9 d2", 4),
        ("input 40; conv 40", 0),
        ("input 40; conv 11 /10 p10 d3; conv 2 /9 p9 d2", 0),
    ]:
        size, layers = parse_network(text)
        picture = draw_receptive_field(FieldStack(layers, size, unit=unit))
        assert_inside(picture)
        assert picture.width <= 960


def test_close_ends_are_written_as_one():
    found = texts(draw_receptive_field(FieldStack([2], 40, unit=11)))
    assert "11–12" in found


# --- the widget for a typed network --------------------------------------------------------------


def test_explorer_starts_in_the_middle_and_steps():
    view = receptive_field_explorer("three 3-convolutions")
    assert view.state.step == 2
    assert view.step.max == 4
    view.go_to(99)
    assert view.state.stack.seen == [4, 5, 6, 7, 8, 9, 10]
    view.go_to(-5)
    assert view.state.stack.seen == [0, 1, 2, 3, 4, 5, 6]
    assert "sees 7 of 11 inputs" in view.screen.value


def test_layer_changes_the_picture():
    view = receptive_field_explorer("input 9; conv 3; conv 3", unit=4)
    view.controls["layer"].value = 1
    assert view.state.stack.units == view.state.steps == 7
    before = view.screen.value
    view.controls["layer"].value = 0
    assert view.screen.value != before
    assert not view.message


def test_examples_and_typing_go_together():
    view = receptive_field_explorer("LeNet")
    editor = view.controls["network"]
    for name, text in NETWORKS.items():
        editor.list.value = name
        assert view.state.network == text
        assert not view.message
        assert view.state.stack.layer == len(parse_network(text).layers)
    editor.text.value = "input 8; conv 2"
    assert (editor.list.value, view.state.steps) == (OWN, 7)
    assert view.controls["layer"].options == (("layer 1: conv 2", 1), ("input", 0))
    editor.list.value = "LeNet"
    assert editor.text.value == NETWORKS["LeNet"]
    editor.text.value = "input 9; conv 3 x4"
    assert view.state.stack.layer == view.controls["layer"].value == 4


def test_impossible_settings_say_why_and_keep_the_state():
    view = receptive_field_explorer("LeNet")
    state = view.state
    view.controls["network"].text.value = "input 9; conv 3; cnov 5"
    assert "cannot read the layer 'cnov 5'" in view.message
    assert view.state is state
    assert "No such setting" in view.screen.value
    view.controls["network"].text.value = "input 9; conv 3; conv 11"
    assert "conv 11: kernel_size 11" in view.message
    view.controls["network"].text.value = "input 9; conv 3"
    assert view.message == ""


def test_bad_arguments():
    with pytest.raises(ValueError, match="must begin with its input"):
        receptive_field_explorer("ResNet")
    with pytest.raises(ValueError, match="unit is 5, expected 0 to 4"):
        receptive_field_explorer("three 3-convolutions", unit=5)
    with pytest.raises(ValueError, match="layer is 4, expected 0 to 3"):
        receptive_field_explorer("three 3-convolutions", layer=4)
    with pytest.raises(ValueError, match="give module as well"):
        receptive_field_explorer(image="china")


def test_bundle_has_a_picture_and_the_sentence():
    view = receptive_field_explorer()
    data = view._repr_mimebundle_()
    assert base64.b64decode(data["image/png"])[:4] == b"\x89PNG"
    assert repr(view) == repr(StackState(NETWORKS["stride in the middle"]).picture())
    assert "sees 9 of 15 inputs" in repr(view)


# --- a module on a photograph --------------------------------------------------------------------


class Gate(nn.Module):
    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True)


@pytest.fixture(scope="module")
def network():
    with torch.device("meta"):
        return nn.Sequential(
            nn.Conv2d(3, 4, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(4, 4, 3, padding=9, dilation=9), Gate(), nn.AdaptiveAvgPool2d(1),
        )  # fmt: skip


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((60, 84, 3))


def test_layers_that_see_nothing_new_are_left_out(network):
    fields = telling_layers(trace(network, (3, 60, 84)))
    assert list(fields) == ["input", "0", "2", "3", "4.mean", "4.mul", "5"]


def test_placed_field(network, image):
    fields = trace(network, (3, 60, 84))
    corner = PlacedField(image, fields["3"], (0, 0))
    assert corner.whole == ((-40, 41), (-40, 41))
    assert corner.seen == ((0, 41), (0, 41))
    assert corner.share == pytest.approx(100 * 41 * 41 / (60 * 84))
    assert "rows 0 to 40, columns 0 to 40 (without a border: rows −40 to 40" in corner.description
    inner = PlacedField(image, fields["0"], (10, 12))
    assert inner.ranges == "rows 18 to 22, columns 22 to 26"
    gated = PlacedField(image, fields["4.mul"], (3, 4))
    assert gated.summary == "no common jump: a branch sees the whole map"
    assert gated.share == 100


@pytest.mark.parametrize("layer", ["input", "0", "2", "3", "4.mul"])
def test_photograph_fits_on_the_canvas(network, image, layer):
    field = trace(network, (3, 60, 84))[layer]
    rows, columns = field.units
    sizes = set()
    for unit in [(0, 0), (rows // 2, columns // 3), (rows - 1, columns - 1)]:
        picture = draw_field_on_photo(PlacedField(image, field, unit))
        assert_inside(picture)
        sizes.add(picture.size)
        assert f"unit in row {unit[0]}, column {unit[1]}" in texts(picture)
    assert len(sizes) == 1


def test_bright_part_of_the_photograph_is_what_is_seen(network):
    field = trace(network, (3, 60, 84))["0"]
    picture = draw_field_on_photo(PlacedField(np.zeros((60, 84)), field, (10, 12)))
    (cover,) = [m for m in picture.marks if getattr(m, "fill", None) == "paper" and m.tint == 0.7]
    x, y = np.array(cover.points).T
    area = abs(x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2  # of the polygon: its hole counts negative
    photo = next(m for m in picture.marks if hasattr(m, "pixels"))
    scale = photo.width / 84
    assert area == pytest.approx((photo.width + 2) * (photo.height + 2) - 25 * scale**2)


@pytest.mark.parametrize(
    ("image", "unit", "error", "match"),
    [
        (np.zeros((60, 84, 2)), (0, 0), ValueError, r"shape \(60, 84, 2\), expected"),
        (np.zeros(60), (0, 0), ValueError, r"shape \(60,\), expected"),
        (np.zeros((60, 84)), (30, 0), ValueError, "no unit 30"),
        (np.zeros((60, 84)), (0, 0.5), TypeError, "unit must be an int"),
    ],
)
def test_what_cannot_be_placed(network, image, unit, error, match):
    with pytest.raises(error, match=match):
        PlacedField(image, trace(network, (3, 60, 84))["0"], unit)


def test_module_explorer(network, image):
    view = receptive_field_explorer(module=network, image=image)
    assert view.controls["layer"].value == "4.mul"  # the last one with a map
    view.controls["layer"].value = "0"
    assert view.message == ""
    assert (view.controls["row"].max, view.controls["column"].max) == (29, 41)
    before = view.screen.value
    view.controls["row"].value = 3
    view.controls["column"].value = 0
    assert view.screen.value != before
    assert view.state.placed.unit == (3, 0)
    assert view.state.placed.seen == ((4, 9), (0, 3))
    view.controls["layer"].value = "2"  # stays at about the same place
    assert view.state.placed.unit == (1, 0)
    view.controls["layer"].value = "4.mean"
    assert view.state.placed.unit == (0, 0)
    assert "rows 0 to 59, columns 0 to 83" in repr(view)
    assert replace(view.state, layer="2", row=99).placed.unit == (14, 0)  # the last row


def test_module_explorer_arguments(network, image):
    view = receptive_field_explorer(module=network, image=image, layer="2", unit=(1, 20))
    assert view.state.placed.unit == (1, 20)
    assert receptive_field_explorer(module=network).state.image.shape == (224, 336, 3)
    grey = receptive_field_explorer(module=nn.Conv2d(1, 1, 3), image=image[..., 0])
    assert grey.state.image.shape == (60, 84)
    with pytest.raises(ValueError, match="no layer 'x', expected one of input, 0, 2"):
        receptive_field_explorer(module=network, image=image, layer="x")
    with pytest.raises(ValueError, match="no unit 15 in '2'"):
        receptive_field_explorer(module=network, image=image, layer="2", unit=(15, 0))
    with pytest.raises(ValueError, match=r"has 1 channel, layer '0' \(Conv2d\) expects 3"):
        receptive_field_explorer(module=network, image=image[..., 0])
    with pytest.raises(ValueError, match="no photograph 'nowhere'"):
        receptive_field_explorer(module=network, image="nowhere")
