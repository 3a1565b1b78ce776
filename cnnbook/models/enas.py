"""Many networks in one: a search space, its shared weights, and a controller that samples from it.

Pham, Guan, Zoph, Le & Dean (2018), Efficient Neural Architecture Search via Parameter Sharing,
arXiv:1802.03268. Departures: four layers by default, no cell-based space as a network (only its
size), no pull of the skips towards a given share, and skips that are summed unless asked otherwise.
"""

import itertools
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.models.building import remembered

OPERATIONS = ("conv3", "conv5", "sep3", "sep5", "max3", "avg3")
"""Convolutions of 3 × 3 and 5 × 5, separable ones, and pooling: what a layer may be."""


class Architecture(NamedTuple):
    """A choice in the macro space: an operation for each layer, and what is added to its output.

    `operations` are numbers of `OPERATIONS`. `skips[k]` has a 0 or 1 for each layer before layer
    k: whether that layer's output is added (the layer's own input included, the stem excluded).
    """

    operations: tuple
    skips: tuple

    def __str__(self):
        layers = []
        for k, operation in enumerate(self.operations):
            joined = [str(j) for j, bit in enumerate(self.skips[k]) if bit]
            layers.append(" + ".join([OPERATIONS[operation], *joined]))
        return " | ".join(layers)

    @classmethod
    def parse(cls, words):
        """Read what `str` writes: "conv3 | max3 + 0"; ValueError if it cannot be."""
        operations, skips = [], []
        for k, layer in enumerate(words.split("|")):
            name, *joined = (part.strip() for part in layer.split("+"))
            if name not in OPERATIONS or not {*joined} <= {str(j) for j in range(k)}:
                raise ValueError(f"layer {k} is {layer.strip()!r}, must be like 'conv3 + 0'")
            operations.append(OPERATIONS.index(name))
            skips.append(tuple(int(str(j) in joined) for j in range(k)))
        return cls(tuple(operations), tuple(skips))


def uniform_architecture(generator=None, layers=4):
    """Draw an architecture, each as likely as any other."""
    operations = torch.randint(len(OPERATIONS), (layers,), generator=generator).tolist()
    bits = [torch.randint(2, (k,), generator=generator).tolist() for k in range(layers)]
    return Architecture(tuple(operations), tuple(map(tuple, bits)))


# ---------------------------------------------------------------- sizes of search spaces


