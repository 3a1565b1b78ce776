"""AlexNet in two towers, in one, and small."""

import math

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from cnnbook.models import AlexNet, AlexNet2012, SmallAlexNet, summary
from cnnbook.models.alexnet import LocalResponseNorm, paper_lrn


def count(module):
    return sum(p.numel() for p in module.parameters())


def without_numbers(build, *args, **settings):
    """Build a network whose parameters have shapes only: 61 million draws take a while."""
    with torch.device("meta"):
        return build(*args, **settings)


def drawn_state(network):
    """Small random numbers for every entry of a state dict."""
    return {key: 0.02 * torch.randn(tensor.shape) for key, tensor in network.state_dict().items()}


# ---------------------------------------------------------------- one tower


def test_state_and_outputs_are_those_of_torchvision():
    ours, theirs = (without_numbers(f).eval() for f in (AlexNet, torchvision.models.alexnet))
    assert count(ours) == count(theirs) == 61_100_840
    torch.manual_seed(0)
    state = drawn_state(theirs)
    ours.load_state_dict(state, assign=True)
    assert list(ours.state_dict()) == list(state)
    theirs.load_state_dict(ours.state_dict(), assign=True)  # and back
    x = torch.randn(2, 3, 288, 224, generator=torch.Generator().manual_seed(1))  # 8×6 maps
    with torch.no_grad():
        scores = ours(x)
        torch.testing.assert_close(scores, theirs(x), atol=1e-5, rtol=1e-5)
    assert scores.std() > 0.01
    assert [type(part) for part in ours.classifier] == [type(part) for part in theirs.classifier]


# ---------------------------------------------------------------- two towers


def test_the_paper_has_its_parameters_and_its_maps():
    net = without_numbers(AlexNet2012)
    counts = [count(layer) for part in (net.features, net.classifier) for layer in part]
    assert [n for n in counts if n] == [
        34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312, 4_097_000
    ]  # fmt: skip
    assert count(net) == 60_965_224
    shapes = {row.name: row.output_shape for row in summary(net, (3, 227, 227)).rows}
    assert [shapes[f"features.{n}"] for n in (0, 4, 8, 10, 12, 14)] == [
        (96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6)
    ]  # fmt: skip
    too_small = net.features(torch.empty(1, 3, 224, 224, device="meta"))
    assert too_small.shape == (1, 256, 5, 5)  # why the images must be 227×227


def test_lrn_has_the_alpha_of_the_paper():
    x = torch.randn(2, 7, 2, 3, dtype=torch.float64) * 30
    sums = [x[:, max(0, n - 2) : n + 3].square().sum(1) for n in range(7)]  # no division by n
    expected = x / (2 + 1e-4 * torch.stack(sums, 1)) ** 0.75
    torch.testing.assert_close(paper_lrn()(x), expected)


@pytest.mark.parametrize("beta", [0.75, 0.5])
@pytest.mark.parametrize("size", [1, 4, 5])
@pytest.mark.parametrize("shape", [(2, 7, 3, 4), (2, 3, 5)])
def test_the_faster_lrn_is_pytorchs_layer(shape, size, beta):
    x, upstream = torch.randn(2, *shape, dtype=torch.float64) * 3
    results = []
    for layer in (LocalResponseNorm, nn.LocalResponseNorm):
        y = layer(size, alpha=0.7, beta=beta, k=1.5)(signal := x.clone().requires_grad_())
        y.backward(upstream)
        results.append((y, signal.grad))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


def test_the_first_numbers_are_drawn_as_in_the_paper():
    torch.manual_seed(0)
    net = without_numbers(AlexNet2012, num_classes=10)
    net.features.to_empty(device="cpu")  # the dense layers would take a second
    net._draw()
    convolutions = [layer for layer in net.features if isinstance(layer, nn.Conv2d)]
    assert [layer.bias.unique().tolist() for layer in convolutions] == [[0], [1], [0], [1], [1]]
    for layer in convolutions:
        assert abs(layer.weight.std().item() / 0.01 - 1) < 0.02
        assert abs(layer.weight.mean().item()) < 3e-4


# ---------------------------------------------------------------- small


def test_small_alexnet_has_its_number_of_parameters():
    net = SmallAlexNet()
    counts = {name: count(layer) for name, layer in net.features.named_children() if count(layer)}
    assert counts == {
        "conv1": 1824, "conv2": 13888, "conv3": 55392, "conv4": 83040, "conv5": 55360
    }  # fmt: skip
    assert [count(layer) for layer in net.classifier if count(layer)] == [262400, 32896, 1290]
    assert count(net) == 506_090


@pytest.mark.parametrize("size", [28, 32, 64])
@pytest.mark.parametrize("overlapping", [True, False])
@pytest.mark.parametrize(("activation", "lrn"), [(nn.ReLU, False), (nn.Tanh, True)])
def test_small_alexnet_takes_images_of_several_sizes(size, overlapping, activation, lrn):
    net = SmallAlexNet(1, 7, width=0.25, activation=activation, lrn=lrn, overlapping=overlapping)
    assert net(torch.randn(2, 1, size, size)).shape == (2, 7)
    kinds = [type(layer) for layer in net.features]
    assert (kinds.count(LocalResponseNorm), kinds.count(activation)) == (2 * lrn, 5)
    windows = {layer.kernel_size for layer in net.features if isinstance(layer, nn.MaxPool2d)}
    assert windows == {3 if overlapping else 2}
    maps = summary(net, (1, 32, 32)).rows
    assert [row.output_shape[1] for row in maps if "pool" in row.name] == [16, 8, 4, 4]
    assert SmallAlexNet(1, upscale=4, width=0.25)(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


@pytest.mark.parametrize(("activation", "gain"), [(nn.ReLU, math.sqrt(2)), (nn.Tanh, 1)])
def test_small_alexnet_keeps_the_size_of_the_signals(activation, gain):
    torch.manual_seed(0)
    net = SmallAlexNet(activation=activation).eval()
    for layer in (net.features.conv2, net.features.conv4, net.classifier[1]):
        expected = gain / math.sqrt(layer.weight[0].numel())
        assert abs(layer.weight.std().item() / expected - 1) < 0.05
        assert not layer.bias.any()
    scores = net(torch.randn(20, 3, 32, 32))
    loss = F.cross_entropy(scores, torch.arange(20) % 10)
    assert abs(loss.item() - math.log(10)) < 0.5  # it begins by not knowing
