"""LeNet, AlexNet, Inception, GoogLeNet, dense and 1-D networks, and classifiers that slide."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from cnnbook import models, numpy_net
from cnnbook.models import AlexNet, AlexNet2012, GoogLeNet, Inception, LeNet, LeNet5, SmallAlexNet
from cnnbook.models.alexnet import LocalResponseNorm, paper_lrn
from cnnbook.models.fully_convolutional import fully_convolutional
from cnnbook.models.googlenet import MODULES
from cnnbook.models.lenet5 import C3_TABLE, RadialBasis, ScaledTanh, Subsampling, TableConv2d
from cnnbook.models.summary import summary
from cnnbook.receptive_field import trace


def count(module):
    return sum(p.numel() for p in module.parameters())


def without_numbers(build, **settings):
    """Build a network whose parameters have shapes only: millions of draws take a while."""
    with torch.device("meta"):
        return build(**settings)


# Table I of the paper, as printed there: a line for each map of S2, a column of X for each of C3
TABLE_1 = """
    X...XXX..XXXX.XX
    XX...XXX..XXXX.X
    XXX...XXX..X.XXX
    .XXX..XXXX..X.XX
    ..XXX..XXXX.XX.X
    ...XXX..XXXX.XXX
""".split()


def randn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


# ---------------------------------------------------------------- LeNet and MLP


def test_numbers_of_parameters():
    for net, counts in (
        (LeNet(), [156, 2416, 48120, 10164, 850]),
        (LeNet(3, 7, padding=0, activation=nn.Tanh, pool="avg"), [456, 2416, 48120, 10164, 595]),
        (models.MLP(), [235500, 30100, 1010]),
        (models.MLP(64, (), 3), [65 * 3]),
        (LeNet5(), [156, 12, 1516, 32, 48120, 10164]),
    ):
        assert [count(layer) for layer in net if count(layer)] == counts
    assert count(LeNet5()) == sum(p.numel() for p in LeNet5().parameters() if p.requires_grad)


@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize(
    ("activation", "pool", "layers"),
    [
        (nn.ReLU, "max", (numpy_net.ReLU, numpy_net.MaxPool2d)),
        (nn.Tanh, "avg", (numpy_net.Tanh, numpy_net.AvgPool2d)),
    ],
)
def test_weights_go_over_between_numpy_and_torch(padding, activation, pool, layers):
    net = LeNet(2, 5, padding, activation, pool).double()
    twin = numpy_net.lenet(2, 5, padding, *layers, dtype=np.float64)
    twin.load({name: tensor.numpy() for name, tensor in net.state_dict().items()})
    x = randn(3, 2, 32 - 2 * padding, 32 - 2 * padding)
    np.testing.assert_allclose(twin.forward(x.numpy()), net(x).detach().numpy(), atol=1e-12)
    drawn = numpy_net.lenet(2, 5, padding, *layers, dtype=np.float64)
    net.load_state_dict({name: torch.tensor(array) for name, array in drawn.state().items()})
    np.testing.assert_allclose(drawn.forward(x.numpy()), net(x).detach().numpy(), atol=1e-12)


def test_a_slice_of_a_network_is_a_plain_row_of_its_layers():
    net = LeNet()
    assert type(net[:6]) is nn.Sequential
    assert [*net[:6]] == [*net][:6]
    assert net[-1].out_features == 10


def test_what_cannot_be_built_is_refused():
    with pytest.raises(ValueError, match=r'pool must be "max" or "avg", got \'min\''):
        LeNet(pool="min")
    with pytest.raises(ValueError, match="the table names maps outside the 2 of the input"):
        TableConv2d(2, ((0, 2),), 3)


def test_mlp_layers():
    net = models.MLP((2, 4, 3), (7,), 5, activation=nn.Tanh, dropout=0.5)
    kinds = [nn.Flatten, nn.Linear, nn.Tanh, nn.Dropout, nn.Linear]
    assert list(map(type, net)) == kinds
    assert net(torch.zeros(6, 2, 4, 3)).shape == (6, 5)


# ---------------------------------------------------------------- LeNet-5


def test_the_table_is_that_of_the_paper():
    columns = [tuple(np.flatnonzero([line[n] == "X" for line in TABLE_1])) for n in range(16)]
    assert list(C3_TABLE) == columns


def test_a_map_of_c3_sees_only_the_maps_of_its_row():
    layer = TableConv2d(6, C3_TABLE, 5).double()
    x = randn(2, 6, 9, 7)
    y, kernels = layer(x), iter(layer.weight)
    for number, row in enumerate(C3_TABLE):
        kernel = torch.stack([next(kernels) for _ in row])
        expected = F.conv2d(x[:, list(row)], kernel[None], layer.bias[number, None])
        torch.testing.assert_close(y[:, number, None], expected)
    assert (layer.dense_weight() == 0).flatten(2).all(-1).sum() == 36


def test_subsampling_by_hand():
    layer = Subsampling(2)
    layer.load_state_dict({"coefficient": torch.tensor([2.0, -1]), "bias": torch.tensor([0.5, 3])})
    x = torch.arange(1.0, 17).reshape(1, 2, 2, 4)
    expected = [[[2 * (1 + 2 + 5 + 6) + 0.5, 2 * (3 + 4 + 7 + 8) + 0.5]], [[-46 + 3, -54 + 3]]]
    torch.testing.assert_close(layer(x), torch.tensor([expected]))


def test_scaled_tanh_keeps_one_and_is_steepest_in_between():
    x = torch.tensor([-100.0, -1, 0, 1, 100])
    expected = torch.tensor([-1.7159, -1, 0, 1, 1.7159])
    torch.testing.assert_close(ScaledTanh()(x), expected, atol=1e-4, rtol=0)


def test_radial_basis_by_hand():
    layer = RadialBasis([[1.0, -1], [0, 2]])
    torch.testing.assert_close(layer(torch.tensor([[3.0, 1]])), torch.tensor([[-8.0, -10]]))
    places = layer.double()(maps := randn(2, 2, 3, 4))
    torch.testing.assert_close(places[:, :, 2, 1], layer(maps[:, :, 2, 1]))


def test_the_bitmaps_tell_the_digits_apart():
    points = LeNet5().output.points
    assert points.shape == (10, 7 * 12)
    assert set(points.unique().tolist()) == {-1, 1}
    apart = (points[:, None] != points).sum(-1) + 84 * torch.eye(10)
    assert apart.min() >= 12
    for digit in (0, 8):  # the two are their own mirror images
        assert torch.equal(points[digit].reshape(12, 7), points[digit].reshape(12, 7).flip(1))


def test_every_layer_up_to_f6_is_squashed():
    names = [name for name in LeNet5()._modules if name not in ("flatten", "output")]
    assert names[1::2] == [f"{name}_tanh" for name in names[::2]]
    assert names[::2] == ["c1", "s2", "c3", "s4", "c5", "f6"]


def test_small_images_are_padded_with_the_background():
    net = LeNet5(padding=2, background=-0.1)
    plain = LeNet5()
    plain.load_state_dict(net.state_dict())
    x = torch.rand(2, 1, 28, 28)
    torch.testing.assert_close(net(x), plain(F.pad(x, (2, 2, 2, 2), value=-0.1)))


def test_parameters_are_drawn_within_the_bounds_of_the_paper():
    torch.manual_seed(0)
    net = LeNet5()
    for name, fan_in in {"c1": 25, "s2": 4, "s4": 4, "c5": 400, "f6": 120}.items():
        largest = max(p.abs().max().item() for p in getattr(net, name).parameters())
        assert 0.6 * 2.4 / fan_in < largest <= 2.4 / fan_in, name
    kernels = iter(net.c3.weight)
    for row in C3_TABLE:
        own = max(next(kernels).abs().max().item() for _ in row)
        assert 0.9 * 2.4 / (25 * len(row)) < own <= 2.4 / (25 * len(row))


def test_the_loss_is_equation_9():
    y, target, j = np.random.default_rng(0).uniform(0, 5, (4, 10)), np.array([3, 0, 9, 3]), 0.7
    expected = y[range(4), target] + np.log(np.exp(-j) + np.exp(-y).sum(1))
    loss = LeNet5.loss(torch.tensor(-y), torch.tensor(target), j)
    np.testing.assert_allclose(loss.item(), expected.mean(), rtol=1e-12)
    assert LeNet5.loss(torch.full((1, 10), -1e4), torch.tensor([2])).isfinite()


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
    net = models.SmallInception(channels)
    assert net(torch.randn(2, channels, size, size)).shape == (2, 10)
    assert count(models.SmallInception()) == 66_754
    assert count(models.SmallInception(width=0.5, batch_norm=True)) < 66_754 / 3


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


# ---------------------------------------------------------------- 1-D


def test_net1d_has_its_number_of_parameters():
    assert [n for n in map(count, models.Net1d()) if n] == [96, 2592, 10304, 650]
    assert count(models.Net1d(26, 2, widths=(8,), kernel_size=3)) == 8 * (26 * 3 + 1) + 2 * 9


@pytest.mark.parametrize("pool", ["max", "avg"])
def test_net1d_takes_every_length(pool):
    net = models.Net1d(2, 3, activation=nn.Tanh, pool=pool)
    assert [tuple(net(torch.randn(5, 2, n)).shape) for n in (4, 17, 100)] == [(5, 3)] * 3
    kinds = {type(layer).__name__ for layer in net if "Pool" in type(layer).__name__}
    assert kinds == {f"{pool.title()}Pool1d", f"Adaptive{pool.title()}Pool1d"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool": "min"}, 'pool must be "max" or "avg", got \'min\''),
        ({"kernel_size": 4}, "kernel_size is 4, must be odd"),
        ({"widths": ()}, "widths is empty, expected at least one convolution"),
    ],
)
def test_net1d_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        models.Net1d(**settings)


# ---------------------------------------------------------------- fully convolutional

CLASSIFIERS = {
    "LeNet": (LeNet, (1, 28, 28)),
    "LeNet for 32×32": (lambda: LeNet(2, 5, 0, nn.Tanh, "avg"), (2, 32, 32)),
    "LeNet-5": (lambda: LeNet5(padding=2, background=-0.1), (1, 28, 28)),
    "MLP": (lambda: models.MLP((1, 7, 5), (6,), 3), (1, 7, 5)),
    "small AlexNet": (lambda: SmallAlexNet(width=0.25, lrn=True), (3, 64, 32)),
    "small Inception": (lambda: models.SmallInception(width=0.5, batch_norm=True), (3, 24, 32)),
    "1-D": (lambda: models.Net1d(2, 3), (2, 64)),
    "log-softmax": (lambda: nn.Sequential(LeNet(), nn.LogSoftmax(1)), (1, 28, 28)),
    "no bias": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(24, 2, bias=False)), (2, 3, 4)),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_scores_at_the_original_size_are_those_of_the_model(name):
    torch.manual_seed(0)
    build, size = CLASSIFIERS[name]
    model = build().double().eval()
    slides = fully_convolutional(model, size)
    assert not any(isinstance(part, (nn.Linear, nn.Flatten)) for part in slides.modules())
    x = randn(3, *size)
    scores = slides(x)
    assert set(scores.shape[2:]) == {1}
    torch.testing.assert_close(scores.flatten(1), model(x))
    assert count(slides) == count(model)


def without_padding():
    """A network with overlapping pooling and an average of 2×2 bins, nothing padded."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(2, 4, 3, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        nn.AdaptiveAvgPool2d((2, 3)),
        nn.Flatten(),
        nn.Sequential(nn.Dropout(), nn.Linear(24, 6), nn.Tanh(), nn.Linear(6, 3)),
    )


