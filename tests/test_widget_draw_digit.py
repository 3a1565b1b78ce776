"""The sheet to draw on: strokes become pixels, pixels become a reading, layer by layer."""

import base64
import io
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, texts
from PIL import Image
from torch import nn

import cnnbook.widgets
from cnnbook.datasets import Images, centre_digits, digits
from cnnbook.figures.digit_reader import DigitReading
from cnnbook.figures.layer_maps import LayerMaps, draw_layers
from cnnbook.models import LeNet, LeNet5, SmallInception
from cnnbook.ops import softmax
from cnnbook.widgets import draw_digit
from cnnbook.widgets.digit_canvas import PIXELS, SIDE, check_strokes, ink_of
from cnnbook.widgets.draw_digit import DrawDigitState, first_of_each
from cnnbook.widgets.layer_reader import read_layers

SEVEN = {
    "pen": 24,
    "points": [[50, 70 + 7 * k] for k in range(21)]
    + [[50 + 9 * k, 210 - 5 * k] for k in range(22)],
}
ONE = {"pen": 24, "points": [[40 + 10 * k, 140] for k in range(21)]}
DOT = {"pen": 28, "points": [[70.0, 210.0]]}


@pytest.fixture(scope="module")
def samples():
    return first_of_each(digits().test)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return LeNet()


def reading(image=None, layers=(), scores=(0.0, 2.0, 1.0), classes=("a", "b", "c"), **options):
    image = np.eye(28) if image is None else image
    return DigitReading(image, tuple(layers), np.array(scores), classes, **options)


# ---------------------------------------------------------------- strokes become ink


def test_a_dot_is_a_disc_of_its_pen():
    ink = ink_of([DOT])
    assert ink.shape == (PIXELS, PIXELS)
    assert ink.dtype == np.float32
    assert (ink.min(), ink.max()) == (0, 1)
    area = np.pi * 14**2 / (SIDE / PIXELS) ** 2
    assert ink.sum() == pytest.approx(area, rel=0.05)
    rows, columns = np.mgrid[:PIXELS, :PIXELS] + 0.5
    assert (ink * rows).sum() / ink.sum() == pytest.approx(14, abs=0.2)  # 70 of 280, row first
    assert (ink * columns).sum() / ink.sum() == pytest.approx(42, abs=0.2)


def test_a_stroke_is_a_line_with_round_ends():
    ink = ink_of([{"pen": 20, "points": [[90, 60], [90, 160]]}])
    assert ink.sum() == pytest.approx((20 * 100 + np.pi * 10**2) / 25, rel=0.06)
    rows, columns = np.nonzero(ink)
    assert (rows.min(), rows.max()) == (16, 19)  # 80 to 100 of 280
    assert (columns.min(), columns.max()) == (10, 33)


def test_strokes_add_up_and_nothing_is_drawn_beyond_the_sheet():
    assert not ink_of([]).any()
    both, seven, dot = ink_of([SEVEN, DOT]), ink_of([SEVEN]), ink_of([DOT])
    assert (both >= np.maximum(seven, dot)).all()
    assert (both <= np.minimum(seven + dot, 1)).all()
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
    assert len(layers) == len(kept)
    for layer, values in zip(layers, kept, strict=True):
        np.testing.assert_allclose(layer.values, values, rtol=1e-6)
    np.testing.assert_allclose(scores, expected[-1], rtol=1e-6)
    assert [layer.title for layer in layers] == [
        "convolution 5×5, ReLU", "max pooling 2×2", "convolution 5×5, ReLU", "max pooling 2×2",
        "dense, ReLU", "dense, ReLU",
    ]  # fmt: skip


def test_layers_of_the_network_of_1998():
    layers, scores = read_layers(LeNet5(padding=2), np.eye(28))
    assert [layer.title for layer in layers] == [
        "convolution 5×5, ScaledTanh", "Subsampling, ScaledTanh", "TableConv2d 5×5, ScaledTanh",
        "Subsampling, ScaledTanh", "convolution 5×5, ScaledTanh", "dense, ScaledTanh",
    ]  # fmt: skip
    assert layers[4].values.shape == (120,)  # maps of one pixel are a vector
    assert scores.shape == (10,)


