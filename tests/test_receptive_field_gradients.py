"""Traced fields against the pixels that a gradient reaches, at the border and in the middle."""

import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from test_looking import Lambda
from torch import nn

from cnnbook.receptive_field import trace
from cnnbook.recording import calls

# module, input (height above the field where that is affordable), layers to check
MODELS = {
    "alexnet": ((3, 231, 97), ["features.5", "features.12", "output"]),
    "vgg11": ((3, 182, 61), ["features.10", "features.20"]),
    "vgg16": ((3, 244, 40), ["features.16", "features.30"]),
    "resnet18": ((3, 467, 50), ["maxpool", "layer1.0", "layer2.0.downsample", "layer4"]),
    "resnet50": ((3, 459, 33), ["layer2", "layer3.1.conv2", "layer4", "output"]),
    "googlenet": ((3, 411, 39), ["inception3a", "inception4a.branch4", "inception5b"]),
    "inception_v3": ((3, 155, 171), ["Mixed_5b", "Mixed_6a", "Mixed_6b", "Mixed_7c"]),
    "squeezenet1_1": ((3, 223, 47), ["features.3", "features.7", "features.12"]),
    "mobilenet_v2": ((3, 523, 33), ["features.4", "features.14", "features.18"]),
    "mobilenet_v3_small": ((3, 150, 71), ["features.0", "features.1.block.0", "features.12"]),
    "densenet121": ((3, 130, 67), ["features.pool0", "features.transition1", "features"]),
    "shufflenet_v2_x0_5": ((3, 559, 33), ["maxpool", "stage2", "conv5"]),
    "efficientnet_b0": ((3, 70, 45), ["features.0", "features.1.0.block.0", "features.8"]),
    "mnasnet0_5": ((3, 140, 77), ["layers.8", "layers.16"]),
}

