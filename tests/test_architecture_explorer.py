"""Stepping through a network: formulas against measured numbers, the picture, the view."""

import base64

import pytest
import torch
from test_figure_dense import assert_legible, texts
from torch import nn

from cnnbook.figures.architecture_step import KEYS, LayerStep, draw_layer_step
from cnnbook.figures.architecture_towers import draw_towers, towers
from cnnbook.figures.picture import _Rect
from cnnbook.models import AlexNet2012, LeNet, SmallAlexNet, summary
from cnnbook.widgets import architecture_explorer
from cnnbook.widgets.architecture_explorer import NETWORKS, OWN, ArchitectureState, parse_size


def state(network, input_size=None, step=0):
    return ArchitectureState(NETWORKS, network, input_size or NETWORKS[network].input_size, step)


def lines(network, step, input_size=None):
    return state(network, input_size, step).layer_step.lines


def own(module, input_size, step):
    return LayerStep(summary(module, input_size), module, step).lines


# ---------------------------------------------------------------- formulas


def test_first_layer_of_alexnet_worked_by_hand():
    assert lines("AlexNet (2012)", 1) == {
        "shape": "3×227×227 → 96×55×55",
        "size": "⌊(227 + 2·0 − 11) / 4⌋ + 1 = 55",
        "parameters": "96·(3·11·11 + 1) = 34,944  (0.057 % of all)",
        "multiply-adds": "34,848 weights · 55·55 places = 105,415,200  (15 % of all)",
        "field": "1 + (11 − 1)·1 = 11, jump 1·4 = 4",
    }


def test_groups_pooling_flattening_and_dense_layers():
    grouped = lines("AlexNet (2012)", 3)
    assert grouped["parameters"].startswith("256·(96/2·5·5 + 1) = 307,456")
    pooled = lines("AlexNet (2012)", 4)
    assert pooled["size"] == "⌊(27 + 2·0 − 3) / 2⌋ + 1 = 13"
    assert (pooled["parameters"], pooled["multiply-adds"]) == ("none", "none counted")
    assert pooled["field"] == "51 + (3 − 1)·8 = 67, jump 8·2 = 16"
    assert lines("AlexNet (2012)", 9)["size"] == "256·6·6 = 9216"
    dense = lines("AlexNet (2012)", 10)
    assert dense["parameters"].startswith("4096·(9216 + 1) = 37,752,832")
    assert dense["multiply-adds"].startswith("4096·9216 = 37,748,736")


def test_unequal_sides_dilation_rounding_and_the_remainder():
    net = nn.Sequential(
        nn.Conv2d(3, 4, (3, 5), stride=2, padding=(1, 0), dilation=(2, 1), bias=False),
        nn.MaxPool2d(2, ceil_mode=True), nn.AdaptiveAvgPool2d((2, 3)),
    )  # fmt: skip
    first = own(net, (3, 16, 21), 1)
    assert first["size"] == (
        "rows ⌊(16 + 2·1 − (2·(3 − 1) + 1)) / 2⌋ + 1 = 7, remainder 1; "
        "columns ⌊(21 + 2·0 − 5) / 2⌋ + 1 = 9"
    )
    assert first["parameters"] == "4·3·3·5 = 180  (nearly all)"
    assert first["field"] == "1 + 2·(3 − 1)·1 = 5, jump 1·2 = 2; 1 + (5 − 1)·1 = 5, jump 1·2 = 2"
    second = own(net, (3, 16, 21), 2)
    assert "rows ⌈(7 + 2·0 − 2) / 2⌉ + 1 = 4, remainder 1" in second["size"]
    assert own(net, (3, 16, 21), 3)["size"] == "cells as even as possible, so that 2×3 remain"


def test_a_branch_finds_the_map_it_read():
    third = lines("Inception 3a", 4)  # branch3.0.conv comes after a map of 128 channels
    assert third["shape"] == "192×28×28 → 16×28×28"
    last = lines("Inception 3a", 7)  # after the pooling, whose field is 3
    assert last["field"] == "3 + (1 − 1)·1 = 3, jump 1·1 = 1"