def test_normalisation_dropout_padding_and_flattening_are_no_layers():
    torch.manual_seed(0)
    own = nn.Sequential(
        nn.Identity(),
        nn.BatchNorm2d(1),
        nn.ZeroPad2d(1),
        nn.Conv2d(1, 2, (3, 5), padding="same"),
        nn.BatchNorm2d(2),
        nn.ReLU(inplace=True),
        nn.Dropout(0.9),
        nn.Conv2d(2, 2, 1),
        nn.AdaptiveAvgPool2d(3),
        nn.Flatten(),
        nn.Linear(18, 4),
        nn.LogSoftmax(1),
    ).train()
    layers, scores = read_layers(own, np.eye(28))
    assert [(layer.title, layer.size) for layer in layers] == [
        ("convolution 3×5, BatchNorm2d, ReLU", "2 × 30 × 30"),
        ("convolution 1×1", "2 × 30 × 30"),
        ("AdaptiveAvgPool2d", "2 × 3 × 3"),
    ]
    assert own.training
    assert own[4].training
    assert not own[4].num_batches_tracked  # it ran in evaluation mode
    assert scores.shape == (4,)
    assert not any(part._forward_hooks for part in own.modules())


def test_what_is_changed_later_in_place_is_shown_as_it_was():
    class Zeroed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv2d(1, 2, 28), nn.Linear(2, 10)

        def forward(self, x):
            return self.last(self.first(x).flatten(1).zero_())

    own = Zeroed()
    layers, _ = read_layers(own, np.eye(28))
    expected = own.first(torch.eye(28)[None, None]).detach().numpy().ravel()
    np.testing.assert_allclose(layers[0].values, expected, rtol=1e-5)


def test_a_network_whose_layers_branch():
    layers, scores = read_layers(SmallInception(in_channels=1), np.eye(28))
    assert len(layers) > 6
    assert scores.shape == (10,)


