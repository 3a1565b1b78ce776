"""The picture of two Inception modules: its numbers, and that it can be read."""

import re

import pytest
from picture_checks import check_picture, texts

from cnnbook.figures import InceptionModule, draw_inception
from cnnbook.figures.inception import WIDEST, WIDTH
from cnnbook.models import Inception, summary
from cnnbook.models.googlenet import MODULES

NAIVE = InceptionModule("without bottlenecks", (28, 28), 192, 64, None, 128, None, 32, None)
LEAN = InceptionModule("with bottlenecks", (28, 28), 192, 64, 96, 128, 16, 32, 32)


@pytest.mark.parametrize("name", MODULES)
def test_counts_are_those_of_the_network_and_can_be_read(name):
    size = {"3": (28, 28), "4": (14, 14), "5": (7, 5)}[name[0]]
    channels, drawn = MODULES[name], []
    for settings in (channels, (*channels[:2], None, channels[3], None, channels[5], None)):
        drawn.append(InceptionModule("a", size, *settings))
        model = Inception(*settings)
        assert sum(drawn[-1].work) == summary(model, (channels[0], *size)).macs
        assert drawn[-1].parameters == sum(p.numel() for p in model.parameters())
        assert sum(drawn[-1].out_channels) == model.out_channels
    check_picture(draw_inception(*drawn))


def test_module_3a_by_hand():
    assert NAIVE.work == [9_633_792, 173_408_256, 120_422_400, 0]
    assert LEAN.work == [784 * n for n in (12_288, 18_432 + 110_592, 3_072 + 12_800, 6_144)]
    assert NAIVE.out_channels == [64, 128, 32, 192]
    assert LEAN.out_channels == [64, 128, 32, 32]
    assert "64 + 128 + 32 + 32 = 256 out, 163,696 parameters, 128,049,152" in LEAN.description
    assert "branch 3, 1×1 to 16 channels, 5×5 to 32 channels: 12,443,648;" in LEAN.description


def test_the_picture_says_the_numbers_and_is_to_scale():
    picture = draw_inception(NAIVE, LEAN)
    said = texts(picture)
    assert said[0] == "Multiply-adds: 303 M without bottlenecks, 128 M with bottlenecks"
    assert {"192 × 28 × 28", "5×5 → 32", "120 M", "3×3 max → 192", "no weights"} <= set(said)
    layers = [round(mark.width * 192 / WIDEST) for mark in picture.find("layer")]
    assert layers == [192, 64, 128, 32, 96, 16, 192, 64, 128, 32, 32]
    bars = [mark.width for mark in picture.find("work") if hasattr(mark, "width")]
    assert sum(bars[:3]) == pytest.approx(WIDTH)
    assert sum(bars[3:]) == pytest.approx(WIDTH * sum(LEAN.work) / sum(NAIVE.work))


def test_a_module_without_channels_is_refused():
    with pytest.raises(ValueError, match=re.escape("reduce5 is 0, must be at least 1")):
        InceptionModule("a", (4, 4), 3, 1, 1, 1, 0, 1, 1)
