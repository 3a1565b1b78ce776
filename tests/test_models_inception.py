"""The Inception module and GoogLeNet, the paper's and torchvision's."""

import pytest
import torch
import torchvision
from torch import nn

from cnnbook.models import GoogLeNet, Inception, SmallInception, summary
from cnnbook.models.googlenet import MODULES


def count(module):
    return sum(p.numel() for p in module.parameters())


def without_numbers(build, **settings):
    with torch.device("meta"):
        return build(**settings)


# ---------------------------------------------------------------- the module


def test_the_branches_are_stacked_in_the_order_of_the_paper():
    torch.manual_seed(0)
    module = Inception(5, 2, 3, 4, 6, 7, 8).double()
    x = torch.randn(2, 5, 6, 9, dtype=torch.float64)
    y = module(x)
    assert y.shape == (2, module.out_channels, 6, 9)
    conv1 = torch.relu(module.branch1.conv(x))
    conv3 = torch.relu(module.branch2[1].conv(torch.relu(module.branch2[0].conv(x))))
    conv5 = torch.relu(module.branch3[1].conv(torch.relu(module.branch3[0].conv(x))))
    pool = torch.relu(module.branch4[1].conv(nn.functional.max_pool2d(x, 3, 1, 1)))
    torch.testing.assert_close(y, torch.cat([conv1, conv3, conv5, pool], 1))
    whole = 2 * 6 + (3 * 6 + 4 * 28) + (6 * 6 + 7 * 151) + 48
    assert count(module) == whole


def test_the_bottlenecks_can_be_left_out():
    module = Inception(5, 2, None, 4, None, 7, None)
    assert module(torch.zeros(1, 5, 4, 3)).shape == (1, module.out_channels, 4, 3)
    assert count(module) == 2 * 6 + 4 * (5 * 9 + 1) + 7 * (5 * 25 + 1)


@pytest.mark.parametrize(("channels", "size"), [(1, 28), (3, 32)])
def test_small_inception(channels, size):
    net = SmallInception(channels)
    assert net(torch.randn(2, channels, size, size)).shape == (2, 10)
    assert count(SmallInception()) == 66_754
    assert count(SmallInception(width=0.5, batch_norm=True)) < 66_754 / 3


# ---------------------------------------------------------------- GoogLeNet


def test_googlenet_has_its_number_of_parameters():
    net = without_numbers(GoogLeNet)
    counts = [count(getattr(net, f"inception{name}")) for name in MODULES]
    assert counts == [
        163_696, 388_736, 376_176, 449_160, 510_104, 605_376, 868_352, 1_043_456, 1_444_080
    ]  # fmt: skip
    assert [count(part) for part in (net.conv1, net.conv2, net.conv3, net.fc)] == [
        9_472, 4_160, 110_784, 1_025_000
    ]  # fmt: skip
    assert [count(net.aux1), count(net.aux2)] == [3_188_840, 3_190_888]
    assert count(net) == 13_378_280
    assert count(without_numbers(GoogLeNet, aux_logits=False)) == 6_998_552


def test_the_maps_have_the_sizes_of_the_paper():
    net = without_numbers(GoogLeNet)
    scores = net(torch.empty(2, 3, 224, 224, device="meta"))
    assert [tuple(each.shape) for each in scores] == [(2, 1000)] * 3
    shapes = {row.name: row.output_shape for row in summary(net, (3, 224, 224), depth=1).rows}
    expected = {"maxpool1": (64, 56, 56), "maxpool2": (192, 28, 28), "maxpool3": (480, 14, 14)}
    expected |= {"inception4e": (832, 14, 14), "maxpool4": (832, 7, 7), "fc": (1000,)}
    assert shapes.items() >= (expected | {"inception5b": (1024, 7, 7)}).items()


def test_the_paper_has_5_by_5_kernels_biases_and_lrn():
    net = without_numbers(GoogLeNet)
    kinds = [type(part) for part in net.modules()]
    assert (kinds.count(nn.BatchNorm2d), kinds.count(nn.LocalResponseNorm)) == (0, 2)
    assert net.inception4b.branch3[1].conv.kernel_size == (5, 5)
    assert (net.aux1.pool.kernel_size, net.lrn1.alpha) == (5, pytest.approx(5e-4))
    assert (net.dropout.p, net.aux1.dropout.p, net.maxpool4.kernel_size) == (0.4, 0.7, 3)


@pytest.fixture(scope="module")
def pair():
    """Ours and torchvision's with the same random state, in double precision."""
    ours = without_numbers(GoogLeNet, num_classes=20, torchvision=True)
    settings = {"weights": None, "aux_logits": True, "init_weights": False}
    theirs = without_numbers(torchvision.models.googlenet, num_classes=20, **settings)
    torch.manual_seed(0)
    state = {}
    for name, tensor in theirs.state_dict().items():
        wide = tensor.ndim > 1
        std = (2 / tensor[0].numel()) ** 0.5 if wide else 0.1  # scales and variances near 1
        state[name] = torch.randn(tensor.shape, dtype=torch.float64) * std + (not wide)
        if not tensor.is_floating_point():
            state[name] = torch.zeros((), dtype=tensor.dtype)
    theirs.load_state_dict(state, assign=True)
    ours.load_state_dict(theirs.state_dict(), assign=True)
    return ours, theirs


def test_the_state_is_that_of_torchvision(pair):
    ours, theirs = pair
    theirs.load_state_dict(ours.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert count(without_numbers(GoogLeNet, torchvision=True)) == 13_004_888


@pytest.mark.parametrize("training", [False, True])
def test_outputs_are_those_of_torchvision(pair, training):
    x = torch.randn(2, 3, 98, 72, generator=torch.Generator().manual_seed(1)).double()
    dropouts = [[p for p in net.modules() if isinstance(p, nn.Dropout)] for net in pair]
    assert sorted(p.p for p in dropouts[0]) == sorted(p.p for p in dropouts[1])
    outputs = []
    for net, parts in zip(pair, dropouts, strict=True):
        net.train(training)
        for part in parts:
            part.training = False  # chance takes another course in each
        with torch.no_grad():
            outputs.append(net(x))
    torch.testing.assert_close(*map(tuple, outputs), atol=1e-5, rtol=1e-5)
    assert (outputs[0].logits if training else outputs[0]).std() > 1e-2
    assert not training or outputs[0]._fields == outputs[1]._fields