@pytest.mark.parametrize(
    ("own", "error", "words"),
    [
        (lambda x: x, TypeError, "model is a function, expected a torch.nn.Module"),
        (nn.Linear(5, 10), ValueError, r"does not run on an image of shape \(1, 1, 28, 28\): "),
        (nn.Conv2d(3, 10, 1), ValueError, r"does not run on an image of shape \(1, 1, 28, 28\)"),
        (nn.Conv2d(1, 10, 1), ValueError, r"returns \(1, 10, 28, 28\) for one image, expected"),
        (nn.LSTM(28, 10), ValueError, "does not run on an image"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(own, error, words):
    with pytest.raises(error, match=words):
        draw_digit(own)
    if isinstance(own, nn.Module):
        assert not any(part._forward_hooks for part in own.modules())


def test_a_model_with_other_classes_or_without_numbers_is_refused(model):
    with pytest.raises(ValueError, match=r"scores has shape \(7,\), but there are 10 classes"):
        draw_digit(LeNet(num_classes=7))
    broken = LeNet()
    with torch.no_grad():
        broken[-1].bias.fill_(float("nan"))
    with pytest.raises(ValueError, match="dense: values are empty, or hold NaN"):
        draw_digit(broken)


# ---------------------------------------------------------------- the state


def test_the_drawing_is_sized_and_centred(model, samples):
    state = DrawDigitState(model, samples, strokes=[ONE])
    ink = torch.from_numpy(ink_of([ONE]))[None, None]
    np.testing.assert_array_equal(state.seen, centre_digits(ink)[0, 0].clamp(0, 1))
    assert state.seen.shape == (28, 28)
    moved = {"pen": 24, "points": [[row + 20, column + 60] for row, column in ONE["points"]]}
    same = DrawDigitState(model, samples, strokes=[moved])
    np.testing.assert_allclose(same.seen, state.seen, atol=0.15)
    as_it_lies = DrawDigitState(model, samples, strokes=[moved], centred=False)
    padded = np.pad(as_it_lies.ink[0, 0].numpy(), 1)
    halve = np.zeros((28, 58))  # a triangle of twice the width of the new pixels
    for row in range(28):
        halve[row, 2 * row : 2 * row + 4] = [1 / 8, 3 / 8, 3 / 8, 1 / 8]
    inside = slice(1, -1), slice(1, -1)
    np.testing.assert_allclose(
        as_it_lies.seen[inside], (halve @ padded @ halve.T)[inside], atol=1e-6
    )
    assert np.argmax(as_it_lies.seen.sum(0)) in (19, 20)  # column 200 of 280


def test_a_sample_is_seen_as_the_data_set_has_it(model, samples):
    whole = first_of_each(digits(as_mnist=True).test)
    for sample in range(10):
        state = DrawDigitState(model, samples, sample=sample)
        np.testing.assert_allclose(state.seen, whole.images[sample, 0], atol=1e-6)
        assert int(whole.labels[sample]) == sample


def test_the_state_refuses_what_does_not_fit(model, samples):
    with pytest.raises(ValueError, match="sample is 10, expected 0 to 9"):
        DrawDigitState(model, samples, sample=10)
    with pytest.raises(TypeError, match="samples is a list, expected Images"):
        DrawDigitState(model, [1])
    colour = Images(torch.zeros(2, 3, 8, 8), torch.zeros(2, dtype=torch.int64), ("a", "b"))
    with pytest.raises(ValueError, match="samples have 3 channels, expected 1"):
        DrawDigitState(model, colour)
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
    sizes = {picture.size for picture in pictures}
    assert len(sizes) == 1, sizes


def test_the_reading_in_words_and_numbers():
    scores = np.log([0.02, 0.9, 0.08])
    shown = reading(scores=scores, layers=[LayerMaps("dense", np.ones(5))])
    np.testing.assert_allclose(shown.probabilities, softmax(scores, 0))
    assert repr(shown) == (
        "The network reads b (90 %), then c (8 %) and a (2 %). The layers yield 5 and 3 scores."
    )
    said = {"The network reads b", "90 %", "8 %", "2 %", "−3.9", "−0.1", "−2.5", "5 numbers"}
    assert said <= set(texts(shown.picture()))


def test_bars_are_as_long_as_the_probabilities():
    shown = reading(scores=np.log([0.25, 0.5, 0.25])).picture()
    bars = shown.find("shares", "bar")
    np.testing.assert_allclose([bar.width / bars[1].width for bar in bars], [0.5, 1, 0.5])
    assert [bar.fill for bar in bars] == ["muted", "output", "muted"]
    (frame,) = shown.find("scores", "frame")
    cells = shown.find("scores", "cell")
    assert (frame.x, frame.stroke) == (next(c.x for c in cells if c.at == (0, 1)), "output")


def image_of(picture, part):
    (image,) = (mark for mark in picture.find(part) if hasattr(mark, "pixels"))
    return image


def test_the_input_is_ink_on_paper():
    image = np.zeros((28, 28))
    image[3, 5], image[4, 6] = 1, 0.4
    seen = image_of(reading(image).picture(), "seen")
    assert [seen.pixels[place][0] for place in ((3, 5), (4, 6), (0, 0))] == [0, 153, 255]
    assert seen.grey()
    assert seen.inverts


def test_maps_share_a_scale_and_the_range_is_printed():
    values = np.zeros((2, 2, 3))
    values[0, 0, 0], values[1, 1, 2] = 4, 1
    layer = LayerMaps("own", values)
    assert repr(layer) == "own: 2 maps of 2 × 3, 0 to 4."
    assert layer.pixels[0, 0, 0].tolist() == [0, 0, 0]
    assert layer.pixels[1, 1, 2].tolist() == [191, 191, 191]
    assert layer.pixels[0, 1, 1].tolist() == [255, 255, 255]
    picture = layer.picture()
    maps = image_of(picture, "maps")
    pixels = maps.pixels[..., :3]
    gap = pixels.shape[1] - 6
    np.testing.assert_array_equal(pixels[:, :3], layer.pixels[0])
    np.testing.assert_array_equal(pixels[:, 3 + gap :], layer.pixels[1])
    assert maps.width / pixels.shape[1] == pytest.approx(maps.height / 2)  # square pixels
    assert maps.inverts
    assert "0 to 4" in texts(picture)


def test_negative_values_are_slate():
    layer = LayerMaps("own", np.array([-2.0, 0, 1]))
    assert layer.span == "−2 to 1"
    slate, orange = [0x59, 0x62, 0x6E], [0xD5, 0x5E, 0x00]
    assert layer.pixels[0, 0].tolist() == [[*slate, 255], [*slate, 0], [*orange, 128]]
    picture = reading(layers=[layer]).picture()
    assert not image_of(picture, "maps").inverts
    assert "3 numbers, slate below 0" in texts(picture)


def test_many_maps_are_cut_and_it_is_said():
    layer = LayerMaps("own", np.random.default_rng(0).random((256, 6, 6)))
    picture = draw_layers([layer, LayerMaps("dense", np.ones(5))], "two layers")
    assert picture.description == "two layers"
    drawn = len([mark for mark in picture.find("maps") if mark.at]) - 1
    assert f"256 maps of 6 × 6, {drawn} drawn" in texts(picture)


def test_the_empty_sheet_is_calm(model, samples):
    picture = DrawDigitState(model, samples).picture()
    said = " ".join(texts(picture))
    assert repr(picture).startswith("Nothing is drawn yet, so there is nothing to read. The layers")
    assert "Draw a digit" in said
    assert " %" not in said
    assert "The network reads" not in said
    images = [mark for mark in picture.marks if hasattr(mark, "pixels")]
    assert images == picture.find("seen", "image")[:1]  # the empty paper; no maps


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image": np.zeros(28)}, "image has 1 axes, expected 2"),
        ({"image": np.full((28, 28), 1.5)}, "image holds values from 1.5 to 1.5, expected 0 to 1"),
        ({"image": np.full((28, 28), np.nan)}, "image holds nan, not a finite number"),
        ({"scores": (1.0, 2.0)}, r"scores has shape \(2,\), but there are 3 classes"),
        ({"scores": (1.0,), "classes": ("a",)}, "there are 1 classes, the picture holds 2 to 20"),
        ({"scores": np.zeros(21), "classes": range(21)}, "there are 21 classes"),
        ({"scores": (1.0, 2.0, np.inf)}, "the scores hold NaN or infinity"),
    ],
)
def test_a_reading_that_does_not_fit_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        reading(**options)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 3)), "own: values has 2 axes, expected 1 or 3"),
        (np.array([1, np.nan]), "own: values are empty, or hold NaN"),
        (np.zeros((0, 3, 3)), "own: values are empty"),
    ],
)
def test_layers_that_cannot_be_drawn_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        LayerMaps("own", values)


