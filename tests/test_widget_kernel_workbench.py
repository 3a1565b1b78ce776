"""Classical kernels, filtering by them, and the workbench where a kernel is edited."""

import base64
import io
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts
from PIL import Image
from scipy import signal
from test_widget_glass_lenet import ENGINES

from cnnbook.datasets import PHOTOGRAPHS
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
from cnnbook.figures.numbers import format_number
from cnnbook.jupyter import MARK, VIEW
from cnnbook.widgets import kernel_workbench
from cnnbook.widgets.glass_lenet import joined
from cnnbook.widgets.kernel_workbench import MODULES, as_bytes, fit_photograph

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


# ---------------------------------------------------------------- what the browser computes


@pytest.fixture(params=ENGINES)
def javascript(request):
    """Runs code with `filtering`, `goals` and the data in it; returns what its last line yields."""

    def run(code, **data):
        source = joined(("filtering", "workbench_goals")).rpartition("export default")[0]
        source += "const goals = workbenchGoals;\n"
        given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in data.items())
        plain = "(key, value) => (ArrayBuffer.isView(value) ? [...value] : value)"
        *before, last = code.strip().splitlines()
        lines = [source, given, *before, f"console.log(JSON.stringify({last}, {plain}));"]
        return json.loads(request.param("\n".join(lines)))

    return run


def browser_kernel(kernel, flip=False):
    cells = kernel.cells.ravel().tolist()
    return {"size": len(kernel.cells), "cells": cells, "divisor": kernel.divisor, "flip": flip}


FILTER = """
const photo = { rows: shape[0], columns: shape[1], values: Float64Array.from(image) };
const answers = kernels.map((kernel) => {
  const out = filtering.correlate(photo, filtering.laid(kernel, kernel.flip));
  return { ...out, facts: filtering.facts(kernel), range: filtering.range(out).says };
});
answers
"""
ANY = [Kernel(RNG.standard_normal((size, size)), d) for size, d in ((1, 3), (3, -2), (5, 0.3))]
ROUND = [Kernel(RNG.integers(-3, 4, (7, 7)), 9), Kernel(np.zeros((3, 3))), Kernel(OWN, 1e-7)]
RANK_2 = Kernel(np.outer([1, 2, 0, -1, 3], [2, 1, 1, 0, 5]) + np.outer([1, 0, 1, 1, 0], [1] * 5))


def test_the_browser_filters_and_speaks_as_python_does(javascript):
    image = as_bytes(RNG.random((9, 13))) / 256
    pairs = [(k, flip) for k in (*CLASSICAL, *ANY, *ROUND, RANK_2) for flip in (False, True)]
    given = {"image": image.ravel().tolist(), "shape": image.shape}
    kernels = [browser_kernel(*pair) for pair in pairs]
    answers = javascript(FILTER, kernels=kernels, **given)
    assert {k.rank for k, _ in pairs} >= {0, 1, 2, 3, 5, 7}
    for (kernel, flip), answer in zip(pairs, answers, strict=True):
        filtering = Filtering(image, kernel, flip)
        out = np.reshape(answer["values"], (answer["rows"], answer["columns"]))
        scale = np.abs(kernel.weights).sum()
        np.testing.assert_allclose(out, filtering.output, atol=1e-13 * max(scale, 1))
        assert [tuple(fact) for fact in answer["facts"]] == list(filtering.facts)
        assert f"{answer['range']} on" in f"{filtering.description}".replace(" become ", "\n")


def test_numbers_are_written_as_in_python(javascript):
    values = [0, -0.0, 1, -2.5, 1 / 3, -1 / 3, 12345.678, 1e-5, -3.3e7, 999.9, 0.99999, 1e6, 1e12]
    ours = javascript(
        "values.map((v) => [2, 3, 4].map((n) => filtering.written(v, n)))", values=values
    )
    assert ours == [[format_number(value, digits) for digits in (2, 3, 4)] for value in values]


def test_the_sum_under_the_lens_is_that_of_ops(javascript):
    image = as_bytes(RNG.random((3, 3))) / 256
    code = "filtering.products(pixels, cells, divisor)"
    for kernel in (SOBEL, KERNELS["Gaussian blur"], Kernel(np.zeros((3, 3)))):
        given = browser_kernel(kernel)
        text = javascript(
            code, pixels=image.ravel().tolist(), cells=given["cells"], divisor=kernel.divisor
        )
        terms, _, value = text.rpartition(" = ")
        assert value == format_number(Filtering(image, kernel).output.item() + 0.0)
        assert terms.count("·") == np.count_nonzero(kernel.cells)
    assert text == "0 = 0"
    long = javascript(code, pixels=[0.5] * 25, cells=[-1] * 25, divisor=25)
    assert long.endswith("0.50·(−1) + … (25 terms), all over 25, = −0.5")


