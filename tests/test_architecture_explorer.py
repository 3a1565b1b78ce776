"""Stepping through the layers of a network: what the controls do, and what is refused."""

import pytest
import torch
from picture_checks import check_state, texts
from torch import nn

from cnnbook.widgets import architecture_explorer
from cnnbook.widgets.architecture_explorer import NETWORKS, OWN, ArchitectureState, parse_size


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_read(name):
    state = ArchitectureState(NETWORKS, name, NETWORKS[name].input_size)
    for step in range(state.steps):
        layer = state.at(step).inner
        assert set(layer.lines.values()) <= set(texts(layer.picture()))
    check_state(state, steps=2)
    weights = state.whole.module.parameters()  # even those of AlexNet take no memory
    assert {p.device for p in weights} == {torch.device("meta")}


def test_stepping_and_choosing_another_network():
    view = architecture_explorer("LeNet", step=1)
    assert view.step.max == 8
    view.go_to(99)
    assert "Layer 8 of 8: 11, Linear" in view.screen.value
    for name, example in NETWORKS.items():
        view.controls["network"].value = name
        assert (view.message, view.state.network) == ("", name)
        assert view.state.input_size == parse_size(view.controls["input_size"].value)
        assert view.state.input_size == example.input_size
    view.controls["input_size"].value = "1 x 300"
    assert (view.state.input_size, view.message) == ((1, 300), "")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("3×224×224", "features, expects 9216 (AlexNet (2012) is made for 3 × 227 × 227)"),
        ("1×227×227", "features.0"),
        ("3×9×9", "input_size (3, 9, 9) has 9 units along an axis, layer 'features.0'"),
        ("big", "'big' is no size: type channels × rows × columns"),
        ("3×0×9", "'3×0×9' is no size"),
        ("3×5000×5000", "3 × 5000 × 5000 is too large: at most 4096"),
    ],
)
def test_impossible_inputs_say_why_and_keep_the_state(typed, message):
    view = architecture_explorer("AlexNet (2012)", step=2)
    kept = view.state
    view.controls["input_size"].value = typed
    assert message in view.message
    assert view.state is kept
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


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (("VGG",), ValueError, "no network 'VGG', expected one of LeNet, "),
        ((nn.Linear(2, 3),), ValueError, "input_size is needed"),
        ((nn.ReLU(), (1, 4, 4)), ValueError, "no layer with weights"),
        (("LeNet", (3, 28, 28)), ValueError, "is made for 1 × 28 × 28"),
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