# ---------------------------------------------------------------- the view


def test_the_shipped_network_reads_what_is_drawn():
    view = draw_digit()
    for stroke, digit in ((SEVEN, "7"), (ONE, "1")):
        view.canvas.value = [stroke]
        assert repr(view).startswith(f"The network reads {digit} (")
        assert f">The network reads {digit}<" in view.screen.value
    ring = 140 + 80 * np.array([[np.sin(a), 0.7 * np.cos(a)] for a in np.linspace(0, 6.3, 40)])
    view.canvas.value = [{"pen": 24, "points": ring.tolist()}]
    assert repr(view).startswith("The network reads 0 (")


def test_the_still_picture_is_there_and_its_text_is_stable():
    view = draw_digit()
    assert repr(view) == repr(draw_digit())
    assert re.match(
        r"The network reads 6 \(\d\d %\), then \d \(\d+ %\) and \d \(\d+ %\)\. The layers yield "
        r"6 × 28 × 28, 6 × 14 × 14, 16 × 10 × 10, 16 × 5 × 5, 120, 84 and 10 scores\.$",
        repr(view),
    )
    bundle = view._repr_mimebundle_()
    assert len(base64.b64decode(bundle["image/png"])) < 120_000
    assert bundle["text/plain"] == repr(view)


def test_strokes_come_live_and_cover_the_sample(model):
    view = draw_digit(model)
    assert view.controls["sample"].value == 6
    assert view.canvas.background.startswith("data:image/png;base64,")
    seen = []
    view.screen.observe(lambda change: seen.append(change["new"]), "value")
    for length in (1, 5, 20, 40):
        view.canvas.value = [{**SEVEN, "points": SEVEN["points"][:length]}]
    assert len(set(seen)) >= 4
    assert (view.state.sample, view.controls["sample"].value) == (None, None)
    assert view.canvas.background == ""
    np.testing.assert_array_equal(
        view.state.seen, DrawDigitState(model, view.state.samples, view.canvas.value).seen
    )


