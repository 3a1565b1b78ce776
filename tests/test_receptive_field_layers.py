"""All layers of `torch.nn` that take an image: followed as the gradient says, or refused."""

import inspect

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_looking import Lambda
from test_receptive_field_moved import supports
from torch import nn

from cnnbook.receptive_field import trace

SHAPE = (4, 6, 8)


def plain(function):
    return Lambda(lambda self, x: function(x))


def _unpooled():
    pool, unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
    return plain(lambda x: unpool(*pool(x)))


# how to build a layer for SHAPE, where it needs arguments; a number of axes other than two is told
# by the name
ARGUMENTS = {
    "AdaptiveAvgPool": (3,), "AdaptiveMaxPool": (3,), "AvgPool": (2,), "MaxPool": (3, 2, 1),
    "LPPool": (2, 2), "FractionalMaxPool": (2, 3), "MaxUnpool": (2,),
    "BatchNorm": (4,), "SyncBatchNorm": (4,), "InstanceNorm": (4,), "GroupNorm": (2, 4),
    "LayerNorm": (SHAPE[-1:],), "RMSNorm": (SHAPE[-1:],), "LocalResponseNorm": (3,),
    "CrossMapLRN": (3,), "Conv": (4, 4, 3, 1, 1), "ConvTranspose": (4, 4, 3, 2),
    "LazyConv": (3, 3), "LazyConvTranspose": (3, 3), "LazyLinear": (5,), "Linear": (8, 5),
    "CircularPad": (1,), "ReflectionPad": (1,), "ReplicationPad": (2,), "ZeroPad": (1,),
    "ConstantPad": (1, 0.5), "ChannelShuffle": (2,), "PixelShuffle": (2,), "PixelUnshuffle": (2,),
    "Unfold": (2,), "Unflatten": (1, (2, 2)), "Upsample": (None, 2), "GLU": (1,),
    "UpsamplingNearest": (None, 2), "UpsamplingBilinear": (None, 2), "Threshold": (0.1, 0.2),
    "FractionalMaxPool3d": (1, 2), "Softmax2d": (), "Softmax": (1,), "Softmin": (1,),
    "LogSoftmax": (1,),
}  # fmt: skip
# layers that take no image: tokens, sequences, pairs, targets; containers
NO_IMAGE = {
    "Bilinear", "Container", "CosineSimilarity", "DataParallel", "Embedding", "EmbeddingBag",
    "Module", "ModuleDict", "ModuleList", "MultiheadAttention", "PairwiseDistance",
    "ParameterDict", "ParameterList", "Sequential", "Transformer", "TransformerDecoder",
    "TransformerDecoderLayer", "TransformerEncoder", "TransformerEncoderLayer", "Fold",
    "AdaptiveLogSoftmaxWithLoss", "LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell",
    "RNNBase", "RNNCellBase",
}  # fmt: skip
# maximum pooling lets a gradient through to one place only; the others might have been the largest
ONE_PLACE = ("MaxPool", "MaxUnpool")


def image_layers():
    for name, kind in inspect.getmembers(nn, inspect.isclass):
        if not issubclass(kind, nn.Module) or name in NO_IMAGE or "Loss" in name:
            continue
        if name.startswith("Lazy") and "Norm" in name:
            continue  # as the others, once they know the channels
        yield name


def build(name):
    bare = name[:-2] if name[-2].isdigit() else name
    axes = int(name[-2]) if bare != name else 2
    layer = getattr(nn, name)(*ARGUMENTS.get(name, ARGUMENTS.get(bare, ())))
    sizes = SHAPE[3 - axes :] if axes < 3 else (4, 3, 4)
    return layer, (SHAPE[0], *sizes)


@pytest.mark.parametrize("name", list(image_layers()))
def test_layer(name):
    layer, shape = (_unpooled(), SHAPE) if name == "MaxUnpool2d" else build(name)
    if name in ("MaxUnpool1d", "MaxUnpool3d"):
        pytest.skip("as in two dimensions")
    layer = layer.double().eval()
    before = torch.get_rng_state()
    field = trace(layer, shape)["output"]
    assert torch.equal(before, torch.get_rng_state())
    for parameter in layer.parameters():
        if not nn.parameter.is_lazy(parameter):
            nn.init.uniform_(parameter, 0.1, 0.2)
    output = layer(torch.rand(1, *shape, dtype=torch.float64))
    truth = supports(layer, shape, vectorize=name != "CrossMapLRN2d")
    for number, axis in enumerate(field.axes):
        first, last = truth[number][..., 0], truth[number][..., 1]
        dim = output.ndim - len(field.axes) + number
        if output.ndim == len(shape) + 1 or axis.units > 1:
            others = tuple(n for n in range(first.ndim) if n != dim)
            first, last = first.min(axis=others), last.max(axis=others)
            assert axis.units == output.shape[dim]
        else:  # told together
            first, last = np.array([first.min()]), np.array([last.max()])
            assert axis.units == 1
        for seen, low, high in zip(axis.seen, first, last, strict=True):
            if any(word in name for word in ONE_PLACE) or name == "InstanceNorm":
                assert seen[0] <= low
                assert seen[1] >= high
            else:
                assert seen == (low, high)


IN_PLACE = [n for n in image_layers() if "inplace" in inspect.signature(getattr(nn, n)).parameters]


