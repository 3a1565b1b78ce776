"""The sheet to draw on: strokes become pixels, pixels become a reading, layer by layer."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, texts
from PIL import Image
from torch import nn

from cnnbook.datasets import Images, centre_digits, digits
from cnnbook.figures.digit_reader import DigitReading
from cnnbook.figures.layer_maps import LayerMaps
from cnnbook.models import LeNet
from cnnbook.widgets import draw_digit
from cnnbook.widgets.digit_canvas import PIXELS, SIDE, DigitCanvas, check_strokes, ink_of
from cnnbook.widgets.draw_digit import DrawDigitState, first_of_each
from cnnbook.widgets.layer_reader import read_layers

TOP = [[50, 70 + 7 * k] for k in range(21)]
SEVEN = {"pen": 24, "points": TOP + [[50 + 9 * k, 210 - 5 * k] for k in range(22)]}
ONE = {"pen": 24, "points": [[40 + 10 * k, 140] for k in range(21)]}
DOT = {"pen": 28, "points": [[70.0, 210.0]]}
EYE = np.eye(28)


@pytest.fixture(scope="module")
def samples():
    return first_of_each(digits().test)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return LeNet()


def reading(image=EYE, layers=(), scores=(0.0, 2.0, 1.0), classes=("a", "b", "c")):
    return DigitReading(image, tuple(layers), np.array(scores), classes)


# ---------------------------------------------------------------- strokes become ink


def test_a_dot_is_a_disc_and_a_stroke_a_line_with_round_ends():
    ink = ink_of([DOT])
    assert (ink.shape, ink.dtype, ink.min(), ink.max()) == ((PIXELS, PIXELS), np.float32, 0, 1)
    assert ink.sum() == pytest.approx(np.pi * 14**2 / (SIDE / PIXELS) ** 2, rel=0.05)
    middle = np.tensordot(np.mgrid[:PIXELS, :PIXELS] + 0.5, ink) / ink.sum()
    np.testing.assert_allclose(middle, [14, 42], atol=0.2)  # 70 and 210 of 280, row first
    line = ink_of([{"pen": 20, "points": [[90, 60], [90, 160]]}])
    assert line.sum() == pytest.approx((20 * 100 + np.pi * 10**2) / 25, rel=0.06)
    places = np.argwhere(line)
    assert (places.min(0).tolist(), places.max(0).tolist()) == ([16, 10], [19, 33])


def test_strokes_add_up_and_nothing_is_drawn_beyond_the_sheet():
    both, seven, dot = ink_of([SEVEN, DOT]), ink_of([SEVEN]), ink_of([DOT])
    assert ((both >= np.maximum(seven, dot)) & (both <= np.minimum(seven + dot, 1))).all()
    assert not ink_of([{"pen": 10, "points": [[-60, -60], [-50, 300]]}]).any()


@pytest.mark.parametrize(
    ("stroke", "error", "words"),
    [
        ([1, 2], TypeError, "stroke 1 is a list, expected a dict"),
        ({"points": [[1, 2]]}, ValueError, "stroke 1 has the pen None, expected a width of 1"),
        ({"pen": 9}, ValueError, r"stroke 1 has no points \[row, column\]"),
        ({"pen": 9, "points": [[1, 2], [3]]}, ValueError, "stroke 1 has no points"),
        ({"pen": 9, "points": [[1, 900]]}, ValueError, "goes from 1 to 900, the sheet from 0 to"),
        ({"pen": 9, "points": [[1, np.nan]]}, ValueError, "stroke 1 goes from nan"),
    ],
)
def test_strokes_of_another_form_are_refused(stroke, error, words):
    check_strokes([DOT])
    with pytest.raises(error, match=words):
        check_strokes([DOT, stroke])


# ---------------------------------------------------------------- what the layers yield


def test_layers_are_those_of_a_run_by_hand(model, samples):
    image = centre_digits(samples.images)[3, 0]
    layers, scores = read_layers(model, image.numpy())
    x, expected = image[None, None], []
    with torch.no_grad():
        for layer in model:
            x = layer(x)
            expected.append(x[0].numpy())
    kept = [expected[i] for i in (1, 2, 4, 5, 8, 10)]  # after each ReLU, and each pooling
    for layer, values in zip(layers, kept, strict=True):
        np.testing.assert_allclose(layer.values, values, rtol=1e-6)
    np.testing.assert_allclose(scores, expected[-1], rtol=1e-6)
    maps = ["convolution 5×5, ReLU", "max pooling 2×2"]
    assert [layer.title for layer in layers] == 2 * maps + 2 * ["dense, ReLU"]


def test_normalisation_dropout_padding_and_flattening_are_no_layers():
    parts = nn.Identity(), nn.BatchNorm2d(1), nn.ZeroPad2d(1)
    parts += nn.Conv2d(1, 2, (3, 5), padding="same"), nn.BatchNorm2d(2), nn.ReLU(inplace=True)
    parts += nn.Dropout(0.9), nn.Conv2d(2, 2, 1), nn.AdaptiveAvgPool2d(3), nn.Flatten()
    own = nn.Sequential(*parts, nn.Linear(18, 4), nn.LogSoftmax(1)).train()
    layers, scores = read_layers(own, EYE)
    titles = "convolution 3×5, BatchNorm2d, ReLU", "convolution 1×1", "AdaptiveAvgPool2d"
    sizes = "2 × 30 × 30", "2 × 30 × 30", "2 × 3 × 3"
    assert [(layer.title, layer.size) for layer in layers] == list(zip(titles, sizes, strict=True))
    assert scores.shape == (4,)
    assert all(part.training and not part._forward_hooks for part in own.modules())
    assert not own[4].num_batches_tracked  # it ran in evaluation mode


def broken_lenet():
    net = LeNet()
    nn.init.constant_(net[-1].bias, torch.nan)
    return net


@pytest.mark.parametrize(
    ("own", "error", "words"),
    [
        (lambda x: x, TypeError, "model is a function, expected a torch.nn.Module"),
        (nn.Linear(5, 10), ValueError, r"does not run on an image of shape \(1, 1, 28, 28\): "),
        (nn.Conv2d(1, 10, 1), ValueError, r"returns \(1, 10, 28, 28\) for one image, expected"),
        (LeNet(num_classes=7), ValueError, r"scores has shape \(7,\), but there are 10 classes"),
        (broken_lenet(), ValueError, "dense: values are empty, or hold NaN"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(own, error, words):
    with pytest.raises(error, match=words):
        draw_digit(own)
    if isinstance(own, nn.Module):
        assert not any(part._forward_hooks for part in own.modules())


# ---------------------------------------------------------------- the state


def test_the_drawing_is_sized_and_centred_or_seen_as_it_lies(model, samples):
    state = DrawDigitState(model, samples, strokes=[ONE])
    ink = torch.from_numpy(ink_of([ONE]))[None, None]
    np.testing.assert_array_equal(state.seen, centre_digits(ink)[0, 0].clamp(0, 1))
    moved = {"pen": 24, "points": [[row + 20, column + 60] for row, column in ONE["points"]]}
    same = DrawDigitState(model, samples, strokes=[moved])
    np.testing.assert_allclose(same.seen, state.seen, atol=0.15)
    as_it_lies = DrawDigitState(model, samples, strokes=[moved], centred=False)
    halve = np.zeros((28, 58))  # a triangle of twice the width of the new pixels
    for row in range(28):
        halve[row, 2 * row : 2 * row + 4] = [1 / 8, 3 / 8, 3 / 8, 1 / 8]
    expected = halve @ np.pad(as_it_lies.ink[0, 0].numpy(), 1) @ halve.T
    inside = slice(1, -1), slice(1, -1)
    np.testing.assert_allclose(as_it_lies.seen[inside], expected[inside], atol=1e-6)


def test_a_sample_is_seen_as_the_data_set_has_it(model, samples):
    whole = first_of_each(digits(as_mnist=True).test)
    assert whole.labels.tolist() == list(range(10))
    for sample in range(10):
        state = DrawDigitState(model, samples, sample=sample)
        np.testing.assert_allclose(state.seen, whole.images[sample, 0], atol=1e-6)


def test_the_state_refuses_what_does_not_fit(model, samples):
    with pytest.raises(ValueError, match="sample is 10, expected 0 to 9"):
        DrawDigitState(model, samples, sample=10)
    with pytest.raises(TypeError, match="samples is a list, expected Images"):
        DrawDigitState(model, [1])
    with pytest.raises(ValueError, match="there are 360 samples, at most 30 fit"):
        DrawDigitState(model, digits().test)


# ---------------------------------------------------------------- the picture


@st.composite
def readings(draw):
    """Three readings of one network: of its shapes, of other values, and of an empty sheet."""
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    shapes = st.sampled_from([(6, 28, 28), (256, 6, 6), (2, 2, 40), (84,), (1000,), (1,)])
    shapes, count = draw(st.lists(shapes, max_size=4)), draw(st.integers(2, 20))
    title = draw(st.sampled_from(["dense", "convolution 5×5, BatchNorm2d, ReLU and more"]))
    classes = tuple(f"a bag {k}"[: draw(st.sampled_from([1, 9]))] * 5 for k in range(count))

    def reading(image, least):
        scale = 10.0 ** rng.integers(-6, 3)
        layers = [LayerMaps(title, scale * rng.uniform(least, 1, shape)) for shape in shapes]
        return DigitReading(image, layers, scale * rng.standard_normal(count), classes)

    image = rng.random(draw(st.sampled_from([(28, 28), (8, 20)])))
    return reading(image, 0), reading(image**2, -1), reading(0 * image, -1)


@settings(max_examples=12, deadline=None, phases=[Phase.generate])
@given(readings())
def test_every_picture(readings):
    pictures = [reading.picture() for reading in readings]
    for picture in pictures:
        check_picture(picture)
    assert len({picture.size for picture in pictures}) == 1


def test_the_reading_in_words_bars_and_cells():
    shown = reading(scores=np.log([0.02, 0.9, 0.08]), layers=[LayerMaps("dense", np.ones(5))])
    np.testing.assert_allclose(shown.probabilities, [0.02, 0.9, 0.08])
    assert repr(shown) == (
        "The network reads b (90 %), then c (8 %) and a (2 %). The layers yield 5 and 3 scores."
    )
    picture = shown.picture()
    said = {"The network reads b", "90 %", "8 %", "2 %", "−3.9", "−0.1", "−2.5", "5 numbers"}
    assert said <= set(texts(picture))
    bars = picture.find("shares", "bar")
    np.testing.assert_allclose([bar.width / bars[1].width for bar in bars], [1 / 45, 1, 4 / 45])
    assert [bar.fill for bar in bars] == ["muted", "output", "muted"]
    (frame,), cells = picture.find("scores", "frame"), picture.find("scores", "cell")
    assert (frame.x, frame.stroke) == (next(c.x for c in cells if c.at == (0, 1)), "output")


def image_of(picture, part):
    (image,) = (mark for mark in picture.find(part) if hasattr(mark, "pixels"))
    return image


def test_maps_share_a_scale_and_negative_values_are_slate():
    values = np.zeros((2, 2, 3))
    values[0, 0, 0], values[1, 1, 2] = 4, 1
    layer = LayerMaps("own", values)
    assert repr(layer) == "own: 2 maps of 2 × 3, 0 to 4."
    expected = np.full((2, 2, 3), 255)
    expected[0, 0, 0], expected[1, 1, 2] = 0, 191
    np.testing.assert_array_equal(layer.pixels[..., 1], expected)
    seen = image_of(reading(EYE * 0.4).picture(), "seen")  # ink on paper
    assert (seen.pixels[3, 3, 0], seen.pixels[4, 6, 0], seen.inverts) == (153, 255, True)
    maps = image_of(layer.picture(), "maps")
    np.testing.assert_array_equal(maps.pixels[:, :3, :3], layer.pixels[0])
    np.testing.assert_array_equal(maps.pixels[:, -3:, :3], layer.pixels[1])
    assert maps.width / maps.pixels.shape[1] == pytest.approx(maps.height / 2)  # square pixels
    assert maps.inverts
    signed, slate, orange = LayerMaps("own", [-2.0, 0, 1]), [0x59, 0x62, 0x6E], [0xD5, 0x5E, 0x00]
    assert signed.span == "−2 to 1"
    assert signed.pixels[0, 0].tolist() == [[*slate, 255], [*slate, 0], [*orange, 128]]
    picture = reading(layers=[signed]).picture()
    assert not image_of(picture, "maps").inverts
    assert "3 numbers, slate below 0" in texts(picture)


def test_the_empty_sheet_is_calm(model, samples):
    picture = DrawDigitState(model, samples).picture()
    assert repr(picture).startswith("Nothing is drawn yet, so there is nothing to read. The layers")
    assert not re.search(" %|The network reads", " ".join(texts(picture)))
    images = [mark for mark in picture.marks if hasattr(mark, "pixels")]
    assert images == picture.find("seen", "image")[:1]  # the empty paper; no maps


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image": np.zeros(28)}, "image has 1 axes, expected 2"),
        ({"image": EYE * 1.5}, "image holds values from 0 to 1.5, expected 0 to 1"),
        ({"scores": (1.0, 2.0)}, r"scores has shape \(2,\), but there are 3 classes"),
        ({"scores": (1.0,), "classes": ("a",)}, "there are 1 classes, the picture holds 2 to 20"),
        ({"scores": (1.0, 2.0, np.inf)}, "the scores hold NaN or infinity"),
        ({"layers": np.zeros((1, 2, 3))}, "own: values has 2 axes, expected 1 or 3"),
        ({"layers": [np.array([1, np.nan])]}, "own: values are empty, or hold NaN"),
    ],
)
def test_what_cannot_be_read_or_drawn_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        reading(**options | {"layers": [LayerMaps("own", v) for v in options.get("layers", ())]})


# ---------------------------------------------------------------- the view


def test_the_shipped_network_reads_what_is_drawn():
    view = draw_digit()
    assert re.match(
        r"The network reads 6 \(\d\d %\), then \d \(\d+ %\) and \d \(\d+ %\)\. The layers yield "
        r"6 × 28 × 28, 6 × 14 × 14, 16 × 10 × 10, 16 × 5 × 5, 120, 84 and 10 scores\.$",
        repr(view),
    )
    assert len(base64.b64decode(view._repr_mimebundle_()[0]["image/png"])) < 120_000
    ring = 140 + 80 * np.array([[np.sin(a), 0.7 * np.cos(a)] for a in np.linspace(0, 6.3, 40)])
    for stroke, digit in ((SEVEN, 7), (ONE, 1), ({"pen": 24, "points": ring.tolist()}, 0)):
        view.canvas.value = [stroke]
        assert repr(view).startswith(f"The network reads {digit} (")
        assert f">The network reads {digit}<" in view.screen.value


def test_strokes_come_live_and_cover_the_sample(model):
    view, seen = draw_digit(model), []
    assert view.controls["sample"].value == 6
    view.screen.observe(lambda change: seen.append(change["new"]), "value")
    for length in (1, 5, 20, 40):
        view.canvas.value = [{**SEVEN, "points": SEVEN["points"][:length]}]
    assert len(set(seen)) >= 4
    assert (view.state.sample, view.controls["sample"].value) == (None, None)
    assert view.canvas.background == ""


def test_undo_and_clear(model):
    view = draw_digit(model, sample=None)
    screens = [view.screen.value]
    for strokes in ([SEVEN], [SEVEN, DOT]):
        view.canvas.value = strokes
        screens.append(view.screen.value)
    for left, screen in ([SEVEN], screens[1]), ([], screens[0]), ([], screens[0]):
        view.actions["Undo"].click()
        assert (view.canvas.value, view.screen.value) == (left, screen)
    view.canvas.value, view.controls["sample"].value = [SEVEN, DOT], 4
    view.actions["Clear"].click()
    assert (view.canvas.value, view.state.sample, view.screen.value) == ([], None, screens[0])
    assert len(set(screens)) == 3


def test_a_sample_takes_the_place_of_the_drawing(model, samples):
    view = draw_digit(model, sample=None)
    view.canvas.value = [SEVEN]
    for number in (2, 9):
        view.controls["sample"].value = number
        assert view.canvas.value == []
        assert repr(view) == repr(DrawDigitState(model, samples, sample=number).picture())
        data = view.canvas.background.removeprefix("data:image/png;base64,")
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        np.testing.assert_allclose(1 - pixels / 255, samples.images[number, 0], atol=0.003)


def test_pen_centring_and_a_broken_stroke(model):
    view = draw_digit(model, sample=None)
    view.pen.value = view.pen.options["thick"]
    assert view.canvas.pen == 34
    view.canvas.value = [ONE]
    view.controls["centred"].value = False
    assert "The sheet as it lies" in view.screen.value
    before = view.state
    view.canvas.value = [{"pen": 24, "points": [[1, 9000]]}]
    assert view.message.startswith("stroke 0 goes from 1 to 9000")
    assert 'role="alert"' in view.screen.value
    assert view.state is before
    view.canvas.value = [ONE]
    assert view.message == ""


def test_own_samples_name_the_classes():
    names = ("shirt", "shoe", "a bag with a long name")
    own = Images(torch.rand(3, 1, 28, 28), torch.tensor([2, 0, 1]), names)
    view = draw_digit(LeNet(num_classes=3), samples=own, sample=0, centred=False)
    assert [name for name, _ in view.controls["sample"].options] == [names[2], names[0], names[1]]
    np.testing.assert_allclose(view.state.seen, own.images[0, 0], atol=1e-6)
    assert ">a bag with …<" in view.screen.value


def test_a_model_that_learns_on_is_read_as_it_is_now():
    own = LeNet()
    view = draw_digit(own, sample=None)
    nn.init.constant_(own[-1].bias[3:4], 100)
    view.canvas.value = [ONE]
    assert repr(view).startswith("The network reads 3 (100 %), then")


@pytest.mark.parametrize("name", ["_esm", "_css"])
def test_the_sheet_loads_nothing_from_elsewhere(name):
    text = str(getattr(DigitCanvas, name))
    assert len(text) > 500
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|import ", text)