# ---------------------------------------------------------------- goals


RIGHT_BY_2 = "0 0 0 0 0; 0 0 0 0 0; 1 0 0 0 0; 0 0 0 0 0; 0 0 0 0 0"
LEFT_BY_2 = "0 0 0 0 0; 0 0 0 0 0; 0 0 0 0 1; 0 0 0 0 0; 0 0 0 0 0"
DOWN_BY_2 = "0 0 1 0 0; 0 0 0 0 0; 0 0 0 0 0; 0 0 0 0 0; 0 0 0 0 0"
SOFT_AND_MOVED = "0 0 0 0 0; 0 0 0 0 0; 0 0 1 1 1; 0 0 1 1 1; 0 0 1 1 1 / 9"
TWICE = "1 2 3 2 1; 2 4 6 4 2; 3 6 9 6 3; 2 4 6 4 2; 1 2 3 2 1 / 81"
ROUNDED = "12 25 37 25 12; 25 49 74 49 25; 37 74 111 74 37; 25 49 74 49 25; 12 25 37 25 12 / 1000"
FALLS, RISES, LINE = "0 1 2; -1 0 1; -2 -1 0", "2 1 0; 1 0 -1; 0 -1 -2", "2 -1 -1; -1 2 -1; -1 -1 2"
ACROSS, DOWN, BACK = "Sobel, left to right", "Sobel, top to bottom", "1 0 -1; 2 0 -2; 1 0 -1"
NOTHING = "0 0 0; 0 0 0; 0 0 0"
# what reaches each goal, and what nearly does; with * it is rotated first
REACHED = {
    0: ("0 0 0; 0 1 0; 0 0 0 / 2", "1 / 2", "* 1 / 2"),
    1: (RIGHT_BY_2, "* " + LEFT_BY_2),
    2: ("box blur", "Gaussian blur", "wide Gaussian blur", "motion blur"),
    3: ("sharpen", "-1 -1 -1; -1 12 -1; -1 -1 -1 / 4"),
    4: ("Laplacian", ACROSS, "outline", FALLS),
    5: (ACROSS, BACK, "Prewitt, left to right", "0 0 0; -1 0 1; 0 0 0"),
    6: ("* " + BACK, "* 0 0 0; 1 0 -1; 0 0 0"),
    7: (FALLS, "* " + FALLS),
    8: (LINE, "* " + LINE, "-1 0 0; 0 2 0; 0 0 -1"),
    9: (TWICE, ROUNDED),
}
MISSED = {
    0: ("identity", "1 / 3", "-1 / 2", "1 1 1; 1 1 1; 1 1 1 / 18", NOTHING),
    1: ("shift", LEFT_BY_2, DOWN_BY_2, "* " + RIGHT_BY_2),
    2: ("1 1 1; 1 1 1; 1 1 1 / 8", "0 0 0; 1 1 1; 0 0 0 / 3", "identity", SOFT_AND_MOVED),
    3: ("outline", "emboss", "identity", "0 -1 0; -1 6 -1; 0 -1 0"),
    4: ("identity", "sharpen", "-10 -10 -10; -10 82 -10; -10 -10 -10 / 10", NOTHING),
    5: (DOWN, "Laplacian", FALLS, "-1 0 1; -2 1 2; -1 0 1", NOTHING),
    6: (ACROSS, "* " + ACROSS, BACK, "* " + DOWN, NOTHING),
    7: (ACROSS, "Laplacian", LINE, RISES, "emboss", "0 0 1; 0 0 0; -1 0 0", NOTHING),
    8: (ACROSS, "Laplacian", FALLS, "motion blur", "identity", NOTHING),
    9: ("box blur", "wide Gaussian blur", "wide box blur", TWICE.replace("81", "80")),
}


def as_written(text):
    """Read one of these for the browser."""
    rows = text.removeprefix("* ")
    if rows not in KERNELS:
        rows, _, divisor = rows.partition(" / ")
        cells = [[float(cell) for cell in row.split()] for row in rows.split(";")]
        return browser_kernel(Kernel(cells, float(divisor or 1)), text.startswith("* "))
    return browser_kernel(KERNELS[rows], text.startswith("* "))