@pytest.mark.parametrize("name", IN_PLACE)
def test_layer_that_writes_into_its_input(name):
    layer, shape = build(name)
    layer.inplace = True
    for axis in trace(nn.Sequential(nn.Tanh(), layer).eval(), shape)["output"].axes:
        assert [tuple(seen) for seen in axis.seen] == [(n, n) for n in range(axis.units)]


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("axis", [1, 2])
def test_the_nearest_unit_is_that_of_torch(mode, axis):
    rng = np.random.default_rng(0)
    for _ in range(60):
        size, target = rng.integers(1, 120, 2).tolist()
        scale = float(rng.uniform(0.3, 3))
        both = (lambda n: n) if axis == 1 else (lambda n: (n, 1))
        image = torch.arange(float(size)).reshape(1, 1, size, *[1] * (axis - 1))
        cases = [{"size": both(target)}, {"scale_factor": both(2.0)}]
        if int(size * scale):
            given = {"scale_factor": both(scale)}
            cases += [given, given | {"recompute_scale_factor": True}]
        for settings in cases:
            resize = lambda x, s=settings: F.interpolate(x, mode=mode, **s)  # noqa: E731
            expected = resize(image).flatten().int().tolist()
            field = trace(plain(resize), tuple(image.shape[1:]))["output"]
            assert field.axes[0].seen == tuple((unit, unit) for unit in expected)


def test_rules_on_the_endless_axis():
    conv = nn.Conv2d(1, 4, 3, padding=1)
    apart = torch.ones(8, 4, 1, 1), None, 1, 0, 1, 2  # two groups: the second is looked at
    for function, size, jump in [
        (lambda x: x.flip(2), 3, -1),
        (lambda x: x.roll(1, 2), 3, 1),
        (lambda x: F.pad(x, (0, 0, 1, 1), mode="circular"), 3, 1),
        (lambda x: x.repeat_interleave(3, 2), 3, 1 / 3),
        (lambda x: x.reshape(1, 4, 6, 2, 8).mean(3), 4, 2),
        (lambda x: x.reshape(1, 4, 6, 2, 8).flatten(1, 2).unflatten(1, (4, 6)).amax(3), 4, 2),
        (lambda x: x[:, [2, 1, 0]], 3, 1),
        (lambda x: torch.cat([x[:, :, ::2], x[:, :, 1::2]], 1), 4, 2),
        (lambda x: x.flatten(2).unflatten(2, (12, 8)), 3, 1),
        (lambda x: F.glu(x, 1), 3, 1),
        (lambda x: x.sort(1)[0].cumsum(1), 3, 1),
        (lambda x: torch.einsum("bchw,cd->bdhw", x, torch.ones(4, 2)), 3, 1),
        (lambda x: x @ torch.ones(8), 3, 1),
        (lambda x: F.avg_pool2d(x, (2,)), 4, 2),
        (lambda x: torch.addbmm(torch.ones(12, 8), x[0], torch.ones(4, 8, 8))[None, None], 3, 1),
        (lambda x: F.conv2d(torch.cat([x, x.roll(1, 2)], 1), *apart)[:, 4:], 3, 1),
    ]:
        field = trace(nn.Sequential(conv, plain(function)), (1, 12, 8))["output"]
        axis = field.axes[0]
        assert max(last - first + 1 for first, last in axis.repeat) == size
        assert axis.jump == pytest.approx(jump)


def test_windows_taken_apart_and_put_together_again():
    def windows(self, x):
        """As in Swin: attention within windows of 4 × 4, moved by 2."""
        x = x.permute(0, 2, 3, 1).roll((-2, -2), (1, 2))
        n, h, w, c = x.shape
        x = x.view(n, h // 4, 4, w // 4, 4, c).transpose(2, 3).reshape(-1, 16, c)
        x = self.attention(x, x, x)[0]
        x = x.view(n, h // 4, w // 4, 4, 4, c).transpose(2, 3).reshape(n, h, w, c)
        return x.roll((2, 2), (1, 2)).permute(0, 3, 1, 2)

    net = Lambda(windows, attention=nn.MultiheadAttention(4, 2, batch_first=True))
    field = trace(net, (4, 12, 8))["output"]
    seen = [(0, 11)] * 2 + [(2, 5)] * 4 + [(6, 9)] * 4 + [(0, 11)] * 2  # it wraps around
    assert field.axes[0].seen == tuple(seen)
    assert field.axes[1].seen[2:6] == ((2, 5),) * 4


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x.softmax(1).softmax(2),
        lambda x: F.layer_norm(x, x.shape[1:]),
        lambda x: x + x.mean((1, 2), keepdim=True),
        lambda x: F.scaled_dot_product_attention(*[x.flatten(1, 2)] * 3).reshape(x.shape),
        lambda x: F.linear(F.linear(x.mT, torch.ones(5, 5)).transpose(1, 3), torch.ones(9, 9)).mT,
    ],
)
def test_a_map_whose_units_all_see_the_same_has_its_axes_where_they_were(mix):
    net = plain(lambda x: mix(x.permute(0, 2, 3, 1)))
    field = trace(net, (4, 9, 5))["output"]
    assert field.units == (9, 5)
    assert [axis.seen for axis in field.axes] == [((0, 8),) * 9, ((0, 4),) * 5]