# layer, and the rows that its units see, with nothing clipped, in the inputs above
WHOLE = {
    "alexnet": ("features.12", 195), "vgg16": ("features.30", 212), "resnet18": ("layer4", 435),
    "resnet50": ("layer4", 427), "googlenet": ("inception5b", 379),
    "squeezenet1_1": ("features.12", 207), "mobilenet_v2": ("features.18", 491),
    "shufflenet_v2_x0_5": ("conv5", 527),
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    """Many small operations lose more time to waiting threads than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def average_instead(module):
    """Replace maximum pooling, through which a gradient takes one way only."""
    for name, part in module.named_children():
        if isinstance(part, nn.MaxPool2d):
            average = nn.AvgPool2d(part.kernel_size, part.stride, part.padding, part.ceil_mode)
            setattr(module, name, average)
        average_instead(part)


def build(name):
    """A torchvision model, without the time that random weights take."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on the cost of initial weights
        model = getattr(torchvision.models, name)(weights=None)
    return made_positive(model.to_empty(device="cpu"))


def made_positive(module):
    """All weights positive, and such that numbers keep their size from layer to layer."""
    average_instead(module)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim > 1:
                parameter.fill_(1 / parameter[0].numel())
            else:
                parameter.fill_("weight" in name)  # normalisation keeps, no bias
        for name, buffer in module.named_buffers():
            buffer.fill_("var" in name)
    return module.eval()


def extent(gradient):
    """Spans of the rows and columns that hold a non-zero gradient."""
    spans = []
    for axis in range(gradient.ndim):
        others = tuple(n for n in range(gradient.ndim) if n != axis)
        places = np.flatnonzero(gradient.any(axis=others))
        spans.append((int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0))
    return tuple(spans)


def gradient_extent(y, x, unit):
    """What one unit's gradient reaches; an output without a map counts as one unit."""
    channel_sum = y[(0, slice(None), *unit)].sum() if y.ndim > 2 else y.sum()
    (gradient,) = torch.autograd.grad(channel_sum, x, retain_graph=True)
    return extent(gradient[0].abs().sum(0).numpy())


@pytest.mark.parametrize("name", MODELS)
def test_torchvision_model(name, monkeypatch):
    shape, layers = MODELS[name]
    model = build(name)
    fields = trace(model, shape)
    # small numbers: activations that saturate (ReLU6, hard sigmoid) would hide pixels
    x = torch.full((1, *shape), 1e-4, requires_grad=True)
    monkeypatch.setattr(F, "max_pool2d", F.avg_pool2d)
    found = {call.name or "output": call.output for call in calls(model, x, gradients=True)}
    found = {layer: found[layer] for layer in layers}
    for layer, y in found.items():
        sizes = fields[layer].units
        assert sizes == (tuple(y.shape[2:]) or (1, 1))
        units = {tuple(n // 2 for n in sizes)}
        units |= {(0, 0), tuple(n - 1 for n in sizes)} if layer == layers[-1] else set()
        for unit in units:
            expected = gradient_extent(y, x, unit)
            assert fields[layer].rectangle(unit, clip=True) == expected, (layer, unit)
            if WHOLE.get(name, ("", 0))[0] == layer and unit[0] == sizes[0] // 2:
                top, bottom = expected[0]  # the input is higher than the field: nothing is clipped
                assert bottom - top == WHOLE[name][1] == fields[layer].size[0]


def resized(size, kind):
    mode, corners = [("nearest", None), ("linear", False), ("linear", True)][kind]
    return nn.Upsample(size, mode=mode, align_corners=corners)


def branches(c, stride, joined):
    """Two convolutions side by side, added or joined; one of them dilated."""

    def forward(self, x):
        if joined:
            return self.mix(torch.cat([self.narrow(x), self.wide(x)], dim=1))
        return F.relu(self.narrow(x)) + self.wide(x)

    wide = nn.Conv1d(c, c, 3, stride, padding=2, dilation=2)
    return Lambda(forward, narrow=nn.Conv1d(c, c, 1, stride), wide=wide, mix=nn.Conv1d(2 * c, c, 1))


def gate(c):
    """Squeeze and excitation: every unit is scaled by a number that all units set."""
    scaled = lambda self, x: x * torch.sigmoid(self.dense(x.mean(2)))[:, :, None]  # noqa: E731
    return Lambda(scaled, dense=nn.Linear(c, c))


def cut(start, step):
    return Lambda(lambda self, x: x[:, :, start::step])


# What stands between input and output of a random network: from draw(low, high) and the number of
# channels, which all keep, to a module.
PARTS = [
    *[lambda draw, c: nn.Conv1d(c, c, draw(1, 5), draw(1, 4), draw(0, 4), draw(1, 4))] * 3,
    lambda draw, c: nn.Conv1d(c, c, draw(1, 6), padding="same", dilation=2),
    lambda draw, c: nn.Conv1d(c, c, 3, 2, 2, padding_mode=["reflect", "replicate"][draw(0, 2)]),
    lambda draw, c: nn.ConvTranspose1d(
        c, c, draw(1, 5), s := draw(1, 4), draw(0, 2), draw(0, s), dilation=2
    ),
    lambda draw, c: nn.AvgPool1d(
        k := draw(1, 5), draw(1, 4), draw(0, k // 2 + 1), ceil_mode=bool(draw(0, 2))
    ),
    lambda draw, c: nn.AdaptiveAvgPool1d(draw(1, 9)),
    lambda draw, c: resized(draw(2, 30), draw(0, 3)),
    lambda draw, c: [nn.BatchNorm1d(c), nn.ReLU(), nn.Dropout()][draw(0, 3)],
    *[lambda draw, c: branches(c, draw(1, 3), bool(draw(0, 2)))] * 2,
    lambda draw, c: gate(c),
    lambda draw, c: cut(draw(0, 3), draw(1, 3)),
]


def reached(net, size):
    """For each unit of a 1-D network, the first and last pixel with a gradient; one backward."""
    units = net(torch.full((1, 2, size), 0.1, dtype=torch.float64)).shape[2]
    x = torch.full((units, 2, size), 0.1, dtype=torch.float64, requires_grad=True)
    y = net(x)  # a copy of the input for each unit
    (gradient,) = torch.autograd.grad(y.diagonal(dim1=0, dim2=2).sum(), x)
    gradient = gradient.sum(1).numpy()
    # interpolation between two units rounds a weight of 0 to 1e-17
    return [extent(np.where(row > 1e-12 * row.max(), row, 0))[0] for row in gradient]


@pytest.mark.parametrize("block", range(8))
def test_random_networks_at_every_unit(block):
    rng, checked, middles = np.random.default_rng(block), 0, 0
    draw = lambda low, high: int(rng.integers(low, high))  # noqa: E731
    while checked < 60:
        size, depth = draw(6, 40), draw(1, 6)
        parts = [PARTS[n](draw, 2) for n in rng.integers(0, len(PARTS), depth)]
        net = made_positive(nn.Sequential(*parts)).double()
        for name, parameter in net.named_parameters():
            if "bias" in name:  # a product with 0 would hide what it depends on
                nn.init.constant_(parameter, 0.1)
        mirrored = any(getattr(part, "padding_mode", "zeros") != "zeros" for part in parts)
        try:
            expected = reached(net, size)
        except RuntimeError:  # a window that does not fit
            with pytest.raises(ValueError, match=r"input_size \(2, "):
                trace(net, (2, size))
            continue
        field = trace(net, (2, size))["output"]
        assert field.units == (len(expected),)
        for unit, seen in enumerate(expected):
            assert field.rectangle((unit,), clip=True) == (seen,), (net, size, unit)
            if field.axes[0].repeat is not None and seen[1] > 0 and not mirrored:
                # without a border the field is at least as large
                start, stop = field.rectangle((unit,))[0]
                assert start <= seen[0]
                assert stop >= seen[1]
                middles += (start, stop) == seen
        checked += 1
    assert middles > 100  # most units meet no border: there the two fields are the same
