"""The figures of chapter 9: connection table, bitmaps, readings."""

import re

import numpy as np
import pytest
import torch
from picture_checks import check_state, texts

from cnnbook.figures import BitmapReading, ConnectionTable
from cnnbook.figures.readings import Readings
from cnnbook.models import C3_TABLE, LeNet5

DIGITS = tuple("0123456789")
GROUPS = (("three in a row", 6), ("four in a row", 6), ("two and two", 3), ("all", 1))
BITMAPS = LeNet5().output.points.reshape(10, 12, 7).numpy()

# ---------------------------------------------------------------- connection table


def test_the_table_of_lenet5():
    table, layer = ConnectionTable(C3_TABLE, 6, 5, GROUPS), LeNet5().c3
    assert table.kernels == len(layer.weight) == 60
    assert table.parameters == sum(p.numel() for p in layer.parameters()) == 1516
    assert table.all_parameters == 2416
    zeros = (layer.dense_weight() == 0).all(dim=-1).all(dim=-1).T
    np.testing.assert_array_equal(table.cells == 0, zeros)
    (picture,) = check_state(table)
    assert [texts(picture).count(n) for n in ("76", "101", "151", "in 10 of 16")] == [6, 9, 1, 6]


def test_a_small_table_by_hand():
    table = ConnectionTable(((0,), (0, 2)), 3, 2)
    assert table.cells.tolist() == [[1, 1], [0, 0], [0, 1]]
    words = "3 of 6 kernels: 14 parameters in place of 26. map 0 sees 0; map 1 sees 0, 2."
    assert repr(table) == words
    (picture,) = check_state(table)
    filled = [m.at for m in picture.find("connections") if getattr(m, "tint", 0)]
    assert filled == [(0, 0), (0, 1), (2, 1)]
    assert {"in 2 of 2", "in 0 of 2", "in 1 of 2", "5", "9"} <= set(texts(picture))


def test_tables_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=re.escape("output map 1 sees (0, 3), there are 3 inputs")):
        ConnectionTable(((0,), (0, 3)), 3, 5)
    with pytest.raises(ValueError, match="groups hold 3 columns, the table has 2"):
        ConnectionTable(((0,), (1,)), 2, 5, (("all", 3),))


# ---------------------------------------------------------------- bitmaps


def test_penalties_are_those_of_the_network():
    shown = np.random.default_rng(0).standard_normal((12, 7)).astype(np.float32)
    scores = LeNet5().output(torch.from_numpy(shown).reshape(1, 84))[0]
    np.testing.assert_allclose(BitmapReading(BITMAPS, shown).penalties, -scores, rtol=1e-5)


def test_a_bitmap_is_nearest_to_itself():
    reading = BitmapReading(BITMAPS, BITMAPS[8])
    apart = 4 * (BITMAPS[8] != BITMAPS[0]).sum()
    assert (reading.penalties[8], reading.penalties[0]) == (0, apart)
    (picture,) = check_state(reading)
    assert {"8: 0", f"0: {apart}"} <= set(texts(picture))
    assert len(picture.find("nearest")) == 1
    assert {m.fill for m in picture.find("shown") if hasattr(m, "fill")} >= {"kernel", "negative"}
    with pytest.raises(ValueError, match=r"bitmaps have shape \(12, 7\), shown has \(7, 12\)"):
        BitmapReading(BITMAPS, np.zeros((7, 12)))


# ---------------------------------------------------------------- readings


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize(("count", "title"), [(1, "Some digits"), (8, "")])
def test_readings_are_legible(count, labels, title):
    rng = np.random.default_rng(0)
    given = rng.integers(0, 10, count) if labels else None
    shares = rng.dirichlet(np.ones(10), count)
    check_state(Readings(rng.random((count, 28, 28)), shares, DIGITS, given, title))


def test_readings_by_hand():
    shares = np.array([[0.1, 0.7, 0.2, 0], [0.5, 0.5, 0, 0]])
    readings = Readings(np.zeros((2, 4, 4)), shares, tuple("abcd"), np.array([1, 3]), "Two")
    assert readings.best(0) == [(1, 0.7), (2, 0.2), (0, 0.1)]
    assert readings.best(1)[0] == (0, 0.5)  # of equals the first
    assert readings.description == "Two: a b named b with 70 %; a d named a with 50 %."
    colours = [bar.fill for bar in readings.picture().find("shares", "bar")]
    assert colours == ["output", "muted", "muted", "kernel", "muted", "muted"]
    unknown = Readings(np.zeros((1, 4, 4)), shares[:1], tuple("abcd"))
    assert unknown.description == "named b with 70 %."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((9, 4, 4))}, "there are 9 images, the picture holds 1 to 8"),
        ({"images": np.zeros((0, 4, 4))}, "there are 0 images"),
        ({"probabilities": np.zeros((2, 3))}, re.escape("shape (2, 3), expected (2, 2)")),
        ({"labels": np.zeros(3, int)}, "there are 3 labels for 2 images"),
    ],
)
def test_readings_that_do_not_fit_are_refused(change, message):
    parts = {"images": np.zeros((2, 4, 4)), "probabilities": np.zeros((2, 2)), "classes": "ab"}
    with pytest.raises(ValueError, match=message):
        Readings(**parts | change)
