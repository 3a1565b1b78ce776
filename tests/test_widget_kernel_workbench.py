"""The kernel workbench: kernels, filtering, editor, photographs, and a picture with nothing cut."""

import io
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import signal

from cnnbook.datasets import photograph
from cnnbook.figures.filtering import PHOTO, RESPONSES, Filtering, draw_filtering, draw_photos
from cnnbook.figures.kernels import CLASSICAL, KERNELS, Kernel, draw_kernels, name_kernel
from cnnbook.figures.picture import MARGIN, _Image, _Text
from cnnbook.widgets import kernel_workbench
from cnnbook.widgets.kernel_workbench import fit_photograph, resize_cells

RNG = np.random.default_rng(0)
IMAGE = RNG.random((9, 12))
OWN = np.array([[1, 2, 0], [0, 3, -1], [0, 0, 2.0]])


def texts(picture):
    return [mark.text for mark in picture.marks if isinstance(mark, _Text)]


def assert_nothing_is_cut(picture):
    figure = picture.axes().figure
    renderer = figure.canvas.get_renderer()
    drawn = [text for text in figure.axes[0].texts if text.get_text()]
    corners = np.array([text.get_window_extent(renderer).extents for text in drawn])
    assert (corners[:, :2] >= 0).all()
    assert (corners[:, 2:] <= figure.bbox.max).all(), [
        text for text, box in zip(drawn, corners, strict=True) if (box[2:] > figure.bbox.max).any()
    ]
    apart = (corners[:, None, :2] >= corners[None, :, 2:] - 1).any(axis=2)
    assert not [(drawn[i], drawn[j]) for i, j in np.argwhere(~(apart | apart.T)) if i < j]
    for mark in picture.marks:
        if isinstance(mark, _Image):
            assert min(mark.x, mark.y) >= -MARGIN
            assert mark.x + mark.width <= picture.width + MARGIN
            assert mark.y + mark.height <= picture.height + MARGIN


