"""Classical kernels, filtering by them, and the workbench where a kernel is edited."""

import io
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts
from PIL import Image
from scipy import signal

from cnnbook.datasets import photograph
from cnnbook.figures.filtering import (
    CLASSICAL,
    KERNELS,
    RESPONSES,
    Filtering,
    Kernel,
    draw_kernels,
    draw_photos,
    name_kernel,
)
from cnnbook.widgets import kernel_workbench

RNG = np.random.default_rng(0)
IMAGE = RNG.random((9, 12))
OWN = np.array([[1, 2, 0], [0, 3, -1], [0, 0, 2.0]])
SOBEL = KERNELS["Sobel, left to right"]


# ---------------------------------------------------------------- kernels


@pytest.mark.parametrize("kernel", CLASSICAL, ids=list(KERNELS))
def test_every_classical_kernel_says_what_it_is(kernel):
    assert kernel.source
    keeps = "blur" in kernel.name or kernel.name in ("identity", "shift", "sharpen", "emboss")
    assert kernel.total == pytest.approx(1 if keeps else 0)
    assert name_kernel(kernel.weights).name == kernel.name
    check_state(Filtering(IMAGE, kernel))


def test_weights_sum_rank_and_symmetry():
    bell = KERNELS["Gaussian blur"]
    np.testing.assert_array_equal(bell.weights, np.outer([1, 2, 1], [1, 2, 1]) / 16)
    np.testing.assert_array_equal(SOBEL.cells, np.outer([1, 2, 1], [-1, 0, 1]))
    assert (SOBEL.rank, bell.rank, KERNELS["Laplacian"].rank) == (1, 1, 2)
    assert [k.symmetry[0] for k in (bell, SOBEL)] == ["even", "odd"]
    assert Kernel(OWN).symmetry[0] == "neither even nor odd"
    assert Kernel(OWN, 2).brightness == "a flat patch becomes 3.5 times as bright"
    assert Kernel(np.full((3, 3), 0.1) - np.eye(3) * 0.3).total == 0  # rounding is no sum


@pytest.mark.parametrize(
    ("cells", "divisor", "message"),
    [
        (np.ones((2, 2)), 1, r"kernel has shape \(2, 2\), expected \(k, k\) with k 1, 3, 5 or 7"),
        (np.ones((3, 5)), 1, r"kernel has shape \(3, 5\)"),
        (np.full((3, 3), np.nan), 1, "cells holds nan, not a finite number"),
        (np.ones((3, 3)), np.inf, "the divisor is ∞, expected a finite number other than 0"),
    ],
)
def test_impossible_kernels_are_refused(cells, divisor, message):
    with pytest.raises(ValueError, match=message):
        Kernel(cells, divisor)


def test_kernels_side_by_side():
    picture = draw_kernels({"blur": KERNELS["Gaussian blur"], "own": OWN / 2})
    assert repr(picture) == "Kernels: blur (÷ 16, sum 1); own (sum 3.5)."
    assert {"4", "−0.5", "÷ 16, sum 1"} <= set(texts(picture))
    check_picture(picture)
    for largest, expected in ((None, {1 / 3, 2 / 3, 1}), (3, {1 / 6, 1 / 3, 0.5})):
        own = draw_kernels({"own": OWN / 2}, largest=largest).find("cell")
        assert {mark.tint for mark in own if getattr(mark, "fill", "") == "kernel"} == expected


# ---------------------------------------------------------------- filtering


@pytest.mark.parametrize("kernel", [Kernel(OWN, 2), KERNELS["wide Gaussian blur"]])
def test_the_filter_agrees_with_scipy(kernel):
    for flip, reference in ((False, signal.correlate2d), (True, signal.convolve2d)):
        expected = reference(IMAGE, kernel.weights, "valid")
        found = Filtering(IMAGE, kernel, flip).output
        np.testing.assert_allclose(found, expected, atol=1e-12, strict=True)


def test_limits_and_what_they_cut_off():
    signed = Filtering(IMAGE, SOBEL)
    largest = np.abs(signed.output).max()
    assert (signed.shown, signed.limits, signed.cut_off) == ("signed", (-largest, largest), 0)
    clipped = Filtering(IMAGE, KERNELS["sharpen"])
    assert (clipped.shown, clipped.limits) == ("clipped", (0, 1))
    assert clipped.cut_off == np.mean((clipped.output < 0) | (clipped.output > 1)) > 0.2
    assert Filtering(IMAGE, SOBEL, response="clipped").limits == (0, 1)
    assert Filtering(np.zeros((4, 4)), SOBEL).limits == (-1, 1)


@pytest.mark.parametrize(
    ("image", "response", "message"),
    [
        (np.ones((2, 5)), "auto", "image is 2 × 5, the kernel 3 × 3"),
        (np.ones((5, 5, 3)), "auto", "image has 3 axes, expected 2"),
        (IMAGE * 255, "auto", "image holds values from .* expected 0 to 1"),
        (IMAGE - 1, "auto", "expected 0 to 1"),
        (np.full((5, 5), np.nan), "auto", "image holds nan, not a finite number"),
        (IMAGE, "loud", "response is 'loud', expected one of"),
    ],
)
def test_impossible_filterings_are_refused(image, response, message):
    with pytest.raises(ValueError, match=message):
        Filtering(image, OWN, response=response)


