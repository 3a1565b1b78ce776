"""The receptive field of every node of a PyTorch module, without running its weights.

The module runs on tensors that have a shape but no numbers (PyTorch's "meta" device). Each basic
operation that it calls passes by here on its way, and its rule carries the fields on: so branches,
sums and loops are followed as Python takes them.
"""

from cnnbook._axes import per_axis
from cnnbook.receptive_field._axis import AxisField
from cnnbook.receptive_field._rules import RULES, linear, pointwise
from cnnbook.receptive_field._tracked import CannotFollowError, Operand, Tracked
from cnnbook.receptive_field.field import Field


def trace(module, input_size):
    """Compute the receptive field of every node of a module.

    Parameters
    ----------
    module : torch.nn.Module
        Taken as in evaluation mode (batch normalisation with stored statistics, no dropout). Its
        weights are not read, and nothing of it is changed.
    input_size : tuple of int
        Shape of one input without the batch: channels first, then one size an axis, such as
        (3, 224, 224).

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
    A field is the smallest rectangle, found for rows and columns apart. Once an axis is flattened,
    the field is that of all its units together; a dense layer sees just that. A normalisation
    over the whole map (group norm, instance norm) lets every unit see everything.

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
    if not isinstance(input_size, (tuple, list)) or len(input_size) < 2:
        raise ValueError(f"input_size must be (channels, size, ...), got {input_size!r}")
    shape = (1, *per_axis("input_size", input_size, len(input_size), minimum=1))
    recorder = _Recorder(module, shape)
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        recorder.run()
    finally:
        for part in training:
            part.training = True
    return recorder.fields


class _Recorder:
    """Runs a module and writes down the field of each tensor that comes by."""

    def __init__(self, module, shape):
        import torch

        self.module, self.torch = module, torch
        dtypes = [p.dtype for p in module.parameters() if p.dtype.is_floating_point]
        self.x = torch.empty(shape, device="meta", dtype=dtypes[0] if dtypes else None)
        axes = tuple(AxisField.pixels(size) for size in shape[2:])
        self.tracked = {}  # id of a tensor: the tensor, kept alive, and its fields
        self.remember(self.x, Tracked(axes, tuple(range(2, len(shape)))))
        self.fields = {"input": Field("input", axes)}
        self.path = [("", False)]  # running now: name, and whether of torch.nn

    def field_of(self, tensor):
        return self.tracked[id(tensor)][1] if id(tensor) in self.tracked else None

    def remember(self, tensor, field):
        self.tracked[id(tensor)] = tensor, field

    def write(self, name, tensor):
        """Note the field of a node under a name of its own."""
        field = self.field_of(tensor)
        if field is not None:
            name = self.free_name(name)
            self.fields[name] = Field(name, field.axes)

    def free_name(self, name):
        count, free = 0, name
        while free in self.fields:
            count += 1
            free = f"{name}_{count}"
        return free

    def here(self):
        """The layer that is running, in words."""
        name = self.path[-1][0]
        part = self.module.get_submodule(name)
        return f"{name!r} ({type(part).__name__})" if name else type(part).__name__

    def run(self):
        """Run the module once, with hooks on all its parts."""
        hooks = []
        for name, part in self.module.named_modules():
            leaf = type(part).__module__.startswith("torch.nn.")
            hooks += [
                part.register_forward_pre_hook(self._enter(name, leaf)),
                part.register_forward_hook(self._leave(name)),
            ]
        try:
            with self.torch.no_grad(), _layer_mode(self), _operation_mode(self):
                self.module(self.x)
        except CannotFollowError as error:
            raise ValueError(f"cannot follow {self.here()}: {error}") from None
        except (RuntimeError, TypeError, IndexError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{self.here()} does not run on this input: {reason}") from error
        finally:
            for hook in hooks:
                hook.remove()

    def _enter(self, name, leaf):
        return lambda part, inputs: self.path.append((name, leaf))

    def _leave(self, name):
        def hook(part, inputs, output):
            self.path.pop()
            outputs = {"": output}
            if isinstance(output, dict):
                outputs = {f".{key}": value for key, value in output.items()}
            elif isinstance(output, (tuple, list)):
                outputs = {f".{number}": value for number, value in enumerate(output)}
            for suffix, tensor in outputs.items():
                if isinstance(tensor, self.torch.Tensor):
                    self.write(f"{name or 'output'}{suffix}", tensor)

        return hook

    def follow(self, operation, arguments, result):
        """Apply an operation's rule to the fields of its arguments."""
        name = operation._schema.name.split("::")[1]
        operands = [
            Operand(key, self.field_of(value), tuple(value.shape))
            for key, entry in arguments.items()
            for value in (entry if isinstance(entry, (list, tuple)) else [entry])
            if self.field_of(value) is not None
        ]
        rule = RULES.get(name)
        if rule is None and self.torch.Tag.pointwise in operation.tags:
            rule = pointwise
        if rule is None:
            raise CannotFollowError(f"no rule for the operation {name!r}")
        results = result if isinstance(result, (tuple, list)) else [result]
        field = rule(arguments, operands, tuple(results[0].shape))
        if operation._schema.is_mutable and field != self.field_of(results[0]):
            raise CannotFollowError(f"{name!r} writes into a tensor that another part may share")
        if field is None:
            return
        for tensor in results:
            self.remember(tensor, field)
        if not self.path[-1][1]:
            self.write(f"{self.path[-1][0]}.{name.strip('_')}".lstrip("."), results[0])


def _operation_mode(recorder):
    """Send each basic operation past the recorder, on tensors without numbers."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves, tree_map

    tensor_type = recorder.torch.Tensor

    def to_meta(value):
        return value.to("meta") if isinstance(value, tensor_type) and not value.is_meta else value

    class OperationMode(TorchDispatchMode):
        @classmethod
        def _should_skip_dynamo(cls):
            return False  # else PyTorch loads its compiler first, which takes seconds

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            leaves = tree_leaves((args, kwargs))
            if any(isinstance(leaf, tensor_type) and leaf.is_meta for leaf in leaves):
                args, kwargs = tree_map(to_meta, (args, kwargs))
            result = operation(*args, **kwargs)
            if any(recorder.field_of(leaf) is not None for leaf in leaves):
                names = [argument.name for argument in operation._schema.arguments]
                defaults = {
                    argument.name: argument.default_value
                    for argument in operation._schema.arguments
                    if argument.has_default_value()
                }
                arguments = {**defaults, **dict(zip(names, args, strict=False)), **kwargs}
                recorder.follow(operation, arguments, result)
            return result

    return OperationMode()


def _layer_mode(recorder):
    """Catch dense layers whole: their basic operations flatten rows and columns on the way."""
    from torch.overrides import TorchFunctionMode

    torch = recorder.torch

    class LayerMode(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if function is torch.nn.functional.linear and recorder.field_of(args[0]) is not None:
                x = Operand("input", recorder.field_of(args[0]), tuple(args[0].shape))
                recorder.remember(result, linear(x))
            return result

    return LayerMode()
