"""The receptive field of every node of a PyTorch module, without running its weights.

A stand-in of the module runs on tensors that have a shape but no numbers. Each basic operation
that it calls passes by here on its way, and its rule carries the fields on: so branches, sums and
loops are followed as Python takes them.
"""

from cnnbook.receptive_field.field import Field
from cnnbook.receptive_field.rules import MOVES, RULES, pointwise
from cnnbook.receptive_field.seen import Operand, Tracked
from cnnbook.recording import CannotFollowError, Recorder, input_shapes, named


def trace(module, input_size, dtypes=None):
    """Compute the receptive field of every node of a module.

    Parameters
    ----------
    module : torch.nn.Module
        Taken as in evaluation mode; nothing of it is changed, and of its numbers only integers
        that it indexes with are read.
    input_size : tuple of int, or list of such tuples
        Shape of one input without the batch, such as (3, 224, 224). Of several inputs the fields
        are in the pixels of the first; the others count as constants.
    dtypes : torch.dtype or list of torch.dtype, optional
        Of the inputs; that of the parameters when not given.

    Returns
    -------
    dict of str to Field
        In the order of computation: "input", each submodule by the name that `named_modules`
        gives, each operation that a `forward` outside `torch.nn` calls ("layer1.0.add"), and
        "output". A second call of the same module adds "_1", a third "_2".

    Raises
    ------
    TypeError, ValueError
        If the module does not accept such an input, or an operation cannot be followed: the
        message names the layer.

    Notes
    -----
    A field is the smallest rectangle, found for rows and columns apart, of all pixels that can
    make a difference with some weights and some image, for all channels of a unit together. While
    axes are merged, as after flattening, the field is that of all their units together. Padding
    that repeats or mirrors the image lets units near the border see what is copied there; `size`,
    `jump` and `start` are those of the units inside.

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
    tracer = Tracer(module)
    tracer.run(shapes, dtypes)
    return tracer.fields


class Tracer(Recorder):
    """Writes down what each tensor that comes by sees."""

    def __init__(self, module):
        super().__init__(module)
        self.tracked = {}  # id of a tensor: the tensor, kept alive, and what it sees
        self.found_by = {}  # id of a tensor of places: it, and the pooling that found them
        self.fields = {}
        self.asleep = 0  # inside of what is followed as a whole

    def field_of(self, tensor):
        """What a tensor sees; None if it depends on no pixel."""
        return self.tracked.get(id(tensor), (None, None))[1]

    def remember(self, tensor, field):
        """Note what a tensor sees."""
        self.tracked[id(tensor)] = tensor, field

    def write(self, name, tensor):
        """Note the field of a node under a name of its own."""
        field, free, count = self.field_of(tensor), name, 0
        while free in self.fields:
            count += 1
            free = f"{name}_{count}"
        if field is not None:
            self.fields[free] = Field(free, field.told(tuple(tensor.shape)))

    def write_operation(self, name, tensor):
        """Note the field of an operation that the user's own code calls."""
        path = self.running[-1] if self.running else ""
        if not type(self.parts[path]).__module__.startswith("torch.nn."):
            self.write(f"{path}.{name}".lstrip("."), tensor)

    def begin(self, inputs):
        """Note the image: each pixel sees itself."""
        self.remember(inputs[0], Tracked.image(inputs[0].shape[2:], inputs[0].dim()))
        self.write("input", inputs[0])

    def enter(self, name, part, inputs):
        """Sleep in what is followed as a whole."""
        self.asleep += type(part).__name__ in _WHOLE

    def leave(self, name, part, inputs, output):
        """Note what a part yields, one name an output."""
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
            self.write(f"{name or 'output'}{suffix}", tensor)

    def operands(self, arguments):
        """The tensors that see something among named arguments."""
        return [
            Operand(key, self.field_of(value), tuple(value.shape), value)
            for key, entry in arguments.items()
            for value in (entry if isinstance(entry, (list, tuple)) else [entry])
            if self.field_of(value) is not None
        ]

    def watch(self, operation, given, taken, result):
        """Apply an operation's rule to what its arguments see."""
        import torch

        a = named(operation, *taken)
        operands = self.operands(a)
        if not operands:
            self.follow_integers(operation, given, result)
        if not operands or self.asleep:
            return
        name = operation._schema.name.split("::")[1]
        results = result if isinstance(result, (tuple, list)) else [result]
        rule = RULES.get(name)
        if rule is None and torch.Tag.pointwise in operation.tags:
            rule = pointwise
        writes = _writes(operation)
        if name in MOVES:
            fields = self.moved(operation, given, operands)
        elif rule is not None:
            a |= {"operation": operation, "name": name}
            a["found_by"] = self.found_by.get(id(a.get("indices")), (0, None))[1]
            fields = [rule(a, operands, tuple(results[0].shape))] * len(results)
        elif not writes:
            raise CannotFollowError(f"no rule for the operation {name!r}")
        if writes and not (
            (rule or name in MOVES) and fields[0] and fields[0].same(self.field_of(results[0]))
        ):
            raise CannotFollowError(f"{name!r} writes into a tensor that another part may share")
        for tensor, field in zip(results, fields, strict=True):
            if field is not None and tensor.dim() == field.rank:
                self.remember(tensor, field)
        if name.startswith("max_pool"):
            self.found_by[id(results[1])] = results[1], a
        if fields[0] is not None:
            self.write_operation(name.strip("_"), results[0])

    def moved(self, operation, given, operands):
        """Do to the entries' numbers what an operation does to them; one answer for each result."""
        import torch
        from torch.utils._pytree import tree_map

        if len(operands) > 1:
            raise CannotFollowError(f"{operands[1].name!r} depends on the input as well")
        (x,) = operands

        def done(seen):
            def replaced(value):
                if value is x.tensor:
                    return torch.from_numpy(seen.numbers).expand(x.shape)
                if isinstance(value, torch.Tensor) and value.is_meta:
                    value = self.value(value)
                    if value.is_meta:
                        raise CannotFollowError("it takes units at places that are computed")
                return value

            args, kwargs = tree_map(replaced, given)
            found = operation(*args, **kwargs)
            found = found if isinstance(found, (tuple, list)) else [found]
            return [seen.taken(numbers.numpy()) for numbers in found]

        return list(map(Tracked, zip(*map(done, x.field), strict=True)))

    def call(self, function, args, kwargs):
        """Follow functions as a whole whose basic operations say less, or write in place."""
        from torch.nn import functional

        name, names = getattr(function, "__name__", ""), ()
        if function is functional.linear:
            names = "input", "weight"
        elif function is functional.bilinear:
            names = "input1", "input2"
        elif name == "pad" and _is_circular(*args, **kwargs):
            names, name = ("input", "pad"), "circular_pad"
        a = {**dict(zip(names, args, strict=False)), **kwargs}
        operands = self.operands({key: a[key] for key in names})
        if name in _RECURRENT and self.operands(dict(enumerate(args))):
            raise CannotFollowError(f"no rule for recurrent layers ({name})")
        self.asleep += bool(operands)
        try:
            result = function(*args, **kwargs)
        finally:
            self.asleep -= bool(operands)
        if operands:
            self.remember(result, RULES[name](a | {"name": name}, operands, tuple(result.shape)))
            self.write_operation(name.removeprefix("circular_"), result)
        return result


def _is_circular(input, pad, mode="constant", value=None):
    return mode == "circular"


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
