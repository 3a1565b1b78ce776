"""Networks in NumPy: step for step beside PyTorch, by hand, and on bad input."""

import numpy as np
import pytest
import torch
from torch import nn

from cnnbook import numpy_net as net

OPTIMISERS = {
    "SGD": {"lr": 0.1},
    "SGD with momentum": {"lr": 0.05, "momentum": 0.9},
    "Adam": {"lr": 2e-3},
    "Adam with betas": {"lr": 1e-3, "betas": (0.8, 0.95), "eps": 1e-6},
}


def in_torch(layer):
    """Build the torch module of a layer, without its parameters."""
    if isinstance(layer, net.Sequential):
        return nn.Sequential(*map(in_torch, layer.layers))
    twin = getattr(nn, type(layer).__name__)
    weight, bias = (layer.parameters.get(name) for name in ("weight", "bias"))
    if isinstance(layer, net.Conv2d):
        channels = weight.shape[1] * layer.settings["groups"], weight.shape[0], weight.shape[2:]
        return twin(*channels, **layer.settings, bias=bias is not None)
    if isinstance(layer, net.Linear):
        return twin(*weight.shape[::-1], bias=bias is not None)
    return twin(**layer.settings)


def beside(network):
    """Build the same network in torch, with the same numbers in float64."""
    twin = in_torch(network).double()
    twin.load_state_dict({name: torch.tensor(a) for name, a in network.state().items()})
    return twin


def varied(rng):
    """Build a network with every layer and with settings that LeNet leaves alone."""
    options = {"rng": rng, "dtype": np.float64}
    return net.Sequential(
        net.Conv2d(2, 6, (3, 2), stride=(2, 1), padding=1, bias=False, **options),
        net.Tanh(),
        net.MaxPool2d(3, 2, padding=1, ceil_mode=True),
        net.Conv2d(6, 4, 2, dilation=2, padding=2, groups=2, **options),
        net.Tanh(),
        net.AvgPool2d(3, 1, padding=1, count_include_pad=False),
        net.Flatten(),
        net.Sequential(net.Linear(4 * 6 * 9, 9, bias=False, **options), net.ReLU()),
        net.Linear(9, 10, **options),
    )


def simple(rng):
    settings = {"filter_num": 4, "filter_size": 3, "stride": 2, "pad": 1, "hidden_size": 12}
    return net.simple_conv_net((2, 12, 11), **settings, weight_init_std=0.2, rng=rng, dtype="f8")


def with_relu(rng):
    return net.lenet(3, 10, 0, net.ReLU, net.MaxPool2d, rng=rng, dtype="f8")


NETWORKS = {
    "LeNet tanh": ((1, 28, 28), lambda rng: net.lenet(rng=rng, dtype="f8")),
    "LeNet ReLU": ((3, 32, 32), with_relu),
    "simple": ((2, 12, 11), simple),
    "varied": ((2, 12, 11), varied),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_fifty_steps_are_those_of_torch(name, optimiser):
    rng, (shape, build) = np.random.default_rng(0), NETWORKS[name]
    network, kind = build(rng), optimiser.split()[0]
    twin, loss, start = beside(network), net.CrossEntropyLoss(), network.state()
    ours = getattr(net, kind)(network, **OPTIMISERS[optimiser])
    theirs = getattr(torch.optim, kind)(twin.parameters(), **OPTIMISERS[optimiser])
    close = {"rtol": 0, "atol": 1e-8, "strict": True}
    for _ in range(50):
        x, target = rng.standard_normal((4, *shape)), rng.integers(0, 10, 4)
        value = loss.forward(network.forward(x), target)
        network.backward(loss.backward())
        ours.step()
        theirs.zero_grad()
        expected = nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(target))
        expected.backward()
        theirs.step()
        np.testing.assert_allclose(value, expected.detach().numpy(), **close)
        for key, parameter in twin.state_dict().items():
            np.testing.assert_allclose(network.parameters[key], parameter.numpy(), **close)
    moved = [np.abs(network.parameters[key] - start[key]).max() for key in start]
    assert min(moved) > 1e-3  # every parameter has learnt, and `state` is a copy


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (lambda rng: net.Conv2d(40, 50, (3, 2), groups=2, rng=rng), 20 * 6),
        (lambda rng: net.Linear(300, 200, rng=rng), 300),
    ],
)
def test_parameters_are_drawn_as_in_torch(layer, fan_in):
    """The bounds of torch's default, the same from the same seed, and float32 as there."""
    parameters, again = (layer(np.random.default_rng(0)).parameters for _ in range(2))
    twin, bound = in_torch(layer(None)), fan_in**-0.5
    for name, array in parameters.items():
        np.testing.assert_array_equal(array, again[name], strict=True)
        for drawn in (array, twin.get_parameter(name).detach().numpy()):
            assert (drawn.shape, drawn.dtype) == (array.shape, np.float32)
            assert np.abs(drawn).max() <= bound * (1 + 1e-6)
    weight = parameters["weight"]
    assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.05)  # of a uniform distribution
    assert not np.array_equal(layer(None).parameters["weight"], weight)
    network = net.simple_conv_net(weight_init_std=0.03, rng=np.random.default_rng(0))
    assert sum(array.size for array in network.parameters.values()) == 433_890
    for name, array in network.parameters.items():
        assert array.std() == pytest.approx(0.03 if "weight" in name else 0, rel=0.1)


def test_a_state_is_loaded_in_place_and_whole_or_not_at_all():
    layer, other = net.Linear(3, 2), net.Linear(3, 2)
    weight = layer.parameters["weight"]
    layer.load(other.state())
    assert layer.parameters["weight"] is weight  # an optimiser may hold on to it
    np.testing.assert_array_equal(weight, other.parameters["weight"], strict=True)
    for state, message in (
        ({"weight": weight}, r"state has \['weight'\], the network has \['bias', 'w"),
        ({"weight": 0 * weight, "bias": [0] * 3}, r"bias has shape \(3,\), expected \(2,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.load(state)
        np.testing.assert_array_equal(weight, other.parameters["weight"])
    with pytest.raises(ValueError, match="in_channels 3 is not divisible by groups 2"):
        net.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match=r"kernel_size 9 .* more than the 8"):
        net.simple_conv_net((1, 8, 8), filter_size=9)
