"""Look at a PyTorch module while it runs, and leave it as it was.

`calls` runs a copy of the module and lists what its parts yield: Jupyter answers a widget in one
thread while a cell, which may train the same module, runs in another. A `Recorder` runs a stand-in
of it on tensors that have a shape but no numbers (PyTorch's "meta" device) and hears of every basic
operation: so nothing is computed, and nothing of the module changes, whatever its `forward` does.
"""

import contextlib
import copy
import math
import random
import threading
import types
from typing import NamedTuple

import numpy as np

from cnnbook.checks import integer
from cnnbook.misfits import CannotFollowError, MisfitError, check_layer, check_operation

MOST_NUMBERS = 2**33  # 32 GiB for one image: no memory holds its maps as well
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@contextlib.contextmanager
def evaluating(module, gradients=False):
    """Evaluation mode, without gradients if not told; then all modes and buffers as before.

    The random numbers go on: what is drawn inside differs from one time to the next.
    """
    import torch

    modes = [(part, part.training) for part in module.modules()]
    buffers = [(part._buffers, dict(part._buffers)) for part in module.modules()]
    kept = {id(b): (b, b._version, b.clone()) for _, own in buffers for b in own.values()
            if b is not None and not b.is_inference()}  # fmt: skip
    module.eval()
    try:
        with torch.set_grad_enabled(gradients and torch.is_grad_enabled()):
            yield
    finally:
        for part, mode in modes:
            part.training = mode
        for now, own in buffers:
            now.update(own)
        with torch.no_grad():
            for buffer, version, numbers in kept.values():
                if buffer._version != version:
                    buffer.copy_(numbers)


@contextlib.contextmanager
def still_randomness():
    """Leave the random states as they are.

    A widget, whose thread is another one, lets them go on: a cell may draw from them meanwhile.
    """
    import torch

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


@contextlib.contextmanager
def listening(parts, enter, leave):
    """Hear, while it lasts, when each of some named parts is called and what it yields.

    Parameters
    ----------
    parts : iterable of (str, torch.nn.Module)
    enter, leave : callable
        Of (name, part, inputs) and (name, part, inputs, output).
    """
    hooks = []
    for name, part in parts:
        before, after = (lambda *a, f=f, name=name: f(name, *a) for f in (enter, leave))
        hooks.append(part.register_forward_pre_hook(before, prepend=True))
        hooks.append(part.register_forward_hook(after))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class Call(NamedTuple):
    """One call of a part of a module; `output` is a copy, which no later part writes into."""

    name: str
    part: object
    inputs: tuple
    output: object


def calls(module, *inputs, of=None, gradients=False):
    """Run a copy of a module in evaluation mode and list its parts' calls, in the order they end.

    The copy has the module's own parameters.

    Parameters
    ----------
    module : torch.nn.Module
    *inputs : torch.Tensor
    of : torch.nn.Module, optional
        The only part whose calls are listed.
    gradients : bool
        Keep what the outputs were computed from, for a gradient.

    Returns
    -------
    list of Call
        The last one is that of the module itself, under the name "".
    """
    return caller(module, of=of, gradients=gradients)(*inputs)


def caller(module, *, of=None, gradients=False):
    """Return the function of the inputs that `calls` is, to run one copy many times."""
    import torch

    parts = dict(module.named_modules())
    copied = _copied_parts(module, _own)[id(module)].eval()
    heard = [(n, p) for n, p in copied.named_modules() if of is None or parts[n] is of]

    def run(*inputs):
        found = []

        def leave(name, part, given, output):
            kept = output.clone() if isinstance(output, torch.Tensor) else output
            found.append(Call(name, parts[name], given, kept))

        with torch.set_grad_enabled(gradients and torch.is_grad_enabled()), still_randomness():
            with listening(heard, lambda *call: None, leave):
                copied(*inputs)
        return found

    return run


def _own(tensor):
    """A parameter itself, which a run does not change; of all else, the numbers."""
    import torch
    from torch.nn.parameter import UninitializedTensorMixin

    if isinstance(tensor, UninitializedTensorMixin):
        return copy.deepcopy(tensor)
    return tensor if isinstance(tensor, torch.nn.Parameter) else tensor.clone()


def input_shapes(input_size):
    """The shapes of a module's inputs: of the only one, or one an entry."""
    if not isinstance(input_size, (tuple, list)):
        raise TypeError(f"input_size must be a tuple of ints or a list of such, got {input_size!r}")
    several = bool(input_size) and all(isinstance(size, (tuple, list)) for size in input_size)
    shapes = [tuple(integer("input_size", n, 1) for n in size)
              for size in (input_size if several else [input_size])]  # fmt: skip
    for shape in shapes:
        if not shape:
            raise ValueError(f"input_size must be (channels, size, ...), got {input_size!r}")
        if math.prod(shape) > MOST_NUMBERS:
            raise ValueError(
                f"input_size {shape} has more numbers than a memory holds: at most {MOST_NUMBERS}"
            )
    return shapes


