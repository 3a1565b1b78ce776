"""A network layer by layer: output shape, parameters, multiply-adds and receptive field."""

import re
from collections import Counter
from dataclasses import dataclass

import torch
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_leaves

from cnnbook.checks import integer
from cnnbook.receptive_field import trace
from cnnbook.recording import Recorder, input_shapes
from cnnbook.shapes import conv_macs

COLUMNS = ("layer", "kind", "output", "parameters", "MACs", "field", "jump")
TO_THE_LEFT = 3  # the columns of words; the numbers are set to the right


@dataclass(frozen=True)
class LayerRow:
    """One layer of a network, or one call of it."""

    name: str  # as `named_modules` gives it; a second call of the same layer adds "_1"
    kind: str  # class of the layer
    detail: str  # its settings, as in "5×5, padding 2"
    output_shape: tuple | None  # of one sample; None for a layer that did not run
    parameters: int  # of the layer itself, biases too; 0 where an earlier row counts them
    macs: int  # multiply-adds for one sample, without those of biases
    field: tuple | None  # in pixels an axis; None where there is none of the kind
    jump: tuple | None
    user: str = ""  # of a layer that was not called: the one that used its parameters

    @property
    def flops(self):
        """Floating point operations for one sample: two a multiply-add."""
        return 2 * self.macs

    def cells(self):
        """The row's texts, one a column."""
        unused = f"within {self.user}" if self.user else "did not run"
        shape = unused if self.output_shape is None else _times(self.output_shape)
        numbers = [f"{number:,}" if number else "" for number in (self.parameters, self.macs)]
        field, jump = ("" if value is None else _times(value) for value in (self.field, self.jump))
        return (self.name, f"{self.kind} {self.detail}".strip(), shape, *numbers, field, jump)


@dataclass(frozen=True)
class Summary:
    """What `summary` returns: rows and totals; as text a table."""

    name: str  # class of the module
    input_shape: tuple  # of one sample; of several inputs one an entry
    rows: tuple  # of `LayerRow`, as computed; layers that were not called come last
    unfollowed: str = ""  # why there are no receptive fields, if there are none
    uncounted: tuple = ()  # operations that multiply and add, but are not counted

    @property
    def parameters(self):
        """Number of parameters, biases too; shared ones count once."""
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self):
        """Multiply-adds for one sample."""
        return sum(row.macs for row in self.rows)

    @property
    def flops(self):
        """Floating point operations of the multiply-adds for one sample: two each."""
        return 2 * self.macs

    def __str__(self):
        shapes = self.input_shape if isinstance(self.input_shape[0], tuple) else [self.input_shape]
        shape = ("input", "", ", ".join(map(_times, shapes)), "", "", "", "")
        total = ("total", self.name, "", f"{self.parameters:,}", f"{self.macs:,}", "", "")
        table = [COLUMNS, None, shape, *(row.cells() for row in self.rows), None, total]
        widths = [max(len(row[n]) for row in table if row) for n in range(len(COLUMNS))]
        lines = []
        for row in table:
            texts = row or ["─" * width for width in widths]
            pairs = enumerate(zip(texts, widths, strict=True))
            cells = [f"{t:<{w}}" if n < TO_THE_LEFT else f"{t:>{w}}" for n, (t, w) in pairs]
            lines.append("  ".join(cells).rstrip())
        if self.uncounted:
            lines.append(f"multiply-adds not counted: {', '.join(self.uncounted)}")
        if self.unfollowed:
            lines.append(f"no receptive fields: {self.unfollowed}")
        return "\n".join(lines)

    __repr__ = __str__