def image_file(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def upload(view, name, content):
    entry = {"name": name, "content": memoryview(content), "type": "", "size": len(content)}
    view.controls["image"].upload.value = ({**entry, "last_modified": datetime.now(UTC)},)


# kernels


def test_classical_kernels_by_hand():
    bell, step = np.array([[1, 2, 1]]), np.array([[-1, 0, 1]])
    np.testing.assert_array_equal(KERNELS["Gaussian blur"].weights, bell.T @ bell / 16)
    np.testing.assert_array_equal(KERNELS["Sobel, left to right"].cells, bell.T @ step)
    np.testing.assert_array_equal(KERNELS["Sobel, top to bottom"].cells, step.T @ bell)
    wide = signal.convolve2d(KERNELS["Gaussian blur"].cells, KERNELS["Gaussian blur"].cells)
    np.testing.assert_array_equal(KERNELS["wide Gaussian blur"].cells, wide)
    sharpen = KERNELS["identity"].cells - KERNELS["Laplacian"].cells
    np.testing.assert_array_equal(KERNELS["sharpen"].cells, sharpen)


@pytest.mark.parametrize("kernel", CLASSICAL, ids=list(KERNELS))
def test_every_classical_kernel_says_what_it_is(kernel):
    assert kernel.source
    np.testing.assert_allclose(kernel.weights.sum(), kernel.total, atol=1e-12)
    keeps = {"identity", "shift", "sharpen", "emboss"}
    blurs = "blur" in kernel.name
    assert kernel.total == pytest.approx(1 if blurs or kernel.name in keeps else 0)
    assert name_kernel(kernel.cells, kernel.divisor).name == kernel.name


def test_sum_rank_and_symmetry():
    assert KERNELS["Gaussian blur"].rank == KERNELS["Sobel, left to right"].rank == 1
    assert KERNELS["Laplacian"].rank == 2
    assert KERNELS["Laplacian"].symmetry[0] == "even"
    assert KERNELS["Sobel, top to bottom"].symmetry[0] == "odd"
    assert Kernel(OWN).symmetry[0] == "neither even nor odd"
    assert KERNELS["box blur"].brightness == "a flat patch keeps its brightness"
    assert KERNELS["outline"].brightness == "a flat patch becomes 0: the mean is removed"
    assert Kernel(OWN, 2).brightness == "a flat patch becomes 3.5 times as bright"
    assert Kernel(np.full((3, 3), 0.1) - np.eye(3) * 0.3).total == 0  # rounding is no sum


def test_a_kernel_is_known_by_its_weights():
    assert name_kernel(np.ones((3, 3)), 9).name == "box blur"
    assert name_kernel(np.full((3, 3), 1 / 9)).name == "box blur"
    assert name_kernel(np.full((3, 3), 2.0), 18).name == "box blur"
    assert name_kernel(np.ones((3, 3))).name == "your kernel"


@pytest.mark.parametrize(
    ("cells", "divisor", "message"),
    [
        (np.ones((2, 2)), 1, r"kernel has shape \(2, 2\), expected \(k, k\) with k 1, 3, 5 or 7"),
        (np.ones((3, 5)), 1, r"kernel has shape \(3, 5\)"),
        (np.full((3, 3), np.nan), 1, "kernel holds a value that is not finite"),
        (np.ones((3, 3)), 0, "the divisor is 0, expected a finite number other than 0"),
        (np.ones((3, 3)), np.inf, "the divisor is ∞"),
    ],
)
def test_impossible_kernels_are_refused(cells, divisor, message):
    with pytest.raises(ValueError, match=message):
        Kernel(cells, divisor)


def test_kernels_side_by_side():
    picture = draw_kernels({"blur": KERNELS["Gaussian blur"], "own": OWN / 2})
    assert repr(picture) == "Kernels: blur (÷ 16, sum 1); own (sum 3.5)."
    assert {"4", "−0.5", "÷ 16, sum 1"} <= set(texts(picture))
    assert_nothing_is_cut(picture)


# filtering


@pytest.mark.parametrize("kernel", [Kernel(OWN, 2), KERNELS["wide Gaussian blur"]])
def test_the_filter_agrees_with_scipy_and_torch(kernel):
    star, convolved = Filtering(IMAGE, kernel).output, Filtering(IMAGE, kernel, flip=True).output
    expected = signal.correlate2d(IMAGE, kernel.weights, "valid")
    np.testing.assert_allclose(star, expected, atol=1e-12, strict=True)
    expected = signal.convolve2d(IMAGE, kernel.weights, "valid")
    np.testing.assert_allclose(convolved, expected, atol=1e-12, strict=True)
    arrays = [torch.from_numpy(array)[None, None] for array in (IMAGE, kernel.weights)]
    np.testing.assert_allclose(star, F.conv2d(*arrays)[0, 0].numpy(), atol=1e-12)


def test_a_pixel_worked_by_hand():
    image = np.array([[0, 0.5, 0.25], [0.5, 1, 0], [0, 0, 0.5]])
    assert Filtering(image, OWN).output.item() == 2 * 0.5 + 3 * 1 + 2 * 0.5
    assert Filtering(image, OWN, flip=True).output.item() == -0.5 + 3 * 1 + 0.5


def test_limits_and_what_they_cut_off():
    sobel, sharpen = KERNELS["Sobel, left to right"], KERNELS["sharpen"]
    signed = Filtering(IMAGE, sobel)
    largest = np.abs(signed.output).max()
    assert (signed.shown, signed.limits, signed.cut_off) == ("signed", (-largest, largest), 0)
    clipped = Filtering(IMAGE, sharpen)
    assert (clipped.shown, clipped.limits) == ("clipped", (0, 1))
    outside = np.mean((clipped.output < 0) | (clipped.output > 1))
    assert clipped.cut_off == outside > 0.2
    assert Filtering(IMAGE, sobel, response="clipped").limits == (0, 1)
    assert Filtering(IMAGE, sharpen, response="signed").cut_off == 0
    assert Filtering(np.zeros((4, 4)), sobel).limits == (-1, 1)


def test_brightness_of_a_flat_wall():
    wall = np.full((6, 7), 0.25)
    for kernel in CLASSICAL:
        np.testing.assert_allclose(Filtering(wall, kernel).output, 0.25 * kernel.total, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": np.ones((2, 5))}, "image is 2 × 5, the kernel 3 × 3"),
        ({"image": np.ones((5, 5, 3))}, "image has 3 axes, expected 2"),
        ({"image": IMAGE * 255}, "image holds values from .* expected 0 to 1"),
        ({"image": IMAGE - 1}, "expected 0 to 1"),
        ({"image": np.full((5, 5), np.nan)}, "expected 0 to 1"),
        ({"response": "loud"}, "response is 'loud', expected one of"),
    ],
)
def test_impossible_filterings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Filtering(**{"image": IMAGE, "kernel": OWN, **arguments})


