"""The receptive field of every node of a PyTorch module, without running its weights.

The module runs on tensors that have a shape but no numbers (PyTorch's "meta" device). Each basic
operation that it calls passes by here on its way, and its rule carries the fields on: so branches,
sums and loops are followed as Python takes them.
"""

import numpy as np

from cnnbook.receptive_field._axis import AxisField
from cnnbook.receptive_field._looking import (
    Known,
    empty_inputs,
    input_shapes,
    meta_mode,
    named,
    run,
    stand_in,
)
from cnnbook.receptive_field._rules import MOVES, RULES, linear, pointwise
from cnnbook.receptive_field._tracked import CannotFollowError, Operand, Tracked, compact
from cnnbook.receptive_field.field import Field


def trace(module, input_size, dtypes=None):
    """Compute the receptive field of every node of a module.

    Parameters
    ----------
    module : torch.nn.Module
        Taken as in evaluation mode (batch normalisation with stored statistics, no dropout). What
        runs is a stand-in without numbers: of the module nothing is read but whole numbers that
        it indexes with, and nothing is changed. Functions that others hooked on are not called.
    input_size : tuple of int, or list of such tuples
        Shape of one input without the batch: channels first, then one size an axis, such as
        (3, 224, 224). Of several inputs, which `forward` takes in this order, the fields are in
        the pixels of the first; the others count as constants.
    dtypes : torch.dtype or list of torch.dtype, optional
        Of the inputs; that of the parameters when not given.

    Returns
    -------
    dict of str to Field
        In the order of computation, under the names that `named_modules` gives: "input", each
        submodule ("features.2", "layer1.0.conv2"), each operation that the `forward` of a module
        outside `torch.nn` calls itself ("layer1.0.add"), and "output". A second call of the same
        module adds "_1", a third "_2".

    Raises
    ------
    TypeError, ValueError
        If `input_size` is no such shape, the module does not accept it, or an operation cannot be
        followed: the message names the layer.

    Notes
    -----
    A field is the smallest rectangle, found for rows and columns apart, of all pixels that can
    make a difference with some weights and some image. It holds for all channels of a unit
    together. While axes are merged, as after flattening, the field is that of all their units
    together; where they come apart again, each unit has its own. A normalisation over the whole
    map (group norm, instance norm) lets every unit see everything. Padding that repeats the image
    (circular) or mirrors it lets units near the border see what is copied there; `size`, `jump`
    and `start` are those of the units inside.

    References
    ----------
    Araujo, Norris & Sim (2019), doi:10.23915/distill.00021; chapter 8.

    Examples
    --------
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3))
    >>> trace(net, (1, 28, 28))["3"]
    3: field 10 × 10, jump 2 × 2, start 0 × 0, 10 × 10 units
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {type(module).__name__}")
    shapes = input_shapes(input_size)
    if len(shapes[0]) < 2:
        raise ValueError(f"input_size must be (channels, size, ...), got {input_size!r}")
    recorder = _Recorder(module, shapes, empty_inputs(module, shapes, dtypes))
    recorder.run()
    return recorder.fields


class _Recorder:
    """Runs a module and writes down the field of each tensor that comes by."""

    def __init__(self, module, shapes, inputs):
        import torch

        self.torch, self.shapes, self.inputs = torch, shapes, inputs
        axes = tuple(AxisField.pixels(size) for size in shapes[0][1:])
        self.module, originals = stand_in(module)
        self.known = Known(originals)
        self.tracked = {}  # id of a tensor: the tensor, kept alive, and its fields
        self.found_by = {}  # id of a tensor of places: it, and the pooling that found them
        self.remember(inputs[0], Tracked.image(axes, inputs[0].dim()))
        self.fields = {"input": Field("input", axes)}
        self.path = [("", False)]  # running now: name, and whether of torch.nn
        self.asleep = 0  # inside of a layer that is followed as a whole

    def field_of(self, tensor):
        return self.tracked[id(tensor)][1] if id(tensor) in self.tracked else None

    def remember(self, tensor, field):
        self.tracked[id(tensor)] = tensor, field

    def write(self, name, tensor):
        """Note the field of a node under a name of its own."""
        field = self.field_of(tensor)
        if field is not None:
            name = self.free_name(name)
            self.fields[name] = Field(name, field.told(tuple(tensor.shape)))

    def free_name(self, name):
        count, free = 0, name
        while free in self.fields:
            count += 1
            free = f"{name}_{count}"
        return free

    def here(self):
        """The layer that is running, in words."""
        name = self.path[-1][0]
        kind = type(self.module.get_submodule(name)).__name__
        return f"layer {name!r} ({kind})" if name else kind

    def run(self):
        """Run the stand-in once, with hooks on all its parts."""
        for name, part in self.module.named_modules():
            leaf = type(part).__module__.startswith("torch.nn.")
            part.register_forward_pre_hook(self._enter(name, leaf), prepend=True)
            part.register_forward_hook(self._leave(name))
        try:
            modes = [_layer_mode(self), meta_mode(self.watch)]
            run(self.module, self.inputs, modes, self.here, self.shapes)
        except CannotFollowError as error:
            here = self.here().removeprefix("layer ")
            raise ValueError(f"cannot follow {here}: {error}") from None

    def _enter(self, name, leaf):
        def hook(part, inputs):
            self.path.append((name, leaf))
            self.asleep += type(part).__name__ in _WHOLE

        return hook

    def _leave(self, name):
        def hook(part, inputs, output):
            self.path.pop()
            if type(part).__name__ in _WHOLE:
                self.asleep -= 1
                if self.field_of(inputs[0]) is not None:
                    self.remember(output, self.field_of(inputs[0]))
            outputs = {"": output}
            if isinstance(output, dict):
                outputs = {f".{key}": value for key, value in output.items()}
            elif isinstance(output, (tuple, list)):
                outputs = {f".{number}": value for number, value in enumerate(output)}
            for suffix, tensor in outputs.items():
                if isinstance(tensor, self.torch.Tensor):
                    self.write(f"{name or 'output'}{suffix}", tensor)

        return hook

    def operands(self, arguments):
        """The tensors with fields among named arguments."""
        return [
            Operand(key, self.field_of(value), tuple(value.shape), value)
            for key, entry in arguments.items()
            for value in (entry if isinstance(entry, (list, tuple)) else [entry])
            if self.field_of(value) is not None
        ]

    def watch(self, operation, given, taken, result):
        """Apply an operation's rule to the fields of its arguments."""
        arguments = named(operation, *taken)
        operands = self.operands(arguments)
        if not operands:
            self.known.watch(operation, given, result)
        if not operands or self.asleep:
            return
        name = operation._schema.name.split("::")[1]
        results = result if isinstance(result, (tuple, list)) else [result]
        shape = tuple(results[0].shape)
        rule = RULES.get(name)
        if rule is None and self.torch.Tag.pointwise in operation.tags:
            rule = pointwise
        if name in MOVES:
            fields = self.moved(operation, given, operands)
        elif rule is None and _writes(operation):
            raise CannotFollowError(f"{name!r} writes into a tensor that another part may share")
        elif rule is None:
            raise CannotFollowError(f"no rule for the operation {name!r}")
        else:
            arguments["operation"] = operation
            arguments["found_by"] = self.found_by.get(id(arguments.get("indices")), (0, None))[1]
            fields = [rule(arguments, operands, shape)]
            fields *= len(results)
        before = self.field_of(results[0])
        if _writes(operation) and not (fields[0] and fields[0].same(before)):
            raise CannotFollowError(f"{name!r} writes into a tensor that another part may share")
        for tensor, field in zip(results, fields, strict=True):
            if field is not None and tensor.dim() == field.rank:
                self.remember(tensor, field)
        if name.startswith("max_pool"):
            self.found_by[id(results[1])] = results[1], arguments
        if fields[0] is not None and not self.path[-1][1]:
            self.write(f"{self.path[-1][0]}.{name.strip('_')}".lstrip("."), results[0])

    def moved(self, operation, given, operands):
        """Do to the units what an operation does to the numbers; one answer for each result."""
        torch = self.torch
        if len(operands) > 1:
            raise CannotFollowError(f"{operands[1].name!r} depends on the input as well")
        (x,) = operands

        def done(array):
            def replaced(value):
                if value is x.tensor:
                    return torch.from_numpy(array.astype(np.int32)).expand(x.shape)
                if isinstance(value, torch.Tensor) and value.is_meta:
                    value = self.known.value(value)
                    if value.is_meta:
                        raise CannotFollowError("it takes units at places that are computed")
                return value

            args, kwargs = self.torch.utils._pytree.tree_map(replaced, given)
            found = operation(*args, **kwargs)
            found = found if isinstance(found, (tuple, list)) else [found]
            return [compact(entry.numpy().astype(np.int64)) for entry in found]

        results = zip(*map(done, x.field.units), strict=True)
        return [Tracked(x.field.axes, units) for units in results]