def empty_inputs(module, shapes, dtypes):
    """Batches of one, without numbers."""
    import torch

    if not isinstance(dtypes, (tuple, list)):
        dtypes = [dtypes] * len(shapes)
    if len(dtypes) != len(shapes):
        raise ValueError(f"dtypes has {len(dtypes)} entries, input_size has {len(shapes)} shapes")
    for dtype in dtypes:
        if dtype is not None and not isinstance(dtype, torch.dtype):
            raise TypeError(f"dtypes must be a torch.dtype or a list of such, got {dtype!r}")
    usual = next((p.dtype for p in module.parameters() if p.dtype.is_floating_point), None)
    return [
        torch.empty((1, *shape), device="meta", dtype=dtype or usual)
        for shape, dtype in zip(shapes, dtypes, strict=True)
    ]


def stand_in(module):
    """Build the stand-in of a module in evaluation mode: all its parts, with tensors of no numbers.

    Returns
    -------
    (torch.nn.Module, dict of int to (torch.Tensor, torch.Tensor))
        And each tensor of it with the one that it replaces, by the id of the first.
    """
    originals = {}

    def emptied(tensor):
        empty = _emptied(tensor)
        originals[id(empty)] = empty, tensor
        return empty

    memo = _copied_parts(module, emptied)
    for part in module.modules():
        for name in _HOOKS:
            hooks = vars(memo[id(part)]).get(name) or {}
            for key in [key for key, hook in hooks.items() if not _is_own(hook, memo)]:
                del hooks[key]
    return memo[id(module)].eval(), originals


def _copied_parts(module, instead):
    """Copy all parts of a module, with another tensor instead of each; return copies by id."""
    import torch
    from torch.utils._pytree import tree_leaves

    memo, parts = {}, list(module.modules())
    for part in parts:
        memo[id(part)] = type(part).__new__(type(part))
        for tensor in tree_leaves([dict(vars(part)), dict(part._parameters), dict(part._buffers)]):
            if isinstance(tensor, torch.Tensor) and id(tensor) not in memo:
                memo[id(tensor)] = instead(tensor)
    for part in parts:
        for name, value in vars(part).items():
            try:
                value = copy.deepcopy(value, memo)
            except Exception:  # what cannot be copied is shared
                memo.pop(id(value), None)
            memo[id(part)].__dict__[name] = value
    return memo


def _emptied(tensor):
    import torch
    from torch.nn.parameter import UninitializedTensorMixin

    if isinstance(tensor, UninitializedTensorMixin):
        return type(tensor)(device="meta", dtype=tensor.dtype, requires_grad=False)
    empty = tensor.detach().to("meta")
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(empty, requires_grad=False)
    return empty


def _is_own(hook, memo):
    """Whether a hook is PyTorch's or a method of a part, and not of somebody who looks on."""
    if isinstance(hook, types.MethodType):
        return any(hook.__self__ is part for part in memo.values())
    return getattr(hook, "__module__", "").startswith("torch.")


def named(operation, args, kwargs):
    """The arguments of a basic operation by name, with its defaults."""
    schema = operation._schema.arguments
    defaults = {a.name: a.default_value for a in schema if a.has_default_value()}
    return {**defaults, **dict(zip([a.name for a in schema], args, strict=False)), **kwargs}