MEASURE = """
const values = Float64Array.from(image, (byte) => byte / 256);
const photo = { rows: shape[0], columns: shape[1], values };
const known = goals.study(photo);
const found = given.map(([number, kernel]) => goals.measure(known, number, kernel));
found
"""


def test_ten_goals_take_any_kernel_that_does_it_and_no_other(javascript):
    image = as_bytes(fit_photograph("china"))
    sides = (True, REACHED), (False, MISSED)
    tries = [(n, met, text) for met, side in sides for n in side for text in side[n]]
    given = [[number, as_written(text)] for number, _, text in tries]
    found = javascript(MEASURE, image=image.ravel().tolist(), shape=image.shape, given=given)
    for (number, met, text), conditions in zip(tries, found, strict=True):
        assert all(one["met"] for one in conditions) == met, (number, text, conditions)
    assert min(map(len, MISSED.values())) >= 3
    assert javascript("goals.GOALS.length") == len(REACHED) == len(MISSED) == 10


# ---------------------------------------------------------------- the widget


def test_a_workbench_opens_with_what_it_was_given():
    bench = kernel_workbench(IMAGE, Kernel(OWN, 4), flip=True, response="signed")
    np.testing.assert_array_equal(bench.state.image, as_bytes(IMAGE) / 256)
    assert np.abs(bench.state.image - IMAGE).max() <= 1 / 256
    np.testing.assert_array_equal(bench.state.kernel.cells, OWN)
    assert (bench.state.kernel.divisor, bench.state.flip, bench.state.response) == (
        4,
        True,
        "signed",
    )
    assert (bench.photograph, bench.names[:2]) == ("your photograph", ["your photograph", "china"])
    assert kernel_workbench("flower").names[:2] == ["flower", "china"]


def test_python_has_the_kernel_as_the_reader_left_it():
    bench = kernel_workbench()
    bench.set_state({"cells": [[0, 0, 0], [0, 0, 2], [0, 0, 0]], "divisor": 2, "flip": True})
    state = bench.state
    assert (state.kernel.name, state.flip, state.kernel.divisor) == ("shift", True, 2)
    expected = signal.convolve2d(state.image, KERNELS["shift"].cells, "valid")
    np.testing.assert_allclose(state.output, expected)
    assert repr(bench).startswith("Convolution of a 280 × 420 photograph with shift, 3 × 3")


def test_photographs_are_loaded_when_they_are_asked_for():
    bench = kernel_workbench(IMAGE)
    bench._handle_custom_msg({"photograph": "flower"}, [])
    np.testing.assert_array_equal(bench.state.image, as_bytes(fit_photograph("flower")) / 256)
    bench.show_photograph("your photograph")
    assert bench.state.image.shape == IMAGE.shape
    with pytest.raises(ValueError, match="no photograph 'nowhere' here"):
        bench.show_photograph("nowhere")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_the_middle_of_every_photograph_fills_the_frame(name):
    image = fit_photograph(name)
    assert image.shape == (280, 420)
    np.testing.assert_array_equal(as_bytes(image), np.clip(np.round(image * 256), 0, 255))


def png(*shape):
    file = io.BytesIO()
    Image.fromarray(np.full(shape, 128, np.uint8)).save(file, "png")
    return file.getvalue()


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "own.png"
    path.write_bytes(png(400, 100, 3))  # high: its middle
    bench = kernel_workbench(path)
    assert (bench.shape, set(bench.pixels)) == ([280, 420], {128})
    assert kernel_workbench(io.BytesIO(png(20, 300))).shape == [280, 420]


def test_a_still_picture_stands_where_nothing_runs():
    bench = kernel_workbench()
    data, metadata = bench._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == repr(bench) == bench.state.picture().description
    assert metadata["image/png"]["alt"] == repr(bench)
    assert (MARK in metadata, VIEW in data) == (True, True)


def test_the_page_loads_nothing():
    assert not re.search(r"^\s*import |https?://|fetch\(", joined(MODULES), re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.png",), "no photograph 'nowhere.png'"),
        (("china", "blurr"), "no kernel 'blurr', expected one of identity, shift"),
        (("china", np.ones((2, 2))), r"kernel has shape \(2, 2\)"),
        ((np.ones((9, 9, 3)),), "image has 3 axes, expected 2"),
        ((np.ones((6, 9)),), "image is 6 × 9, the largest kernel 7 × 7"),
        ((IMAGE * 255,), "image holds values from"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        kernel_workbench(*arguments)
