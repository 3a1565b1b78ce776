"""LeNet of today, LeNet-5 of 1998 and the dense baseline."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnbook import numpy_net
from cnnbook.models import C3_TABLE, MLP, LeNet, LeNet5, ScaledTanh, Subsampling, TableConv2d
from cnnbook.models.lenet5 import RadialBasis

# Table I of the paper, as printed there: a line for each map of S2, a column of X for each of C3
TABLE_1 = """
    X...XXX..XXXX.XX
    XX...XXX..XXXX.X
    XXX...XXX..X.XXX
    .XXX..XXXX..X.XX
    ..XXX..XXXX.XX.X
    ...XXX..XXXX.XXX
""".split()


def count(module):
    return sum(p.numel() for p in module.parameters())


def randn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def test_importing_the_models_does_not_load_torchvision():
    code = "import sys, cnnbook.models; sys.exit('torchvision' in sys.modules)"
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


# ---------------------------------------------------------------- LeNet and MLP


def test_numbers_of_parameters():
    for net, counts in (
        (LeNet(), [156, 2416, 48120, 10164, 850]),
        (LeNet(3, 7, padding=0, activation=nn.Tanh, pool="avg"), [456, 2416, 48120, 10164, 595]),
        (MLP(), [235500, 30100, 1010]),
        (MLP(64, (), 3), [65 * 3]),
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
    net = MLP((2, 4, 3), (7,), 5, activation=nn.Tanh, dropout=0.5)
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
