"""Sharing weights: counts by enumeration, probabilities, gradients, what moves and what rests."""

import itertools
import math

import pytest
import torch
from torch import nn

from cnnbook.datasets.images import Images
from cnnbook.models.enas import (
    OPERATIONS,
    Architecture,
    Controller,
    SharedNetwork,
    macro_architectures,
    macro_count,
    micro_cells,
    micro_count,
    recurrent_cells,
    recurrent_count,
    uniform_architecture,
)
from cnnbook.training.searching import (
    MovingAverage,
    derive,
    reinforce_loss,
    search,
    shared_accuracy,
    train_child,
)

TWO = Architecture((0, 4), ((), (1,)))
SMALL = {"layers": 2, "channels": 4, "halve": (1,)}


def count(iterable):
    seen = list(iterable)
    assert len(set(seen)) == len(seen)
    return len(seen)


def test_search_spaces_are_counted_by_enumeration():
    for layers in (1, 2, 3):
        assert macro_count(layers) == count(macro_architectures(layers))
    assert f"{macro_count(12):.1e}" == "1.6e+29"  # section 2.3
    for nodes in (3, 4):
        assert micro_count(nodes) == count(micro_cells(nodes)) ** 2
    assert (micro_count(3), micro_count(3, as_published=True)) == (10_000, 625)
    assert f"{micro_count(7, as_published=True):.1e}" == "1.3e+11"  # section 2.4
    for nodes in (1, 2, 3, 4):
        assert recurrent_count(nodes) == count(recurrent_cells(nodes))
    assert recurrent_count(3, as_published=True) == 3 * recurrent_count(3) == 384


@pytest.fixture
def controller():
    torch.manual_seed(0)
    return Controller(layers=2, units=8).double()


EVERY = list(macro_architectures(2))


def test_probabilities_sum_to_one_and_are_those_of_the_samples(controller):
    probability = controller.log_probability(EVERY).exp()
    assert probability.sum().item() == pytest.approx(1, abs=1e-12)
    drawn = controller.sample(6000, torch.Generator().manual_seed(0))
    again = controller.log_probability(drawn.architectures)
    torch.testing.assert_close(drawn.log_probability, again)
    counts = torch.tensor([drawn.architectures.count(a) for a in EVERY]) / 6000
    assert (counts - probability).abs().max() < 4 * (1 / 72 / 6000) ** 0.5
    entropy = -(probability * probability.log()).sum()
    assert drawn.entropy.mean().item() == pytest.approx(entropy.item(), rel=1e-3)
    assert drawn.chances.shape == (6000, 2, len(OPERATIONS))


def test_temperature_and_tanh_keep_the_chances_apart_from_0_and_1():
    def chances(temperature):
        torch.manual_seed(0)
        return Controller(2, 8, temperature, tanh_constant=2.0).sample(1).chances[0, 0]

    torch.testing.assert_close(chances(1e6), torch.full((6,), 1 / 6))
    cold = chances(1e-6)  # each score is 2 or −2
    assert (cold.max() / cold.min()).item() == pytest.approx(math.exp(4), rel=1e-3)


def gradient(controller, value):
    parts = torch.autograd.grad(value, list(controller.parameters()), allow_unused=True)
    return torch.cat([p.flatten() for p in parts if p is not None])


@pytest.mark.parametrize("baseline", [0.0, 0.4, -3.0])
def test_the_estimate_is_unbiased_for_any_constant_baseline(controller, baseline):
    rewards = torch.rand(len(EVERY), generator=torch.Generator().manual_seed(1)).double()
    exact = gradient(controller, (controller.log_probability(EVERY).exp() * rewards).sum())
    weights = controller.log_probability(EVERY).exp().detach()  # the mean over samples, exactly
    estimate = torch.zeros_like(exact)
    for one, weight, reward in zip(EVERY, weights, rewards, strict=True):
        loss = reinforce_loss(controller.log_probability([one]), reward[None], baseline)
        estimate -= weight * gradient(controller, loss)
    torch.testing.assert_close(estimate, exact, rtol=1e-9, atol=1e-12)


def test_a_baseline_lowers_the_variance(controller):
    rewards = 0.5 + 0.1 * torch.rand(72, generator=torch.Generator().manual_seed(1)).double()
    weights = controller.log_probability(EVERY).exp().detach()

    def variance(baseline):
        each = torch.stack(
            [
                gradient(
                    controller, reinforce_loss(controller.log_probability([a]), r[None], baseline)
                )
                for a, r in zip(EVERY, rewards, strict=True)
            ]
        )
        mean = (weights[:, None] * each).sum(0)
        return (weights[:, None] * (each - mean) ** 2).sum().item()

    assert variance(float((weights * rewards).sum())) < variance(0.0) / 20


def test_the_baseline_is_used_before_it_is_updated():
    baseline = MovingAverage(0.5, start=0.1)
    assert [baseline(torch.tensor([0.5, 0.7])), baseline(torch.tensor([0.0]))] == [
        0.1, pytest.approx(0.35),
    ]  # fmt: skip


def images(n=20):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % 10
    return Images(torch.rand(n, 1, 8, 8, generator=generator), labels, tuple("0123456789"))


APART = TWO._replace(skips=((), (0,)))