class Twice(nn.Module):
    """Uses one layer twice, and one that follows no rule."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.rnn = nn.GRU(4, 5, batch_first=True)

    def forward(self, x):
        return self.rnn(self.conv(self.conv(x))[:, 0])[0]


def test_second_calls_and_layers_without_a_rule():
    step = LayerStep(summary(Twice(), (3, 6, 4)), Twice(), 2)
    assert step.row.name == "conv_1"
    assert step.lines["shape"] == "3×6×4 → 3×6×4"
    assert step.lines["parameters"] == "none"  # counted with the first call
    rnn = own(Twice(), (3, 6, 4), 3)
    assert rnn["size"] == "no rule of one window or one dense layer"
    assert rnn["shape"] == "6×5"
    assert rnn["parameters"].startswith("165  (")


def test_a_rule_that_does_not_give_the_number_is_not_written():
    table = lines("LeNet-5 (1998)", 3)  # 60 of 96 kernels: 6·16·25 would be wrong
    assert table["parameters"].startswith("1,516  (")
    assert "=" not in table["parameters"]


class Scaled(nn.Conv2d):
    """A convolution with one number more a channel."""

    def __init__(self, *args):
        super().__init__(*args)
        self.scale = nn.Parameter(torch.ones(args[1], 1, 1))

    def forward(self, x):
        return super().forward(x) * self.scale


def test_a_layer_with_more_parameters_gets_its_number_alone():
    found = own(Scaled(3, 4, 5), (3, 9, 8), 1)
    assert found["parameters"] == "308  (nearly all)"  # 4·(3·5·5 + 1) = 304
    assert found["size"].startswith("rows ⌊(9 + 2·0 − 5) / 1⌋ + 1 = 5")


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_of_every_network_can_be_read(name):
    steps = state(name).steps
    sizes = set()
    for step in range(steps):
        current = state(name, step=step)
        picture = current.picture()
        sizes.add(picture.size)
        assert list(current.layer_step.lines) == list(KEYS)
        assert current.layer_step.title in texts(picture)
        for key, line in current.layer_step.lines.items():
            assert line in texts(picture)
            assert f"{key} {line}" in picture.description
        if step in (0, 1, steps // 2, steps - 1):
            assert_legible(picture)
    assert len(sizes) == 1  # nothing jumps
    assert picture.width <= 960


def test_shares_add_up_to_all_that_ran():
    google = state("GoogLeNet")
    shares = 0
    for step in range(1, google.steps):
        text = lines("GoogLeNet", step)["parameters"]
        shares += float(text.split("(")[-1].split(" %")[0]) if "%" in text else 0
    assert shares == pytest.approx(100, abs=1)  # the classifiers that did not run left out


# ---------------------------------------------------------------- the picture


def frames(picture):
    return [m for m in picture.marks if isinstance(m, _Rect) and m.stroke == "output"]


def test_the_layer_is_marked_at_its_map():
    assert frames(state("LeNet").picture()) == []
    tops = []
    for step in (1, 2, 3):
        shape, block = frames(state("LeNet", step=step).picture())
        assert block.x < shape.x
        tops.append(shape.y)
    assert tops == sorted(tops)
    flat = state("LeNet", step=5).picture()  # flattening has no map of its own
    assert frames(flat) == []
    assert [m for m in flat.marks if isinstance(m, _Rect) and m.fill == "wash"]


def test_layers_before_the_first_weights():
    net = SmallAlexNet(1, upscale=4)
    step = LayerStep(summary(net, (1, 8, 8)), net, 1)
    assert step.row.kind == "Upsample"
    assert step.place == (0, None)
    assert_legible(draw_layer_step(step))


def test_steps_out_of_range():
    with pytest.raises(ValueError, match="step is 9, expected 0 to 8"):
        LayerStep(summary(LeNet(), (1, 28, 28)), LeNet(), 9)


# ---------------------------------------------------------------- the view


def test_stepping_and_choosing_another_network():
    view = architecture_explorer("LeNet", step=1)
    assert view.step.max == 8
    view.go_to(99)
    assert "Layer 8 of 8: 11, Linear" in view.screen.value
    view.controls["network"].value = "AlexNet (2012)"
    assert view.message == ""
    assert view.controls["input_size"].value == "3×227×227"
    assert view.state.input_size == (3, 227, 227)
    assert view.step.max == 12
    for name in NETWORKS:
        view.controls["network"].value = name
        assert view.message == ""
        assert view.state.network == name


def test_another_input_changes_the_numbers():
    view = architecture_explorer("AlexNet (one tower)", step=1)
    before = view.screen.value
    view.controls["input_size"].value = "3 x 300 x 400"
    assert view.state.input_size == (3, 300, 400)
    assert "⌊(300 + 2·2 − 11) / 4⌋ + 1 = 74" in view.screen.value
    assert view.screen.value != before


def test_impossible_inputs_say_why_and_keep_the_state():
    view = architecture_explorer("AlexNet (2012)", step=2)
    kept = view.state
    for typed, message in [
        ("3×224×224", "gets 6400 features, expects 9216 (AlexNet (2012) is made for 3×227×227)"),
        ("1×227×227", "features.0"),
        ("3×9×9", "input_size (3, 9, 9) has 9 units along an axis, layer 'features.0'"),
        ("big", "'big' is no size: type channels × rows × columns"),
        ("3×0×9", "'3×0×9' is no size"),
        ("3×5000×5000", "3×5000×5000 is too large: at most 4096"),
    ]:
        view.controls["input_size"].value = typed
        assert message in view.message
        assert view.state is kept
        assert "No such setting" in view.screen.value
    view.controls["input_size"].value = "3×231×231"
    assert view.message == ""


def test_a_network_of_ones_own():
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 4 * 5, 7))
    view = architecture_explorer(net, (2, 6, 7), step=1)
    assert view.controls["network"].value == OWN
    assert view.controls["network"].options[-1] == OWN
    assert "3·(2·3·3 + 1) = 57" in repr(view)
    view.controls["network"].value = "LeNet"
    view.controls["network"].value = OWN
    assert view.state.input_size == (2, 6, 7)
    assert net.training  # nothing of it was changed
    assert OWN not in architecture_explorer("LeNet").controls["network"].options


def test_a_deep_network_is_shown_less_deep():
    class Block(nn.Sequential):
        pass

    blocks = [Block(nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 1)) for _ in range(20)]
    view = architecture_explorer(nn.Sequential(*blocks), (2, 8, 8))
    assert view.state.steps == 21
    assert "Block" in view.screen.value


def test_heavy_networks_take_no_memory():
    module = state("AlexNet (2012)").layer_step.module
    assert isinstance(module, AlexNet2012)
    assert all(p.device == torch.device("meta") for p in module.parameters())


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (("VGG",), ValueError, "no network 'VGG', expected one of LeNet, "),
        ((nn.Linear(2, 3),), ValueError, "input_size is needed"),
        ((nn.ReLU(), (1, 4, 4)), ValueError, "no layer with weights"),
        (("LeNet", (3, 28, 28)), ValueError, "is made for 1×28×28"),
        ((7, (1, 4, 4)), TypeError, "must be a torch.nn.Module, got int"),
    ],
)
def test_bad_arguments(arguments, error, match):
    with pytest.raises(error, match=match):
        architecture_explorer(*arguments)


def test_sizes_as_one_types_them():
    for text in ("3×227×227", "3x227x227", "3 227 227", "(3, 227, 227)", " 3 X 227 × 227 "):
        assert parse_size(text) == (3, 227, 227)
    assert parse_size("1×100") == (1, 100)
    for text in ("227", "1 2 3 4", "", "3×-1×4"):
        with pytest.raises(ValueError, match="is no size"):
            parse_size(text)


def test_bundle_has_a_picture_and_the_formula():
    view = architecture_explorer("LeNet", step=3)
    data = view._repr_mimebundle_()
    assert base64.b64decode(data["image/png"])[:4] == b"\x89PNG"
    assert repr(view) == repr(state("LeNet", step=3).picture())
    assert "⌊(14 + 2·0 − 5) / 1⌋ + 1 = 10" in repr(view)


# ---------------------------------------------------------------- two towers


def alexnet():
    with torch.device("meta"):
        return summary(AlexNet2012(), (3, 227, 227))


def test_who_reads_from_whom():
    layers = towers(alexnet())
    assert [layer.both for layer in layers] == [False, False, True, False, False, True, True, True]
    assert layers[0].reads == "the image"
    assert [layer.half for layer in layers[:2]] == [(48, 55, 55), (128, 27, 27)]
    picture = draw_towers(alexnet())
    assert_legible(picture)
    crossings = [m for m in picture.marks if getattr(m, "points", ()) and m.stroke == "kernel"]
    assert len(crossings) == 2 * 4
    assert "conv4 3×3, 192×13×13 a tower, reads its own half" in picture.description
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
        towers(summary(net, (net[0].in_channels, 9, 9)))