@pytest.mark.parametrize(
    ("build", "size", "larger"),
    [
        (lambda: LeNet(padding=0), (1, 32, 32), (45, 60)),
        (LeNet5, (1, 32, 32), (44, 53)),
        (without_padding, (2, 19, 27), (40, 47)),
    ],
)
def test_a_larger_image_is_seen_through_windows(build, size, larger):
    torch.manual_seed(0)
    model = build().double().eval()
    slides = fully_convolutional(model, size)
    field = trace(slides, (size[0], *larger))["output"]
    assert (field.size, field.start) == (size[1:], (0, 0))
    x = randn(2, size[0], *larger)
    scores = slides(x)
    assert min(scores.shape[2:]) > 1
    for row, column in np.ndindex(*scores.shape[2:]):
        top, left = row * field.jump[0], column * field.jump[1]
        crop = x[:, :, top : top + size[1], left : left + size[2]]
        if crop.shape[2:] == size[1:]:
            torch.testing.assert_close(scores[:, :, row, column], model(crop))


def test_padding_inside_makes_crops_differ():
    torch.manual_seed(0)
    model = LeNet().double()
    scores = fully_convolutional(model, (1, 28, 28))(x := randn(1, 1, 28, 40))
    assert scores.shape == (1, 10, 1, 4)
    assert not torch.allclose(scores[:, :, 0, 1], model(x[..., 4:32]))