def _writes(operation):
    """Whether an operation writes into one of its arguments; statistics and noise aside."""
    return any(
        argument.alias_info is not None and argument.alias_info.is_write
        for argument in operation._schema.arguments
        if argument.name not in ("noise", "running_mean", "running_var")
    )


_WHOLE = frozenset(["CrossMapLRN2d"])  # layers that mix channels only, in place
_RECURRENT = frozenset(
    f"{kind}{cell}" for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu") for cell in ("", "_cell")
)


def _layer_mode(recorder):
    """Catch functions whole whose basic operations say less, or write in place, on the way."""
    from torch.overrides import TorchFunctionMode

    torch = recorder.torch
    functional = torch.nn.functional

    def circular(input, pad, mode="constant", value=None):
        return mode == "circular"

    class LayerMode(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            name = getattr(function, "__name__", "")
            names = ("input", "weight") if function is functional.linear else (
                "input1", "input2")  # fmt: skip
            if function is functional.linear or function is functional.bilinear:
                given = {**dict(zip(names, args, strict=False)), **kwargs}
                operands = recorder.operands({k: v for k, v in given.items() if k in names})
            elif name == "pad" and circular(*args, **kwargs):
                operands = recorder.operands({"input": args[0] if args else kwargs["input"]})
            elif name in _RECURRENT:
                if recorder.operands(dict(enumerate(args))):
                    raise CannotFollowError(f"no rule for recurrent layers ({name})")
                operands = []
            else:
                operands = []
            if not operands:
                return function(*args, **kwargs)
            recorder.asleep += 1
            try:
                result = function(*args, **kwargs)
            finally:
                recorder.asleep -= 1
            if name == "pad":
                padding = args[1] if len(args) > 1 else kwargs["pad"]
                field = RULES["circular_pad"]({"pad": padding}, operands, tuple(result.shape))
            else:
                field = linear(operands)
            recorder.remember(result, field)
            if not recorder.path[-1][1]:
                recorder.write(f"{recorder.path[-1][0]}.{name}".lstrip("."), result)
            return result

    return LayerMode()