def test_undo_and_clear(model):
    view = draw_digit(model, sample=None)
    screens = [view.screen.value]
    for strokes in ([SEVEN], [SEVEN, DOT]):
        view.canvas.value = strokes
        screens.append(view.screen.value)
    assert len(set(screens)) == 3
    for left, screen in ([SEVEN], screens[1]), ([], screens[0]), ([], screens[0]):
        view.actions["Undo"].click()
        assert (view.canvas.value, view.screen.value) == (left, screen)
    view.canvas.value, view.controls["sample"].value = [SEVEN, DOT], 4
    view.actions["Clear"].click()
    assert view.canvas.value == []
    assert (view.state.sample, view.screen.value) == (None, screens[0])


def test_a_sample_takes_the_place_of_the_drawing(model, samples):
    view = draw_digit(model, sample=None)
    view.canvas.value = [SEVEN]
    for number in (2, 9):
        view.controls["sample"].value = number
        assert view.canvas.value == []
        assert repr(view) == repr(DrawDigitState(model, samples, sample=number).picture())
        _, _, data = view.canvas.background.partition(",")
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
        np.testing.assert_allclose(1 - pixels / 255, samples.images[number, 0], atol=0.003)


def test_pen_and_centring(model):
    view = draw_digit(model)
    view.pen.value = view.pen.options["thick"]
    assert view.canvas.pen == 34
    before = view.screen.value
    view.controls["centred"].value = False
    assert not view.state.centred
    assert view.screen.value != before
    assert "The sheet as it lies" in view.screen.value


def test_a_broken_stroke_gives_a_message_and_keeps_the_state(model):
    view = draw_digit(model, sample=None)
    view.canvas.value = [ONE]
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
    assert any(f"reads {name} (" in repr(view) for name in names)
    assert ">a bag with …<" in view.screen.value


def test_a_model_that_learns_on_is_read_as_it_is_now():
    own = LeNet()
    view = draw_digit(own, sample=None)
    with torch.no_grad():
        own[-1].bias[3] = 100
    view.canvas.value = [ONE]
    assert repr(view).startswith("The network reads 3 (100 %), then")


# ---------------------------------------------------------------- the files


def test_script_and_style_are_shipped():
    root = Path(__file__).parent.parent
    config = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = config["tool"]["setuptools"]["package-data"]["cnnbook.widgets"]
    folder = Path(cnnbook.widgets.__file__).parent
    shipped = {path.name for pattern in patterns for path in folder.glob(pattern)}
    assert shipped == {"digit_canvas.js", "digit_canvas.css"}
    assert any(name.startswith("anywidget>=") for name in config["project"]["dependencies"])
    for name in shipped:
        text = (folder / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|import ", text)
