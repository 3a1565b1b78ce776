"""What `trace` and `summary` share: they look at a module without touching it, or refuse it."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune

from cnnbook.models import summary
from cnnbook.receptive_field import effective_receptive_field, receptive_field, trace
from cnnbook.recording import calls, evaluating

LOOKS = [trace, summary]


class Lambda(nn.Module):
    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def no_net(function, *shapes):
    """A module with weights of given shapes that it may not use so."""
    weights = nn.ParameterList(torch.ones(shape) for shape in shapes)
    return Lambda(lambda self, x: function(x, *self.weights), weights=weights)


MISFITS = {
    "transposed": nn.ConvTranspose2d(3, 2, 2),
    "transposed weight": no_net(F.conv_transpose2d, (3, 2, 2, 2)),
    "transposed groups": no_net(lambda x, w: F.conv_transpose2d(x, w, groups=3), (2, 2, 2, 2)),
    "transposed bias": no_net(lambda x, w, b: F.conv_transpose2d(x, w, b), (2, 3, 2, 2), (2,)),
    "transposed to nothing": no_net(lambda x, w: F.conv_transpose2d(x, w, padding=9), (2, 3, 2, 2)),
    "bias": no_net(F.conv2d, (3, 2, 2, 2), (2,)),
    "groups": no_net(lambda x, w: F.conv2d(x, w, groups=2), (3, 1, 2, 2)),
    "batch norm": nn.BatchNorm2d(3),
    "batch norm of rows": nn.BatchNorm1d(2),
    "group norm": nn.GroupNorm(1, 3),
    "instance norm": nn.InstanceNorm2d(3, affine=True),
    "layer norm": nn.LayerNorm(5),
    "dense": nn.Linear(5, 2),
    "unlike types": no_net(lambda x: x @ torch.ones(8, 2, dtype=torch.float64)),
    "softmax": Lambda(lambda self, x: x.softmax(4)),
    "sort": Lambda(lambda self, x: x.sort(5)[0]),
    "index": Lambda(lambda self, x: x[:, [0, 2]]),
    "index, chosen": Lambda(lambda self, x: x.index_select(1, torch.tensor([5]))),
    "shuffle": nn.PixelShuffle(2),
    "unpooled": Lambda(lambda self, x: F.max_unpool2d(x, x[:, :1].long(), 2)),
    "window": nn.MaxPool2d(9),
    "view": Lambda(lambda self, x: x.view(1, 3, -1, 5)),
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", MISFITS)
def test_a_network_that_cannot_run_is_refused(look, name):
    net = MISFITS[name].eval()
    with pytest.raises((RuntimeError, ValueError, IndexError, TypeError)):
        net(torch.ones(1, 2, 8, 8))
    with pytest.raises(ValueError, match=r"input_size \(2, 8, 8\)"):
        look(net, (2, 8, 8))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_convolutions_run_where_torch_runs_them(axes, transposed):
    rng, ran = np.random.default_rng(axes), 0
    function = getattr(F, f"conv{'_transpose' * transposed}{axes}d")
    for _ in range(150):
        channels, filters, rows, groups = rng.integers(1, 5, 4).tolist()
        settings = dict(zip(("stride", "padding", "dilation"), rng.integers(1, 3, 3), strict=True))
        settings = {name: int(number) for name, number in settings.items()} | {"groups": groups}
        kernel = rng.integers(1, 4, axes).tolist()
        shapes = [(filters, rows, *kernel)] + [(int(rng.integers(1, 5)),)] * int(rng.integers(2))
        net = no_net(lambda x, *w, s=settings: function(x, *w, **s), *shapes)
        size = (channels, *rng.integers(1, 6, axes).tolist())
        try:
            expected = net(torch.ones(1, *size)).shape[1:]
            if 0 in expected:
                raise RuntimeError("an empty map, which some convolutions take")
        except RuntimeError:
            for look in LOOKS:
                with pytest.raises(ValueError, match="input_size"):
                    look(net, size)
        else:
            ran += 1
            assert summary(net, size).rows[0].output_shape == tuple(expected)
    assert ran > 3


class Restless(nn.Module):
    """All that a forward may leave behind."""

    def __init__(self):
        super().__init__()
        self.lazy, self.norm = nn.LazyConv2d(3, 3), nn.BatchNorm2d(3)
        self.spectral = nn.utils.spectral_norm(nn.Conv2d(3, 3, 1))
        self.newer = parametrizations.spectral_norm(nn.Conv2d(3, 3, 1))
        self.pruned = prune.l1_unstructured(nn.Conv2d(3, 3, 1), "weight", 1)
        self.calls, self.seen = 0, []
        self.register_buffer("steps", torch.zeros(()))
        self.fails = False

    def forward(self, x):
        self.calls += 1
        self.steps += 1
        self.seen.append(x)
        self.last = x
        noise = torch.rand(3) + random.random() + np.random.rand()  # noqa: NPY002
        x = F.dropout(self.norm(self.lazy(x)), training=True) * noise[:, None, None].to(x.device)
        if self.fails:
            raise KeyError("midway")
        return self.pruned(self.newer(self.spectral(x)))


def random_states():
    states = np.random.get_state()[1].tolist()  # noqa: NPY002
    return torch.get_rng_state().tolist(), states, random.getstate()


def state(net):
    """All that looking at a module must not change."""
    parts = [
        (type(part), part.training, sorted(vars(part)), len(part._forward_hooks),
         len(part._forward_pre_hooks)) for part in net.modules()
    ]  # fmt: skip
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    numbers = {n: t.tolist() for n, t in tensors.items() if not nn.parameter.is_lazy(t)}
    return parts, {name: id(tensor) for name, tensor in tensors.items()}, str(numbers)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("fails", [False, True])
def test_looking_changes_nothing(look, fails):
    net, called = Restless(), []
    net.fails = fails
    net.norm.eval()
    net.norm.register_forward_hook(lambda *arguments: called.append(arguments))
    before, drawn = state(net), random_states()
    if fails:
        with pytest.raises(ValueError, match=r"Restless does not run on this input \('midway'\)"):
            look(net, (2, 8, 8))
    else:
        look(net, (2, 8, 8))
    assert (state(net), random_states()) == (before, drawn)
    assert nn.parameter.is_lazy(net.lazy.weight)
    assert (net.calls, net.seen, called) == (0, [], [])
    net.fails = False
    net(torch.ones(1, 2, 8, 8))  # as if nobody had looked
    assert len(called) == 1


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.drop, self.frozen = nn.BatchNorm2d(2), nn.Dropout(), nn.BatchNorm2d(2)
        self.frozen.eval()
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("last", torch.zeros(2))

    def forward(self, x):
        self.steps += 1
        self.last = torch.rand(2) + random.random()
        return self.drop(self.frozen(self.norm(x * torch.rand(x.shape))))


@pytest.mark.parametrize(
    "look", [calls, lambda net, x: effective_receptive_field(net, x, layer="norm")]
)
def test_running_the_module_itself_leaves_it_as_it_was(look):
    net = Counting()
    before, drawn = state(net), random_states()
    look(net, torch.ones(1, 2, 4, 4))
    assert (state(net), random_states()) == (before, drawn)


def test_a_widget_looks_while_a_cell_trains_the_same_module():
    """As in JupyterLab, where they are two threads."""
    inside, trained = threading.Event(), threading.Event()

    class Slow(nn.Module):
        def forward(self, x):
            if len(x) == 1:  # the widget's
                inside.set()
                assert trained.wait(20)
            return x + torch.rand(1)

    net = nn.Sequential(Slow(), nn.BatchNorm1d(2)).train()
    with ThreadPoolExecutor() as widget:
        looking = widget.submit(calls, net, torch.ones(1, 2))
        assert inside.wait(20)
        assert net[1].training
        net(torch.ones(3, 2))
        after, moved = torch.get_rng_state(), net[1].running_mean.clone()
        trained.set()
        assert [len(call.output) for call in looking.result()] == [1, 1, 1]
    assert not torch.equal(torch.get_rng_state(), after)  # never the same numbers again
    assert torch.equal(net[1].running_mean, moved)


def test_what_is_drawn_while_evaluating_differs():
    net = nn.Linear(1, 1)
    with evaluating(net):
        assert not net.training
        assert not net(torch.ones(1)).requires_grad
        one = torch.rand(1)
    with evaluating(net, gradients=True):
        assert net(torch.ones(1)).requires_grad
        assert torch.rand(1) != one
    assert net.training


def test_an_output_is_as_it_was_when_its_part_ended():
    net = nn.Sequential(nn.Identity(), nn.ReLU(inplace=True))
    found = [(call.name, call.output.tolist()) for call in calls(net, torch.tensor([-1.0, 2.0]))]
    assert found == [("0", [-1, 2]), ("1", [0, 2]), ("", [0, 2])]


def test_lazy_layers_count_as_they_would_be():
    def build():
        return nn.Sequential(
            nn.LazyConv2d(6, 5), nn.LazyBatchNorm2d(), nn.LazyConvTranspose2d(3, 2), nn.Flatten(),
            nn.LazyLinear(10),
        )  # fmt: skip

    net, twin = build(), build()
    twin(torch.ones(2, 1, 28, 28))
    table = summary(net, (1, 28, 28))
    assert table.parameters == sum(p.numel() for p in twin.parameters())
    assert table.macs == summary(twin, (1, 28, 28)).macs > 0
    assert nn.parameter.is_lazy(net[4].weight)


@pytest.mark.parametrize("look", LOOKS)
def test_what_does_not_fit_is_said_in_words(look):
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(9, 2))
    for size, text in [
        ((1, 28, 28), r"^input_size \(1, 28, 28\) has 1 channel, layer '0' \(Conv2d\) expects 3$"),
        ((3, 8, 8), r"^input_size \(3, 8, 8\): layer '2' \(Linear\) gets 288 features, expects 9$"),
        ((3, 28), r"^input_size \(3, 28\): layer '0'|has 3 dimensions|has 1 channel"),
        ((3, 2, 9), r"^input_size \(3, 2, 9\) has 2 units along an axis, layer '0' .* at least 3"),
        ((3, -1, 28), "input_size is -1, must be at least 1"),
        ((3, 2**31, 2**31), "more numbers than a memory holds"),
        ((), "input_size must be"),
        ((3, 0, 8), "input_size is 0"),
    ]:
        with pytest.raises(ValueError, match=text):
            look(net, size)
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module, got function"):
        look(F.relu, (3, 8, 8))
    for size in (28, (3, 28.0, 28), (True, 28, 28), "3", None, [(3, 28, 28), 3]):
        with pytest.raises(TypeError, match="input_size"):
            look(net, size)
    with pytest.raises(ValueError, match=r"integers: give dtypes=torch\.long"):
        look(nn.Sequential(nn.Embedding(9, 2)), (1, 4))
    with pytest.raises(TypeError, match="dtypes must be"):
        look(net, (3, 28, 28), dtypes="float")
    with pytest.raises(ValueError, match="dtypes has 2 entries, input_size has 1"):
        look(net, (3, 28, 28), dtypes=[torch.float32] * 2)


def test_several_inputs():
    both = lambda self, x, y: self.conv(x) + self.dense(y)[:, :, None, None]  # noqa: E731
    net = Lambda(both, conv=nn.Conv2d(1, 4, 3), dense=nn.Linear(3, 4))
    sizes = [(1, 8, 8), (3,)]
    table = summary(net, sizes)
    assert (table.macs, table.input_shape) == (9 * 4 * 36 + 12, ((1, 8, 8), (3,)))
    assert "1×8×8, 3" in str(table)
    assert trace(net, sizes)["output"].size == (3, 3)
    words = nn.Sequential(nn.Embedding(10, 4), nn.Conv1d(6, 2, 3))
    assert summary(words, (6,), dtypes=torch.long).macs == 6 * 2 * 3 * 2
    letters = Lambda(lambda self, x: self.table(x).permute(0, 1, 3, 2), table=nn.Embedding(10, 4))
    field = trace(letters, (6, 7), dtypes=torch.long)["output"]  # lines of letters
    assert field.axes[0].seen == tuple((n, n) for n in range(7))


def test_parts_whose_weights_others_use_are_said_to_run():
    tied = nn.Linear(8, 8)
    for net in (
        Lambda(lambda self, x: self.m(x, x, x)[0], m=nn.MultiheadAttention(8, 2, batch_first=True)),
        Lambda(lambda self, x: F.linear(x, self.dense.weight, self.dense.bias), dense=tied),
        Lambda(lambda self, x: x @ self.dense.weight.T, dense=tied),
        Lambda(
            lambda self, x: torch.gru_cell(x[:, 0], x[:, 1], *self.cell.parameters()),
            cell=nn.GRUCell(8, 8),
        ),
        parametrizations.weight_norm(nn.Linear(8, 8)),
    ):
        table = summary(net, (5, 8))
        assert "did not run" not in str(table)
        assert table.parameters == sum(p.numel() for p in net.parameters())
        assert table.macs > 0
    assert "did not run" in str(summary(Lambda(lambda self, x: x, unused=tied), (5, 8)))
    table = summary(Lambda(lambda self, x: F.linear(x, self.d.weight), d=tied), (5, 8))
    assert "within forward" in str(table)


MACS = {
    "matrix, vector": (lambda x: x[0] @ torch.ones(4), 24),
    "map, vector": (lambda x: x @ torch.ones(4), 24),
    "dot": (lambda x: x[0, 0] @ x[0, 1], 4),
    "addmv": (lambda x: torch.addmv(x[0, :, 0], x[0], torch.ones(4)), 24),
    "addbmm": (lambda x: torch.addbmm(torch.ones(6, 6), x, x.transpose(1, 2)), 6 * 6 * 4),
    "baddbmm": (lambda x: torch.baddbmm(x[:, :, :1], x, torch.ones(1, 4, 3)), 6 * 4 * 3),
    "outer": (lambda x: torch.outer(x[0, 0], x[0, :, 0]), 24),
    "addr": (lambda x: torch.addr(x[0], x[0, :, 0], x[0, 0]), 24),
    "bilinear": (lambda x: F.bilinear(x, x, torch.ones(5, 4, 4)), 6 * 5 * 16),
    "einsum": (lambda x: torch.einsum("bij,jk->bik", x, torch.ones(4, 3)), 72),
    "inner": (lambda x: torch.inner(x[0], torch.ones(2, 4)), 48),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), 2 * 6 * 6 * 4),
    "entry by entry": (lambda x: x * x, 0),
}


@pytest.mark.parametrize("name", MACS)
def test_multiply_adds_by_hand(name):
    function, macs = MACS[name]
    assert summary(Lambda(lambda self, x: function(x)), (6, 4)).macs == macs


def test_recurrent_layers():
    for kind, gates in ((nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)):
        table = summary(kind(8, 16, batch_first=True), (5, 8))
        assert table.macs == 5 * gates * 16 * (8 + 16)
        assert table.unfollowed == f"cannot follow {kind.__name__}: no rule for recurrent layers " \
            f"({kind.__name__.lower()}{'_tanh' * (kind is nn.RNN)})"  # fmt: skip


def test_what_is_not_counted_is_named():
    table = summary(Lambda(lambda self, x: torch.fft.fft(x).real), (6, 4))
    assert table.uncounted == ("fft_r2c",)
    assert "multiply-adds not counted: fft_r2c" in str(table)


@pytest.mark.parametrize("number", [2**31, 2**40, 2**63, 2**100])
def test_absurd_integers_are_refused_at_once(number):
    net = nn.Conv2d(1, 2, 3)
    for call in (
        lambda: receptive_field([3], number),
        lambda: receptive_field([(3, 1, number)], 50),
        lambda: receptive_field([(number, 1, number)], 50),
        lambda: receptive_field([(3, 1, number)], (50, 50)),
        lambda: trace(net, (1, number, 16)),
        lambda: summary(net, (1, number, 16)),
        lambda: summary(net, (number, 16, 16)),
    ):
        with pytest.raises(ValueError, match=r"too many|at most|more numbers"):
            call()
    if number < 2**62:
        assert receptive_field([number])[-1].size == number
    assert receptive_field([np.int64(3)], np.int64(9))[-1].units == 7