class Recorder:
    """Runs a stand-in of a module once; what extends it notes what it hears.

    Parameters
    ----------
    module : torch.nn.Module
    depth : int, optional
        Levels of parts to hear of.
    """

    def __init__(self, module, depth=None):
        self.original = module
        self.module, originals = stand_in(module)
        self.values = dict(originals)  # the first of a pair keeps its id from being used again
        self.parts = {
            name: part
            for name, part in self.module.named_modules()
            if depth is None or name.count(".") + bool(name) <= depth
        }
        self.running = []  # names of the parts that run, outermost first

    def begin(self, inputs):
        """Hear of the inputs before anything runs."""

    def enter(self, name, part, inputs):
        """Hear that a part begins."""

    def leave(self, name, part, inputs, output):
        """Hear what a part yields."""

    def watch(self, operation, given, taken, result):
        """Hear of a basic operation; of `given`, numbers were dropped in `taken`."""

    def call(self, function, args, kwargs):
        """Call a function of torch, of which the basic operations may say less."""
        return function(*args, **kwargs)

    def here(self):
        """The layer that is running, in words."""
        name = self.running[-1] if self.running else ""
        kind = type(self.parts[name]).__name__
        return f"layer {name!r} ({kind})" if name else kind

    def run(self, shapes, dtypes=None):
        """Run the stand-in on inputs of these shapes; what goes wrong is said in words."""
        import torch

        said = f"input_size {shapes[0] if len(shapes) == 1 else shapes}"
        inputs = empty_inputs(self.original, shapes, dtypes)

        self.begin(inputs)

        def enter(name, part, given):
            self.running.append(name)
            self.enter(name, part, given)

        def leave(name, part, given, output):
            self.running.pop()
            self.leave(name, part, given, output)

        for part in self.module.modules():
            part.register_forward_pre_hook(check_layer)
        with (
            still_randomness(), torch.no_grad(), listening(self.parts.items(), enter, leave),
            _functions(self), _operations(self),
        ):  # fmt: skip
            try:
                self.module(*inputs)
            except MisfitError as error:
                got, expected = error.got, error.expected
                if error.tensor is not None and any(error.tensor is x for x in inputs):
                    raise ValueError(
                        f"{said} has {got}, {self.here()} expects {expected}"
                    ) from None
                raise ValueError(f"{said}: {self.here()} gets {got}, expects {expected}") from None
            except CannotFollowError as error:
                here = self.here().removeprefix("layer ")
                raise ValueError(f"cannot follow {here}: {error}") from None
            except Exception as error:
                reason = f"{error}".partition("\n")[0] or type(error).__name__
                if "meta" in reason.lower():
                    said = f"cannot look into {self.here()}: it asks for the numbers of a tensor"
                    raise ValueError(f"{said} ({reason})") from error
                said += f" does not fit: {self.here()} does not run on this input"
                raise ValueError(f"{said} ({reason})") from error

    def value(self, tensor):
        """The tensor with its numbers, if it had any before the input came in; else as it is."""
        return self.values.get(id(tensor), (tensor, tensor))[1]

    def follow_integers(self, operation, given, result):
        """Compute with known integers, which may become indices."""
        import torch
        from torch.utils._pytree import tree_leaves, tree_map

        if not (isinstance(result, torch.Tensor) and result.is_meta) or result.is_floating_point():
            return
        values = [self.value(t) for t in tree_leaves(given) if isinstance(t, torch.Tensor)]
        if operation._schema.is_mutable:  # its numbers are others now
            self.values[id(result)] = result, result
        if operation._schema.is_mutable or not values or result.numel() > 2**20:
            return
        if any(value.is_meta or value.is_floating_point() for value in values):
            return
        known = lambda t: self.value(t) if isinstance(t, torch.Tensor) else t  # noqa: E731
        args, kwargs = tree_map(known, given)
        kwargs = {k: v for k, v in kwargs.items() if k != "device"}
        self.values[id(result)] = result, operation(*args, **kwargs).to("cpu")


def _to_meta(value):
    """A tensor without its numbers."""
    import torch

    return value.to("meta") if isinstance(value, torch.Tensor) and not value.is_meta else value


def _operations(recorder):
    """Send each basic operation by the recorder; tensors with numbers lose them where they meet."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves, tree_map

    class Operations(TorchDispatchMode):
        @classmethod
        def _should_skip_dynamo(cls):
            return False  # else PyTorch loads its compiler first, which takes seconds

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            given = taken = args, kwargs or {}
            if any(isinstance(t, torch.Tensor) and t.is_meta for t in tree_leaves(given)):
                taken = tree_map(_to_meta, given)
                check_operation(operation, given, named(operation, *taken))
            result = operation(*taken[0], **taken[1])
            recorder.watch(operation, given, taken, result)
            return result

    return Operations()


def _functions(recorder):
    """Send each function of torch by the recorder.

    Constants that are made where the input is (a list as an index, `arange`) keep their numbers.
    """
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils._pytree import tree_map

    factories = (torch.tensor, torch.as_tensor, torch.arange, torch.linspace, torch.randperm)

    class Functions(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if function in factories and torch.device(kwargs.get("device") or "cpu").type == "meta":
                kwargs["device"] = "cpu"
            if function is torch.Tensor.__getitem__:
                index = args[1] if isinstance(args[1], tuple) else (args[1],)
                index = tuple(torch.tensor(i) if isinstance(i, list) else i for i in index)
                args = args[0], index
            try:
                return recorder.call(function, args, kwargs)
            except RuntimeError as error:  # a few functions ask for one device at once
                if "DeviceType" not in str(error):
                    raise
                return recorder.call(function, *tree_map(_to_meta, (args, kwargs)))

    return Functions()