def macro_count(layers):
    """Number of architectures with so many layers: 6^L · 2^(L(L−1)/2), section 2.3 of the paper."""
    return len(OPERATIONS) ** layers * 2 ** (layers * (layers - 1) // 2)


def macro_architectures(layers):
    """Generate all of them; for few layers."""
    choices = [range(len(OPERATIONS))] * layers
    bits = [itertools.product((0, 1), repeat=k) for k in range(layers)]
    skips = list(itertools.product(*bits))
    yield from (Architecture(o, s) for o in itertools.product(*choices) for s in skips)


def micro_count(nodes, *, as_published=False):
    """Number of pairs of cells (normal and reduction) with so many nodes, five operations each.

    The first two nodes are inputs. Each other one takes two earlier nodes and an operation for
    each: (5^(B−2) · (B−1)!)^4. The paper's (5 · (B−2)!)^4, section 2.4, does not count what its
    text describes: for B = 3 it says 625, and there are 10,000.
    """
    if as_published:
        return (5 * math.factorial(nodes - 2)) ** 4
    return (5 ** (nodes - 2) * math.factorial(nodes - 1)) ** 4


def micro_cells(nodes):
    """Generate all cells with so many nodes: for each node after two, two (input, operation)."""
    return itertools.product(
        *[
            itertools.product(itertools.product(range(node), range(5)), repeat=2)
            for node in range(2, nodes)
        ]
    )


def recurrent_count(nodes, *, as_published=False):
    """Number of recurrent cells: 4^N · (N−1)!, four activations a node and an earlier node to take.

    The paper's 4^N · N!, section 2.1, is too large by a factor of N: the first node has no choice.
    """
    return 4**nodes * math.factorial(nodes if as_published else nodes - 1)


def recurrent_cells(nodes):
    """Generate all recurrent cells: an activation a node, an earlier node for all but one."""
    earlier = [range(node) for node in range(1, nodes)]
    return itertools.product(itertools.product(range(4), repeat=nodes), itertools.product(*earlier))


# ---------------------------------------------------------------- the shared weights


def operation(name, channels):
    """Build one of `OPERATIONS`: size and channels stay."""
    kind, size = name[:-1], int(name[-1])
    if kind == "max":
        return nn.MaxPool2d(size, 1, size // 2)
    if kind == "avg":
        return nn.AvgPool2d(size, 1, size // 2, count_include_pad=False)
    same = {"padding": size // 2, "bias": False}
    layers = [nn.Conv2d(channels, channels, size, **same)]
    if kind == "sep":
        depthwise = nn.Conv2d(channels, channels, size, groups=channels, **same)
        layers = [depthwise, nn.Conv2d(channels, channels, 1, bias=False)]
    return nn.Sequential(*layers, norm(channels), nn.ReLU())


def norm(channels):
    """Batch normalisation by the batch at hand: a shared layer has no one mean to remember."""
    return nn.BatchNorm2d(channels, track_running_stats=False)


@remembered
class SharedNetwork(nn.Module):
    """All architectures of a macro space, in one set of weights.

    ``network(x, architecture)`` runs the part that an architecture chooses: only its weights get a
    gradient. A network of its own, trained from scratch, is another `SharedNetwork` that is called
    with one architecture only.

    Parameters
    ----------
    layers, channels : int
    in_channels, classes : int
    skips : {"sum", "concat"}
        How skips join: added to a layer's output, as in the official code, or concatenated to it
        and brought back to `channels` by a 1 × 1 convolution, as in the paper (appendix B).
    halve : tuple of int
        Layers before which all maps are averaged 2 × 2.
    """

    def __init__(self, layers=4, channels=16, in_channels=1, classes=10, skips="sum", halve=(1, 3)):
        super().__init__()
        if skips not in ("sum", "concat"):
            raise ValueError(f'skips is {skips!r}, must be "sum" or "concat"')
        self.halve, self.skips = halve, skips
        stem = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.stem = nn.Sequential(stem, norm(channels))
        self.layers = nn.ModuleList(
            nn.ModuleDict({name: operation(name, channels) for name in OPERATIONS})
            for _ in range(layers)
        )
        self.norms = nn.ModuleList(norm(channels) for _ in range(layers))
        # one matrix for each input of the 1 × 1 convolution, so that unused ones get no gradient
        self.joins = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(channels, channels, 1, bias=False) for _ in range(k + 1))
            for k in range(layers if skips == "concat" else 0)
        )
        self.classify = nn.Linear(channels, classes)
        self.to(memory_format=torch.channels_last)  # the same numbers, pooling twice as fast

    def parts(self, architecture):
        """The modules that an architecture uses."""
        self._check(architecture)
        used = [self.stem, self.norms, self.classify]
        for k, operation in enumerate(architecture.operations):
            used.append(self.layers[k][OPERATIONS[operation]])
            if self.skips == "concat":
                bits = (*architecture.skips[k], 1)
                used += [join for join, bit in zip(self.joins[k], bits, strict=True) if bit]
        return used

    def active(self, architecture):
        """The parameters that an architecture uses."""
        return [p for part in self.parts(architecture) for p in part.parameters()]

    def forward(self, x, architecture):
        """Return the scores (N, classes) that one architecture gives to images (N, C, H, W)."""
        self._check(architecture)
        x, outputs = self.stem(x.contiguous(memory_format=torch.channels_last)), []
        for k, number in enumerate(architecture.operations):
            if k in self.halve:
                x, *outputs = (F.avg_pool2d(each, 2) for each in (x, *outputs))
            x = self.layers[k][OPERATIONS[number]](x)
            chosen = [j for j, bit in enumerate(architecture.skips[k]) if bit]
            if self.skips == "concat":  # the matrix over all channels, input by input
                x = self.joins[k][k](x) + sum(self.joins[k][j](outputs[j]) for j in chosen)
            else:
                x = x + sum(outputs[j] for j in chosen)
            x = self.norms[k](x)
            outputs.append(x)
        return self.classify(F.relu(x).mean((2, 3)))

    def child(self, architecture):
        """One architecture as a network of one argument; it shares these weights."""
        self._check(architecture)
        return Child(self, architecture)

    def _check(self, architecture):
        layers = len(self.layers)
        if len(architecture.operations) != layers or [*map(len, architecture.skips)] != [
            *range(layers)
        ]:
            raise ValueError(f"architecture is {architecture!r}, the network has {layers} layers")


class Child(nn.Module):
    """A shared network that runs one architecture; parameters are those that it uses."""

    def __init__(self, shared, architecture):
        super().__init__()
        self.parts, self.run = nn.ModuleList(shared.parts(architecture)), [shared]
        self.architecture = architecture

    def forward(self, x):
        """Return the scores (N, classes) of images (N, C, H, W)."""
        return self.run[0](x, self.architecture)


# ---------------------------------------------------------------- the controller


class Sample(NamedTuple):
    """Architectures, and how the controller came to each of them.

    `log_probability` and `entropy`, in nats, have shape (N,); `chances`, how likely each operation
    was when it was chosen, (N, layers, 6).
    """

    architectures: list
    log_probability: torch.Tensor
    entropy: torch.Tensor
    chances: torch.Tensor


class Controller(nn.Module):
    """An LSTM that chooses an architecture, layer by layer: an operation, then its skips.

    Parameters
    ----------
    layers, units : int
    temperature, tanh_constant : float
        Scores z become ``tanh_constant * tanh(z / temperature)``, so that no choice gets a
        probability near 0 or 1 too early.
    """

    def __init__(self, layers=4, units=100, temperature=5.0, tanh_constant=2.5):
        super().__init__()
        self.count, self.temperature, self.tanh_constant = layers, temperature, tanh_constant
        self.start = nn.Parameter(torch.empty(units))
        self.embed = nn.Embedding(len(OPERATIONS), units)
        self.cell = nn.LSTMCell(units, units)
        self.choose = nn.Linear(units, len(OPERATIONS), bias=False)
        self.earlier, self.present = (nn.Linear(units, units, bias=False) for _ in range(2))
        self.judge = nn.Linear(units, 1, bias=False)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.1, 0.1)

    def sample(self, count, generator=None):
        """Draw architectures; gradients go through the `Sample`."""
        return self._walk(count, None, generator)

    def log_probability(self, architectures):
        """The logarithm of the probability of each of some architectures, (N,)."""
        return self._walk(len(architectures), architectures, None).log_probability

    def _walk(self, count, given, generator):
        """Choose for `count` architectures at once, or follow the choices of those given."""
        x, state, anchors, chosen, ways = self.start.expand(count, -1), None, [], [], []
        for k in range(self.count):
            state = self.cell(x, state)
            log = F.log_softmax(self._squash(self.choose(state[0])), -1)
            wanted = given and torch.tensor([each.operations[k] for each in given])
            operation = _draw(log, wanted, generator)
            ways.append((log, operation))
            state = self.cell(self.embed(operation), state)
            x, bits = state[0], torch.zeros(count, 0, dtype=torch.long)
            if k:  # a skip from each layer before: how well do two states go together?
                before = torch.stack(anchors, 1)  # (N, k, units)
                both = torch.tanh(self.earlier(before) + self.present(x)[:, None])
                score = self._squash(self.judge(both))  # (N, k, 1)
                log = F.logsigmoid(torch.cat([-score, score], -1))
                wanted = given and torch.tensor([each.skips[k] for each in given])
                bits = _draw(log, wanted, generator)
                ways.append((log, bits))
                taken = bits[..., None].to(before.dtype)
                anchors.append(x)
                x = (before * taken).sum(1) / (1 + taken.sum(1))
            else:
                anchors.append(x)
            chosen.append((operation.tolist(), bits.tolist()))
        architectures = given or [
            Architecture(tuple(o[n] for o, _ in chosen), tuple(tuple(b[n]) for _, b in chosen))
            for n in range(count)
        ]
        taken = [
            log.gather(-1, choice[..., None]).reshape(count, -1).sum(1) for log, choice in ways
        ]
        entropy = [-(log.exp() * log).reshape(count, -1).sum(1) for log, _ in ways]
        chances = torch.stack([log.exp() for log, _ in ways if log.ndim == 2], 1)
        return Sample(architectures, sum(taken), sum(entropy), chances.detach())

    def _squash(self, scores):
        return self.tanh_constant * torch.tanh(scores / self.temperature)


def _draw(log, wanted, generator):
    """Draw a choice for each last axis, or take the one that is wanted."""
    if wanted is not None:
        return wanted
    flat = log.detach().exp().reshape(-1, log.shape[-1])
    return torch.multinomial(flat, 1, generator=generator).reshape(log.shape[:-1])
