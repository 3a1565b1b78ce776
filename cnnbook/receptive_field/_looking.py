"""Running a module without its numbers: a stand-in of it, on tensors that have a shape only.

The stand-in has all parts and attributes of the module, with tensors of PyTorch's "meta" device
in place of its parameters and buffers. So nothing of the module changes, whatever its `forward`
does, nor do the random states.
"""

import contextlib
import copy
import math
import random
import types

import numpy as np

from cnnbook.checks import integer
from cnnbook.receptive_field._fitting import MisfitError, check_layer, check_operation
from cnnbook.receptive_field._tracked import CannotFollowError

MOST_NUMBERS = 2**33  # 32 GiB for one image: no memory holds its maps as well
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


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

    floats = [p.dtype for p in module.parameters() if p.dtype.is_floating_point]
    if not isinstance(dtypes, (tuple, list)):
        dtypes = [dtypes] * len(shapes)
    if len(dtypes) != len(shapes):
        raise ValueError(f"dtypes has {len(dtypes)} entries, input_size has {len(shapes)} shapes")
    for dtype in dtypes:
        if dtype is not None and not isinstance(dtype, torch.dtype):
            raise TypeError(f"dtypes must be a torch.dtype or a list of such, got {dtype!r}")
    usual = floats[0] if floats else None
    return [
        torch.empty((1, *shape), device="meta", dtype=dtype or usual)
        for shape, dtype in zip(shapes, dtypes, strict=True)
    ]


def stand_in(module):
    """Build the stand-in of a module, in evaluation mode.

    Returns
    -------
    (torch.nn.Module, dict of int to (torch.Tensor, torch.Tensor))
        And each tensor of it with the one that it replaces, by the id of the first.
    """
    import torch
    from torch.utils._pytree import tree_leaves

    memo, originals, parts = {}, {}, list(module.modules())
    for part in parts:
        memo[id(part)] = type(part).__new__(type(part))
        for tensor in tree_leaves([dict(vars(part)), dict(part._parameters), dict(part._buffers)]):
            if isinstance(tensor, torch.Tensor) and id(tensor) not in memo:
                memo[id(tensor)] = empty = _emptied(tensor)
                originals[id(empty)] = empty, tensor
    for part in parts:
        for name, value in vars(part).items():
            try:
                value = copy.deepcopy(value, memo)
            except Exception:  # what cannot be copied is shared
                memo.pop(id(value), None)
            memo[id(part)].__dict__[name] = value
        for name in _HOOKS:
            hooks = vars(memo[id(part)]).get(name) or {}
            for key in [key for key, hook in hooks.items() if not _is_own(hook, memo)]:
                del hooks[key]
    return memo[id(module)].eval(), originals


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


