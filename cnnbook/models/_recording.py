"""Each call of each part of a module, with its shape and its multiply-adds."""

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from cnnbook.receptive_field._looking import empty_inputs, meta_mode, run, stand_in
from cnnbook.shapes import conv_macs


@dataclass
class Call:
    """One run of one module."""

    name: str
    number: int  # of earlier runs of the same module
    macs: int = 0
    output_shape: tuple | None = None
    parameters: int = 0


class Recorder:
    """Runs a stand-in without numbers and notes each call of a part, down to a depth."""

    def __init__(self, module, depth):
        self.module = module
        self.inner, _ = stand_in(module)
        self.calls, self.running = [], []
        self.counts = defaultdict(int)
        self.uncounted = set()  # operations that multiply and add, and for which there is no rule
        levels = {name: name.count(".") + bool(name) for name, _ in self.inner.named_modules()}
        self.parts = {
            name: part
            for name, part in self.inner.named_modules()
            if depth is None or levels[name] <= depth
        }
        self.whole = {name for name in self.parts if levels[name] == depth}
        self.counted = set()
        self.users = {}  # id of a parameter: the part that ran when it was first used
        self.ids = {id(p) for p in self.inner.parameters()}

    def own(self, name):
        """A part's own parameters; all below it where no one looks deeper."""
        return {id(p): p for p in self.parts[name].parameters(recurse=name in self.whole)}

    def take_parameters(self, name):
        """Count a part's own parameters that no earlier row has counted."""
        new = {key: p for key, p in self.own(name).items() if key not in self.counted}
        self.counted |= new.keys()
        return sum(p.numel() for p in new.values() if not is_lazy(p))

    def user(self, name):
        """The part in whose rows the work of one is that was not called itself; None if unused."""
        return next((self.users[key] for key in self.own(name) if key in self.users), None)

    def run(self, shapes, dtypes):
        """Run the stand-in once, with hooks on all its parts."""
        for name, part in self.parts.items():
            self.hook(name, part)
        inputs = empty_inputs(self.module, shapes, dtypes)
        run(self.inner, inputs, [_OuterProducts(self), meta_mode(self.watch)], self.here, shapes)

    def here(self):
        """The layer that is running, in words."""
        name = self.running[-1].name if self.running else ""
        kind = type(self.parts[name]).__name__
        return f"layer {name!r} ({kind})" if name else kind

    def hook(self, name, part):
        """Note when a part begins, and what it yields."""

        def enter(part, inputs):
            call = Call(name, self.counts[name])
            self.counts[name] += 1
            self.running.append(call)

        def leave(part, inputs, output):
            call = self.running.pop()
            call.parameters = self.take_parameters(name)
            call.output_shape = _shape(output)
            single = name in self.whole or not any(part.children())
            if single or call.macs or call.parameters:
                self.calls.append(call)

        part.register_forward_pre_hook(enter, prepend=True)
        part.register_forward_hook(leave)

    def watch(self, operation, given, taken, result):
        """Count an operation for the part that is running."""
        if not self.running:
            return
        call = self.running[-1]
        for leaf in tree_leaves(taken):
            if id(leaf) in self.ids:
                self.users.setdefault(id(leaf), call.name)
        macs = _macs(operation, *taken, result)
        if macs is None:
            self.uncounted.add(operation._schema.name.split("::")[1].strip("_"))
        call.macs += macs or 0


class _OuterProducts(TorchFunctionMode):
    """Outer products, whose basic operation is that of any other multiplication."""

    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if getattr(function, "__name__", "") in ("outer", "ger") and self.recorder.running:
            self.recorder.running[-1].macs += result.numel()
        return result


def _macs(operation, args, kwargs, result):
    """Multiply-adds of one basic operation."""
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
        out_features, in1, in2 = args[1].shape[-3:]
        return result.numel() // out_features * out_features * in1 * in2
    if operation.overloadpacket in flop_registry:  # attention: PyTorch's own rule
        return flop_registry[operation.overloadpacket](*args, **kwargs, out_val=result) // 2
    return None if name.startswith(_UNCOUNTED) else 0


_UNCOUNTED = ("_fft_", "linalg_", "_linalg_", "_cdist_", "_sparse_", "cholesky", "_thnn_", "conv_",
              "grid_sampler", "miopen_", "mkldnn_", "_grouped_mm", "_int_mm")  # fmt: skip


def _shape(output):
    """Shape of one sample of what a part yields; of the first tensor, if there are several."""
    if isinstance(output, torch.Tensor):
        return tuple(output.shape[1:])
    found = (entry for entry in tree_leaves(output) if torch.is_tensor(entry))
    return next((tuple(entry.shape[1:]) for entry in found), ())
