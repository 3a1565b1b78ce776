"""A network layer by layer: output shape, parameters, multiply-adds and receptive field."""

import re
from dataclasses import dataclass

import torch

from cnnbook.checks import integer
from cnnbook.models._recording import Recorder
from cnnbook.receptive_field import trace
from cnnbook.receptive_field._looking import input_shapes

COLUMNS = ("layer", "kind", "output", "parameters", "MACs", "field", "jump")
TO_THE_LEFT = 3  # the columns of words; the numbers are set to the right


@dataclass(frozen=True)
class LayerRow:
    """One layer of a network, or one call of it.

    Parameters
    ----------
    name : str
        As `named_modules` gives it; a second call of the same layer adds "_1".
    kind : str
        Class of the layer.
    detail : str
        Kernel, stride, padding and groups of a layer that has them, as in "5×5, padding 2".
    output_shape : tuple of int or None
        Of one sample, without the batch; None for a layer that did not run.
    parameters : int
        Numbers that belong to the layer itself, biases too; 0 where an earlier row counts them.
    macs : int
        Multiply-adds for one sample, without those of biases.
    field, jump : tuple or None
        Receptive field, in pixels an axis; None where there is none of the kind: no image comes
        in, its branches have no common jump, or it cannot be followed. A layer with one position
        has no jump.
    user : str
        Of a layer that was not called, though its parameters were used: the layer that did, in
        whose row the multiply-adds stand; else empty.
    """

    name: str
    kind: str
    detail: str
    output_shape: tuple | None
    parameters: int
    macs: int
    field: tuple | None
    jump: tuple | None
    user: str = ""

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
    """What `summary` returns: rows and totals; as text a table.

    Parameters
    ----------
    name : str
        Class of the module.
    input_shape : tuple of int, or tuple of such
        Of one sample, without the batch; of several inputs one an entry.
    rows : tuple of LayerRow
        In the order of computation; layers that were not called come last.
    unfollowed : str
        Why there are no receptive fields; empty if there are.
    uncounted : tuple of str
        Operations that multiply and add, but are not counted.
    """

    name: str
    input_shape: tuple
    rows: tuple
    unfollowed: str = ""
    uncounted: tuple = ()

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
        """Set the rows as a table."""
        shapes = self.input_shape
        shapes = shapes if isinstance(shapes[0], tuple) else [shapes]
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

    Parameters
    ----------
    module : torch.nn.Module
        Taken as in evaluation mode. What runs is a stand-in, on tensors that have a shape but no
        numbers: weights are not read, nothing of the module is changed, and functions that others
        hooked on are not called. Of lazy layers the parameters that they would get are counted.
    input_size : tuple of int, or list of such tuples
        Shape of one input without the batch: (1, 28, 28). A list stands for several inputs, which
        `forward` takes in this order; receptive fields are in the pixels of the first.
    depth : int, optional
        Levels of parts to go into, at least 1: parts that lie deeper are counted with the one
        that holds them. 1 makes one row of each Inception module of GoogLeNet.
    dtypes : torch.dtype or list of torch.dtype, optional
        Of the inputs: ``torch.long`` for a network that begins with an embedding. That of the
        parameters when not given.

    Returns
    -------
    Summary
        A row for each module that has no parts, owns parameters or multiplies itself. A module
        that is not called, as auxiliary classifiers are not, counts with its parameters; if
        others use its parameters, the row says which.

    Raises
    ------
    TypeError, ValueError
        If `module` is no module, does not run on such an input, or `depth` is below 1.

    Notes
    -----
    Counted are the multiply-adds of convolutions, of products of matrices and vectors, outer and
    bilinear ones too, one a weight and place, zeros of the padding too; of recurrent layers those
    of all steps. Biases, activations, pooling, normalisation and products entry by entry are left
    out, as in `torch.utils.flop_counter`, whose FLOPs are twice these MACs where it has a rule.
    Other operations that multiply and add, such as a Fourier transform, are named below the table.

    Examples
    --------
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
    recorder = Recorder(module, depth)
    recorder.run(shapes, dtypes)
    try:
        fields, unfollowed = trace(module, input_size, dtypes), ""
    except ValueError as error:
        fields, unfollowed = {}, str(error)
    rows = [_row(recorder, call, fields) for call in recorder.calls]
    for name, part in recorder.parts.items():
        if name not in recorder.counts and (count := recorder.take_parameters(name)):
            user = recorder.user(name)
            words = type(part).__name__, _detail(part)
            user = "" if user is None else user or "forward"
            rows.append(LayerRow(name, *words, None, count, 0, None, None, user))
    shape = shapes[0] if len(shapes) == 1 else tuple(shapes)
    uncounted = tuple(sorted(recorder.uncounted))
    return Summary(type(module).__name__, shape, tuple(rows), unfollowed, uncounted)


def _row(recorder, call, fields):
    part = recorder.parts[call.name]
    name = call.name or "forward"
    node = call.name or "output"
    if call.number:
        name, node = f"{name}_{call.number}", f"{node}_{call.number}"
    try:
        field = fields[node]
        seen = field.size, None if max(field.units) == 1 else field.jump
    except (KeyError, ValueError):  # no such node, or branches without a common jump
        seen = None, None
    words = type(part).__name__, _detail(part)
    return LayerRow(name, *words, call.output_shape, call.parameters, call.macs, *seen)


def _detail(part):
    """Settings of a window that slides, in words."""
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