@pytest.mark.parametrize("one", [TWO, APART])
@pytest.mark.parametrize("skips", ["sum", "concat"])
def test_only_active_weights_get_gradients_and_move(skips, one):
    torch.manual_seed(0)
    network, data = SharedNetwork(**SMALL, skips=skips), images()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    active = {id(p) for p in network.active(one)}
    before = [p.detach().clone() for p in network.parameters()]
    for _ in range(2):
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(data.images, one), data.labels).backward()
        optimizer.step()
    for parameter, old in zip(network.parameters(), before, strict=True):
        assert (parameter.grad is None) == (id(parameter) not in active)
        assert torch.equal(parameter, old) == (id(parameter) not in active)


def drift(set_to_none):
    """How far a layer's weights move after they have come to rest."""
    torch.manual_seed(0)
    network, data = SharedNetwork(**SMALL), images()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    weight, at_rest = network.layers[0]["conv3"][0].weight, TWO._replace(operations=(5, 4))
    for turn, one in enumerate([TWO, TWO, *[at_rest] * 5]):
        optimizer.zero_grad(set_to_none=set_to_none)
        nn.functional.cross_entropy(network(data.images, one), data.labels).backward()
        optimizer.step()
        if turn == 1:
            old = weight.detach().clone()
    return (weight - old).abs().max().item()


def test_weights_at_rest_drift_if_their_gradients_are_zero_and_not_none():
    assert drift(set_to_none=True) == 0
    assert drift(set_to_none=False) > 1e-3


def test_an_architecture_is_what_it_says():
    torch.manual_seed(0)
    network, x = SharedNetwork(**SMALL).double(), images().images.double()
    stem = network.stem(x)
    first = network.norms[0](network.layers[0]["conv3"](stem))
    x, first = nn.functional.avg_pool2d(first, 2), nn.functional.avg_pool2d(first, 2)
    second = network.norms[1](network.layers[1]["max3"](x) + first)
    expected = network.classify(second.relu().mean((2, 3)))
    torch.testing.assert_close(network(images().images.double(), TWO), expected)
    second = network.norms[1](network.layers[1]["max3"](x))
    expected = network.classify(second.relu().mean((2, 3)))
    torch.testing.assert_close(network(images().images.double(), APART), expected)
    assert str(TWO) == "conv3 | max3 + 0"
    assert all(Architecture.parse(str(one)) == one for one in EVERY)
    with pytest.raises(ValueError, match="layer 1 is 'max3 \\+ 1'"):
        Architecture.parse("conv3 | max3 + 1")
    concatenated = SharedNetwork(**SMALL, skips="concat").double()
    y = concatenated.layers[1]["max3"](x)
    joined = nn.Conv2d(8, 4, 1, bias=False).double()
    parts = [concatenated.joins[1][k].weight for k in (0, 1)]
    joined.weight = nn.Parameter(torch.cat(parts, 1))
    mine = concatenated.joins[1][1](y) + concatenated.joins[1][0](first)
    torch.testing.assert_close(mine, joined(torch.cat([first, y], 1)))


def test_weights_rest_in_a_search_while_they_are_not_drawn():
    torch.manual_seed(0)
    network, seen = SharedNetwork(**SMALL), []
    weight = network.layers[0]["conv3"][0].weight

    def draw(generator):
        seen.append(weight.detach().clone())
        return TWO if len(seen) < 3 else TWO._replace(operations=(5, 4))

    search(network, draw, images(), images(), epochs=3, batch_size=10, progress=False)
    assert not torch.equal(seen[0], seen[2])
    assert torch.equal(seen[2], weight)


def test_a_search_learns_and_can_be_repeated():
    def once(draw):
        torch.manual_seed(0)
        network, controller = SharedNetwork(**SMALL), Controller(2, 8)
        draw = controller if draw is None else draw
        options = {"epochs": 3, "warm_up": 1, "updates": 5, "samples": 2, "batch_size": 10}
        history = search(network, draw, images(), images(), progress=False, **options)
        return history, [
            p.detach().clone() for p in (*network.parameters(), *controller.parameters())
        ]

    (history, one), (_, two) = once(None), once(None)
    assert (len(history.loss), len(history.reward), len(history.chances)) == (6, 5, 5)
    assert all(map(torch.equal, one, two))
    uniform, _ = once(lambda generator: uniform_architecture(generator, 2))
    assert (len(uniform.loss), uniform.reward) == (6, [])


def test_derivation_ranks_each_candidate_once():
    torch.manual_seed(0)
    network, data = SharedNetwork(**SMALL), images()
    child = train_child(network, TWO, data, epochs=30)
    right = (child(data.images).argmax(1) == data.labels).double().mean().item()
    assert shared_accuracy(network, TWO, data) == right > 0.3
    ranked = derive(network, [*itertools.islice(EVERY, 5), TWO, TWO], data)
    assert (right, TWO) in ranked
    assert len(ranked) == 6
    assert [a for a, _ in ranked] == sorted((a for a, _ in ranked), reverse=True)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="skips is 'mean', must be"):
        SharedNetwork(skips="mean")
    with pytest.raises(ValueError, match="the network has 4 layers"):
        SharedNetwork()(torch.zeros(1, 1, 8, 8), TWO)