@st.composite
def filterings(draw):
    """Any filtering, with weights of any magnitude."""
    shape, size = (draw(st.integers(5, 40)) for _ in range(2)), draw(st.sampled_from([1, 3, 5]))
    values = np.random.default_rng(draw(st.integers(0, 9)))
    cells = values.standard_normal((size, size)) * draw(st.sampled_from([0, 1e-7, 1, 1e3]))
    kernel = Kernel(cells, draw(st.sampled_from([1, -0.0123, 1e5])))
    image = values.random(tuple(shape)) * draw(st.sampled_from([0, 1]))
    return Filtering(image, kernel, draw(st.booleans()), draw(st.sampled_from(RESPONSES)))


@settings(max_examples=30, deadline=None)
@given(filterings())
def test_every_picture(filtering):
    (picture,) = check_state(filtering)
    assert picture.size == Filtering(IMAGE, SOBEL).picture().size  # it holds still


def test_the_pixels_that_are_drawn():
    filtering = Filtering(IMAGE, SOBEL)
    picture = filtering.picture()
    ((photo,), (filtered,)) = (picture.find(role, "image") for role in ("input", "output"))
    np.testing.assert_array_equal(photo.pixels[..., 0], np.round(IMAGE * 255))
    grey = (filtering.output / np.abs(filtering.output).max() + 1) / 2 * 255
    np.testing.assert_array_equal(filtered.pixels[..., 1], np.round(grey))
    scale = photo.width / IMAGE.shape[1]  # the same for both, and centre over centre
    assert filtered.width == pytest.approx(filtering.output.shape[1] * scale)
    assert filtered.y - photo.y == pytest.approx(scale)


def test_photographs_in_rows():
    photos = {"one": (IMAGE, (0, 1)), "two": (IMAGE - 0.5, None)}
    picture = draw_photos({**photos, "three": (IMAGE, None), "four": (IMAGE, (0, 4))})
    assert repr(picture).startswith("Photographs: one (values 0.0")
    images = picture.find("image")
    assert images[0].y == images[2].y < images[3].y
    check_picture(picture)


# ---------------------------------------------------------------- the widget


def shown(editor):
    return [f.value for f in editor.fields.flat if f.layout.display != "none"]


def test_every_classical_kernel_fills_the_fields_and_is_drawn_once():
    view, drawn = kernel_workbench(IMAGE), []
    editor = view.controls["kernel"]
    assert view.state.kernel.name == editor.preset.value == "Sobel, left to right"
    view.screen.observe(lambda change: drawn.append(1), "value")
    for number, (name, kernel) in enumerate(KERNELS.items(), 1):
        editor.preset.value = name
        assert view.state.kernel.name == name
        assert (editor.size.value, editor.divisor.value) == (len(kernel.cells), kernel.divisor)
        assert shown(editor) == kernel.cells.ravel().tolist()
        assert len(drawn) == number


def test_what_is_typed_changes_the_picture_at_once():
    view = kernel_workbench(IMAGE, "identity")
    editor, before = view.controls["kernel"], view.screen.value
    editor.fields[2, 3].value = 1  # right of the centre
    np.testing.assert_array_equal(view.state.kernel.cells, [[0, 0, 0], [0, 1, 1], [0, 0, 0]])
    assert view.screen.value != before
    assert editor.preset.value == "your kernel"
    editor.fields[2, 2].value = 0
    assert editor.preset.value == "shift"
    kept, editor.divisor.value = view.state, 0
    assert view.message == "the divisor is 0, expected a finite number other than 0"
    assert view.state is kept
    editor.divisor.value = 1
    assert (view.message, view.state.kernel.name) == ("", "shift")


def test_buttons_divide_by_the_sum_and_change_the_size():
    view = kernel_workbench(IMAGE, np.full((3, 3), 2.0))
    editor = view.controls["kernel"]
    editor.normalise.click()
    assert (editor.divisor.value, view.state.kernel.total) == (18, 1)
    assert (editor.preset.value, editor.normalise.disabled) == ("box blur", True)
    editor.size.value = 5
    np.testing.assert_array_equal(view.state.kernel.cells, np.pad(np.full((3, 3), 2.0), 1))
    editor.fields[0, 0].value = 7
    editor.size.value = 3
    assert editor.preset.value == "box blur"
    editor.preset.value = "outline"  # a sum of 0 divides nothing
    assert editor.normalise.disabled


def test_switches_change_the_picture():
    view = kernel_workbench(IMAGE)
    view.controls["flip"].value, view.controls["response"].value = True, "clipped"
    assert {">rotated by 180°<", ">drawn as brightness<"} <= set(
        re.findall(">[^<]+<", view.screen.value)
    )


def png(*shape):
    file = io.BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(file, "png")
    return file.getvalue()


def test_own_photographs_are_uploaded():
    view = kernel_workbench(IMAGE)
    for name, size, shape in (("cat", (10, 14, 3), (200, 280)), ("wide", (100, 400, 3), (75, 300))):
        entry = {"name": name, "content": memoryview(png(*size)), "type": "", "size": 1}
        view.controls["image"].upload.value = ({**entry, "last_modified": datetime.now(UTC)},)
        assert view.state.image.shape == shape
    view.controls["image"].list.value = "your photograph"
    np.testing.assert_array_equal(view.state.image, IMAGE)


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "own.png"
    path.write_bytes(png(20, 30, 3))
    view = kernel_workbench(path, Kernel(OWN, 4))
    assert (view.state.image.shape, view.state.kernel.divisor) == ((200, 300), 4)
    view.controls["image"].list.value = "flower"
    np.testing.assert_array_equal(view.state.image, photograph("flower", height=200))


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