def summary(module, input_size, depth=None, dtypes=None):
    """List the layers of a module with shapes, parameters, multiply-adds and receptive fields.

    `module`, `input_size` and `dtypes` are as `trace` takes them; of lazy layers the parameters
    that they would get are counted. `depth`, at least 1, is how many levels of parts to go into:
    parts that lie deeper are counted with the one that holds them. 1 makes one row of each
    Inception module of GoogLeNet. Else there is a row for each module that has no parts, owns
    parameters or multiplies itself, called or not.

    Counted are the multiply-adds of convolutions and of products of matrices and vectors, one a
    weight and place, zeros of the padding too; those of biases, activations, pooling, normalisation
    and products entry by entry are not, as in `torch.utils.flop_counter`. Other operations that
    multiply and add, such as a Fourier transform, are named below the table.

    >>> from torch import nn
    >>> print(summary(nn.Sequential(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2)), (1, 32, 32)))
    layer  kind                     output   parameters     MACs  field  jump
    ─────  ───────────────────────  ───────  ──────────  ───────  ─────  ────
    input                           1×32×32
    0      Conv2d 5×5               6×28×28         156  117,600    5×5   1×1
    1      MaxPool2d 2×2, stride 2  6×14×14                         6×6   2×2
    ─────  ───────────────────────  ───────  ──────────  ───────  ─────  ────
    total  Sequential                               156  117,600
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {type(module).__name__}")
    depth = None if depth is None else integer("depth", depth, 1)
    shapes = input_shapes(input_size)
    counter = _Counter(module, depth)
    counter.run(shapes, dtypes)
    try:
        fields, unfollowed = trace(module, input_size, dtypes), ""
    except ValueError as error:
        fields, unfollowed = {}, str(error)
    rows = [_row(counter, call, fields) for call in counter.calls]
    for name, part in counter.parts.items():
        if name not in counter.counts and (count := counter.take_parameters(name)):
            users = (counter.users[key] for key in counter.own(name) if key in counter.users)
            user = next((user or "forward" for user in users), "")
            words = name, type(part).__name__, _detail(part)
            rows.append(LayerRow(*words, None, count, 0, None, None, user))
    shape = shapes[0] if len(shapes) == 1 else tuple(shapes)
    uncounted = tuple(sorted(counter.uncounted))
    return Summary(type(module).__name__, shape, tuple(rows), unfollowed, uncounted)


@dataclass
class _Call:
    name: str
    number: int  # of earlier runs of the same part
    macs: int = 0
    output_shape: tuple | None = None
    parameters: int = 0


class _Counter(Recorder):
    """Notes each call of a part, down to a depth, with its shape and its multiply-adds."""

    def __init__(self, module, depth):
        super().__init__(module, depth)
        self.calls, self.stack = [], []
        self.counts = Counter()  # calls of each part
        self.uncounted = set()  # operations that multiply and add, and for which there is no rule
        self.whole = {name for name in self.parts if name.count(".") + bool(name) == depth}
        self.counted = set()
        self.users = {}  # id of a parameter: the part that ran when it was first used
        self.ids = {id(p) for p in self.module.parameters()}

    def own(self, name):
        """Own parameters of a part; all below it where no one looks deeper."""
        return {id(p): p for p in self.parts[name].parameters(recurse=name in self.whole)}

    def take_parameters(self, name):
        """Count a part's own parameters that no earlier row has counted."""
        new = {key: p for key, p in self.own(name).items() if key not in self.counted}
        self.counted |= new.keys()
        return sum(p.numel() for p in new.values() if not is_lazy(p))

    def enter(self, name, part, inputs):
        self.stack.append(_Call(name, self.counts[name]))
        self.counts[name] += 1

    def leave(self, name, part, inputs, output):
        call = self.stack.pop()
        call.parameters = self.take_parameters(name)
        tensors = [entry for entry in tree_leaves(output) if isinstance(entry, torch.Tensor)]
        call.output_shape = tuple(tensors[0].shape[1:]) if tensors else ()
        single = name in self.whole or not any(part.children())
        if single or call.macs or call.parameters:
            self.calls.append(call)

    def watch(self, operation, given, taken, result):
        if self.stack:
            call = self.stack[-1]
            for leaf in tree_leaves(taken):
                if id(leaf) in self.ids:
                    self.users.setdefault(id(leaf), call.name)
            macs = _macs(operation, *taken, result)
            if macs is None:
                self.uncounted.add(operation._schema.name.split("::")[1].strip("_"))
            call.macs += macs or 0

    def call(self, function, args, kwargs):
        """Count outer products, whose basic operation is that of any other multiplication."""
        result = function(*args, **kwargs)
        if getattr(function, "__name__", "") in ("outer", "ger") and self.stack:
            self.stack[-1].macs += result.numel()
        return result


_UNCOUNTED = ("_fft_", "linalg_", "_linalg_", "_cdist_", "_sparse_", "cholesky", "_thnn_", "conv_",
              "grid_sampler", "miopen_", "mkldnn_", "_grouped_mm", "_int_mm")  # fmt: skip


def _macs(operation, args, kwargs, result):
    """Multiply-adds of one basic operation; None where they are not counted."""
    name = operation._schema.name.split("::")[1]
    if name == "convolution":
        x, weight, transposed, groups = args[0], args[1], args[6], args[8]
        narrow, wide = (result, x) if transposed else (x, result)
        channels = {"in_channels": narrow.shape[1], "out_channels": wide.shape[1]}
        sizes = {"kernel_size": tuple(weight.shape[2:]), "output_size": tuple(wide.shape[2:])}
        return len(x) * conv_macs(**channels, **sizes, groups=groups)
    if name in ("mm", "bmm", "addmm", "baddbmm"):
        return result.numel() * args[-2].shape[-1]
    if name in ("mv", "addmv", "dot", "vdot"):
        return args[-2].numel()
    if name == "addbmm":
        return result.numel() * len(args[-2]) * args[-2].shape[-1]
    if name == "addr":
        return result.numel()
    if name == "_trilinear":  # x1 · weight · x2, summed over the features of both
        return result.numel() * args[1].shape[-2] * args[1].shape[-1]
    if any(part in name for part in ("attention", "conv", "_mm")):
        from torch.utils.flop_counter import flop_registry  # 70 MB that most do without

        if operation.overloadpacket in flop_registry:  # attention: PyTorch's own rule
            return flop_registry[operation.overloadpacket](*args, **kwargs, out_val=result) // 2
    return None if name.startswith(_UNCOUNTED) else 0


def _row(counter, call, fields):
    part = counter.parts[call.name]
    again = f"_{call.number}" if call.number else ""
    try:
        field = fields[f"{call.name or 'output'}{again}"]
        seen = field.size, None if max(field.units) == 1 else field.jump
    except (KeyError, ValueError):  # no such node, or branches without a common jump
        seen = None, None
    words = f"{call.name or 'forward'}{again}", type(part).__name__, _detail(part)
    return LayerRow(*words, call.output_shape, call.parameters, call.macs, *seen)


def _detail(part):
    kernel = getattr(part, "kernel_size", None)
    if kernel is None:
        return ""
    if not isinstance(kernel, tuple):
        axes = re.search(r"(\d)d$", type(part).__name__)
        kernel = (kernel,) * (int(axes[1]) if axes else 1)
    words = [_times(kernel)]
    for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)):
        value = getattr(part, name, usual)
        if isinstance(value, tuple):
            value = value[0] if len(set(value)) == 1 else _times(value)
        words += [f"{name} {value}"] if value != usual else []
    return ", ".join(words)


def _times(numbers):
    return "×".join(map(str, numbers))