def test_the_pixels_that_are_drawn():
    picture = draw_filtering(Filtering(IMAGE, KERNELS["Sobel, left to right"]))
    photo, _, filtered, _ = (mark for mark in picture.marks if isinstance(mark, _Image))
    np.testing.assert_array_equal(photo.pixels[..., 0], np.round(IMAGE * 255))
    output = Filtering(IMAGE, KERNELS["Sobel, left to right"]).output
    grey = (output / np.abs(output).max() + 1) / 2 * 255
    np.testing.assert_array_equal(filtered.pixels[..., 1], np.round(grey))
    scale = photo.width / IMAGE.shape[1]  # the same for both, and centre over centre
    assert filtered.width == pytest.approx(output.shape[1] * scale)
    assert filtered.x - (picture.width - PHOTO[0]) == pytest.approx(scale)
    assert filtered.y - photo.y == pytest.approx(scale)


@pytest.mark.parametrize("kernel", CLASSICAL, ids=list(KERNELS))
def test_nothing_is_cut_and_the_size_stays(kernel):
    for flip, response in ((False, "auto"), (True, "signed"), (True, "clipped")):
        picture = draw_filtering(Filtering(IMAGE, kernel, flip, response))
        assert (picture.width, picture.height) == (900, 380)
    assert_nothing_is_cut(picture)


def test_awkward_numbers_are_not_cut():
    kernel = Kernel(-np.arange(25).reshape(5, 5) / 7 - 1000, -0.0123)
    assert_nothing_is_cut(draw_filtering(Filtering(IMAGE, kernel, True, "clipped")))


@pytest.mark.parametrize("shape", [(3, 40), (60, 4)])
def test_any_shape_fits_into_its_box(shape):
    picture = draw_filtering(Filtering(RNG.random(shape), KERNELS["sharpen"]))
    for mark in picture.marks:
        if isinstance(mark, _Image):
            assert mark.width <= PHOTO[0] + 1e-9
            assert mark.height <= PHOTO[1] + 1e-9


def test_photographs_in_rows():
    picture = draw_photos(
        {"one": (IMAGE, (0, 1)), "two": (IMAGE - 0.5, None), "x": (IMAGE, None)}, 2
    )
    assert repr(picture).startswith("Photographs: one (values 0.0")
    images = [mark for mark in picture.marks if isinstance(mark, _Image)]
    assert images[0].y == images[1].y < images[2].y
    assert images[1].pixels[..., 0].min() == 0 or images[1].pixels[..., 0].max() == 255
    assert_nothing_is_cut(picture)


# the widget


def test_it_opens_with_sobels_kernel():
    view = kernel_workbench()
    assert view.message == ""
    assert view.state.kernel.name == "Sobel, left to right"
    assert view.state.image.shape == (200, 300)
    expected = signal.correlate2d(view.state.image, [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], "valid")
    np.testing.assert_allclose(view.state.output, expected, atol=1e-12)
    assert view.screen.value.count("data:image/png") == 4


@pytest.mark.parametrize("name", KERNELS)
def test_every_kernel_of_the_list_fills_the_fields(name):
    view = kernel_workbench(IMAGE)
    editor = view.controls["kernel"]
    editor.preset.value = name
    kernel = KERNELS[name]
    assert view.state.kernel.name == name
    np.testing.assert_array_equal(view.state.kernel.weights, kernel.weights)
    assert (editor.size.value, editor.divisor.value) == (len(kernel.cells), kernel.divisor)
    shown = [f.value for f in editor.fields.flat if f.layout.display != "none"]
    assert shown == kernel.cells.ravel().tolist()
    assert name in view.screen.value


def test_a_typed_weight_changes_the_picture_at_once():
    view = kernel_workbench(IMAGE, "identity")
    before = view.screen.value
    view.controls["kernel"].fields[2, 3].value = 1  # right of the centre
    np.testing.assert_array_equal(view.state.kernel.cells, [[0, 0, 0], [0, 1, 1], [0, 0, 0]])
    assert view.screen.value != before
    assert view.controls["kernel"].preset.value == "your kernel"
    view.controls["kernel"].fields[2, 2].value = 0
    assert view.controls["kernel"].preset.value == "shift"


def test_dividing_by_the_sum_keeps_the_brightness():
    view = kernel_workbench(IMAGE, np.full((3, 3), 2.0))
    editor = view.controls["kernel"]
    assert view.state.kernel.total == 18
    editor.normalise.click()
    assert (editor.divisor.value, view.state.kernel.total) == (18, 1)
    assert editor.preset.value == "box blur"
    assert editor.normalise.disabled
    editor.preset.value = "outline"  # a sum of 0 divides nothing
    assert editor.normalise.disabled