def test_the_model_stays_as_it_is():
    model = models.SmallInception(batch_norm=True)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    slides = fully_convolutional(model, (3, 32, 32))
    assert model.training
    assert slides.training
    for p in slides.parameters():
        p.data.zero_()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not fully_convolutional(model.eval(), (3, 32, 32)).training


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        (LeNet(), (1, 32, 32), r"'7' \(Linear\) has 400 inputs, it sees maps of \(16, 6, 6\)"),
        (LeNet(3), (1, 28, 28), r"layer '0' does not accept \(1, 28, 28\)"),
        (nn.Sequential(nn.Linear(3, 2), nn.Flatten()), (1, 4, 3), r"'0' \(Linear\) stands before"),
        (SmallAlexNet(), (3, 48, 48), r"'avgpool' \(AdaptiveAvgPool2d\) takes maps of \(6, 6\)"),
        (nn.Sequential(nn.GroupNorm(1, 4)), (4, 3, 3), r"'0' \(GroupNorm\) is not known to do"),
        (nn.Sequential(nn.Flatten(), nn.BatchNorm1d(9)), (1, 3, 3), r"'1' .BatchNorm1d. is not k"),
        (nn.Sequential(nn.Flatten(2)), (1, 3, 3), r"'0' flattens only some of the axes of \(1, 3"),
    ],
)
def test_what_cannot_slide_is_refused(model, size, message):
    with pytest.raises(ValueError, match=message):
        fully_convolutional(model, size)


def test_a_model_that_is_no_row_of_layers_is_refused():
    class Doubled(nn.Sequential):
        def forward(self, x):
            return super().forward(2 * x)

    for model in (Doubled(nn.ReLU()), nn.Linear(2, 3)):
        name = type(model).__name__
        with pytest.raises(TypeError, match=rf"must be an nn.Sequential, got {name}: put its par"):
            fully_convolutional(model, (2, 3, 4))