@contextlib.contextmanager
def still_randomness():
    """Leave the random states as they are."""
    import torch

    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def meta_mode(watch):
    """Send each basic operation to ``watch(operation, given, taken, result)``.

    Tensors with numbers lose them where they meet tensors without; `given` has them still.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves, tree_map

    class OperationMode(TorchDispatchMode):
        @classmethod
        def _should_skip_dynamo(cls):
            return False  # else PyTorch loads its compiler first, which takes seconds

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            given = args, kwargs or {}
            taken = given
            if any(isinstance(t, torch.Tensor) and t.is_meta for t in tree_leaves(given)):
                taken = tree_map(_to_meta, given)
                check_operation(operation, given, named(operation, *taken))
            result = operation(*taken[0], **taken[1])
            watch(operation, given, taken, result)
            return result

    return OperationMode()


def constant_mode():
    """Keep the numbers of constants that are made where the input is: a list as an index, `arange`.

    Without, they would be made without numbers.
    """
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils._pytree import tree_map

    factories = (torch.tensor, torch.as_tensor, torch.arange, torch.linspace, torch.randperm)

    class ConstantMode(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if function in factories and torch.device(kwargs.get("device") or "cpu").type == "meta":
                kwargs["device"] = "cpu"
            if function is torch.Tensor.__getitem__:
                index = args[1] if isinstance(args[1], tuple) else (args[1],)
                index = tuple(torch.tensor(i) if isinstance(i, list) else i for i in index)
                args = args[0], index
            try:
                return function(*args, **kwargs)
            except RuntimeError as error:  # a few functions ask for one device at once
                if "DeviceType" not in str(error):
                    raise
                args, kwargs = tree_map(_to_meta, (args, kwargs))
                return function(*args, **kwargs)

    return ConstantMode()


def _to_meta(value):
    """A tensor without its numbers."""
    import torch

    return value.to("meta") if isinstance(value, torch.Tensor) and not value.is_meta else value


class Known:
    """The numbers of integers that do not depend on the input, for indices.

    Parameters
    ----------
    originals : dict
        As `stand_in` gives them.
    """

    def __init__(self, originals):
        self.values = dict(originals)  # the first of a pair keeps its id from being used again

    def value(self, tensor):
        """The tensor with its numbers, if they are known; else as it is."""
        return self.values.get(id(tensor), (tensor, tensor))[1]

    def watch(self, operation, given, result):
        """Compute with the known integers as well."""
        import torch
        from torch.utils._pytree import tree_leaves, tree_map

        if not (isinstance(result, torch.Tensor) and result.is_meta) or result.is_floating_point():
            return
        tensors = [leaf for leaf in tree_leaves(given) if isinstance(leaf, torch.Tensor)]
        values = [self.value(tensor) for tensor in tensors]
        if operation._schema.is_mutable:  # its numbers are others now
            self.values[id(result)] = result, result
        if operation._schema.is_mutable or not values or result.numel() > 2**20:
            return
        if any(value.is_meta or value.is_floating_point() for value in values):
            return
        known = {id(tensor): value for tensor, value in zip(tensors, values, strict=True)}
        args, kwargs = tree_map(lambda leaf: known.get(id(leaf), leaf), given)
        kwargs = {k: v for k, v in kwargs.items() if k != "device"}
        self.values[id(result)] = result, operation(*args, **kwargs).to("cpu")


def named(operation, args, kwargs):
    """The arguments of a basic operation by name, with its defaults."""
    schema = operation._schema.arguments
    defaults = {a.name: a.default_value for a in schema if a.has_default_value()}
    return {**defaults, **dict(zip([a.name for a in schema], args, strict=False)), **kwargs}


def run(module, inputs, modes, running, shapes):
    """Run a stand-in under the given modes; what goes wrong is said in words of the book.

    Parameters
    ----------
    module, inputs
    modes : list of context managers
        Besides, lists as indices are taken with their numbers.
    running : callable
        Gives the layer that runs now, in words.
    shapes : list of tuple
        Of the inputs, as they were given.
    """
    import torch

    said = f"input_size {shapes[0] if len(shapes) == 1 else shapes}"
    for part in module.modules():
        part.register_forward_pre_hook(check_layer)
    with contextlib.ExitStack() as stack:
        stack.enter_context(still_randomness())
        stack.enter_context(torch.no_grad())
        for mode in [constant_mode(), *modes]:
            stack.enter_context(mode)
        try:
            module(*inputs)
        except MisfitError as error:
            got, expected = error.got, error.expected
            if error.tensor is not None and any(error.tensor is x for x in inputs):
                raise ValueError(f"{said} has {got}, {running()} expects {expected}") from None
            raise ValueError(f"{said}: {running()} gets {got}, expects {expected}") from None
        except CannotFollowError:
            raise
        except Exception as error:
            reason = f"{error}".partition("\n")[0] or type(error).__name__
            if "meta" in reason.lower():
                said = f"cannot look into {running()}: it asks for the numbers of a tensor"
                raise ValueError(f"{said} ({reason})") from error
            said += f" does not fit: {running()} does not run on this input"
            raise ValueError(f"{said} ({reason})") from error
