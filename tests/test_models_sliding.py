"""The 1-D network, and classifiers that slide over larger images."""

import numpy as np
import pytest
import torch
from torch import nn

from cnnbook.models import MLP, LeNet, LeNet5, Net1d, SmallAlexNet, SmallInception
from cnnbook.models.fully_convolutional import fully_convolutional
from cnnbook.receptive_field import trace


def randn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


# ---------------------------------------------------------------- 1-D


def test_net1d_has_its_number_of_parameters():
    count = lambda net: sum(p.numel() for p in net.parameters())  # noqa: E731
    assert [n for n in map(count, Net1d()) if n] == [96, 2592, 10304, 650]
    assert count(Net1d(26, 2, widths=(8,), kernel_size=3)) == 8 * (26 * 3 + 1) + 2 * 9


@pytest.mark.parametrize("pool", ["max", "avg"])
def test_net1d_takes_every_length(pool):
    net = Net1d(2, 3, activation=nn.Tanh, pool=pool)
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
        Net1d(**settings)


# ---------------------------------------------------------------- fully convolutional

MODELS = {
    "LeNet": (LeNet, (1, 28, 28)),
    "LeNet for 32×32": (lambda: LeNet(2, 5, 0, nn.Tanh, "avg"), (2, 32, 32)),
    "LeNet-5": (lambda: LeNet5(padding=2, background=-0.1), (1, 28, 28)),
    "MLP": (lambda: MLP((1, 7, 5), (6,), 3), (1, 7, 5)),
    "small AlexNet": (lambda: SmallAlexNet(width=0.25, lrn=True), (3, 64, 32)),
    "small Inception": (lambda: SmallInception(width=0.5, batch_norm=True), (3, 24, 32)),
    "1-D": (lambda: Net1d(2, 3), (2, 64)),
    "log-softmax": (lambda: nn.Sequential(LeNet(), nn.LogSoftmax(1)), (1, 28, 28)),
    "no bias": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(24, 2, bias=False)), (2, 3, 4)),
}


@pytest.mark.parametrize("name", MODELS)
def test_scores_at_the_original_size_are_those_of_the_model(name):
    torch.manual_seed(0)
    build, size = MODELS[name]
    model = build().double().eval()
    slides = fully_convolutional(model, size)
    assert not any(isinstance(part, (nn.Linear, nn.Flatten)) for part in slides.modules())
    x = randn(3, *size)
    scores = slides(x)
    assert set(scores.shape[2:]) == {1}
    torch.testing.assert_close(scores.flatten(1), model(x))
    assert sum(p.numel() for p in slides.parameters()) == sum(p.numel() for p in model.parameters())


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
    model = SmallInception(batch_norm=True)
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