def test_size_pads_with_zeros_and_keeps_the_centre():
    view = kernel_workbench(IMAGE, OWN)
    editor = view.controls["kernel"]
    editor.size.value = 5
    np.testing.assert_array_equal(view.state.kernel.cells, np.pad(OWN, 1))
    editor.fields[0, 0].value = 7
    editor.size.value = 3
    np.testing.assert_array_equal(view.state.kernel.cells, OWN)
    assert view.message == ""
    np.testing.assert_array_equal(resize_cells(np.arange(9).reshape(3, 3), 1), [[4]])


def test_one_choice_is_one_drawing():
    view = kernel_workbench(IMAGE)
    drawn = []
    view.screen.observe(lambda change: drawn.append(1), "value")
    view.controls["kernel"].preset.value = "wide Gaussian blur"
    assert len(drawn) == 1
    view.controls["kernel"].size.value = 3
    assert len(drawn) == 2


@pytest.mark.parametrize(
    ("control", "value", "text"),
    [
        ("flip", True, ">rotated by 180°<"),
        ("response", "clipped", "drawn as brightness; "),
        ("response", "signed", "0 is middle grey<"),
    ],
)
def test_switches_change_the_picture(control, value, text):
    view = kernel_workbench(IMAGE)
    assert text not in view.screen.value
    view.controls[control].value = value
    assert getattr(view.state, control) == value
    assert text in view.screen.value


def test_the_switch_to_convolution_turns_sobels_sign():
    view = kernel_workbench(IMAGE)
    before = view.state.output
    view.controls["flip"].value = True
    np.testing.assert_allclose(view.state.output, -before, atol=1e-12)


def test_a_divisor_of_zero_says_why_and_keeps_the_state():
    view = kernel_workbench(IMAGE)
    before = view.state
    view.controls["kernel"].divisor.value = 0
    assert view.message == "the divisor is 0, expected a finite number other than 0"
    assert view.state is before
    assert 'role="alert"' in view.screen.value
    view.controls["kernel"].divisor.value = 1
    assert view.message == ""
    assert view.state.kernel.name == "Sobel, left to right"


def test_photographs_of_the_book():
    view = kernel_workbench()
    view.controls["image"].list.value = "flower"
    np.testing.assert_array_equal(view.state.image, photograph("flower", height=200))


def test_an_own_photograph_is_uploaded():
    view = kernel_workbench(IMAGE)
    pixels = RNG.integers(0, 256, (10, 14, 3)).astype(np.uint8)
    upload(view, "cat.png", image_file(pixels))
    assert view.controls["image"].list.value == "1: cat.png"
    assert view.state.image.shape == (200, 280)
    upload(view, "wide.png", image_file(np.zeros((100, 400, 3), np.uint8)))
    assert view.state.image.shape == (75, 300)
    view.controls["image"].list.value = "your photograph"
    np.testing.assert_array_equal(view.state.image, IMAGE)


def test_a_file_that_is_no_image_says_so():
    view = kernel_workbench(IMAGE)
    upload(view, "letter.txt", b"dear reader")
    assert view.message == "'letter.txt' is not a picture that Pillow can read"
    np.testing.assert_array_equal(view.state.image, IMAGE)
    view.controls["image"].list.value = "china"
    assert view.message == ""


def test_own_arrays_and_files(tmp_path):
    assert kernel_workbench(IMAGE, OWN).state.kernel.name == "your kernel"
    path = tmp_path / "own.png"
    path.write_bytes(image_file(np.zeros((20, 30, 3), np.uint8)))
    view = kernel_workbench(path, Kernel(OWN, 4))
    assert view.state.image.shape == (200, 300)
    assert view.state.kernel.divisor == 4
    assert fit_photograph("china").shape == (200, 300)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.png",), "no photograph 'nowhere.png'"),
        (("china", "blurr"), "no kernel 'blurr', expected one of identity, shift"),
        (("china", np.ones((7, 7))), "kernel has 7 rows, the editor takes 3 or 5"),
        (("china", np.ones((2, 2))), r"kernel has shape \(2, 2\)"),
        ((np.ones((4, 4, 3)),), "image has 3 axes, expected 2"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kernel_workbench(*arguments)


@pytest.mark.parametrize("response", RESPONSES)
def test_the_static_picture_tells_the_same_story(response):
    view = kernel_workbench(IMAGE, "sharpen", response=response)
    data = view._repr_mimebundle_()
    assert data["image/png"]
    assert data["text/plain"] == repr(view)
    assert repr(view).startswith("Cross-correlation of a 9 × 12 photograph with sharpen, 3 × 3: ")
    assert repr(view).endswith("The weights sum to 1: a flat patch keeps its brightness.")
