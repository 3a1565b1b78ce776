"""Each call of each part of a module, with its shape and its multiply-adds."""

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

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
    """Runs a module without numbers and notes each call of a part, down to a depth."""

    def __init__(self, module, depth):
        self.module = module
        self.calls, self.running = [], []
        self.counts = defaultdict(int)
        levels = {name: name.count(".") + bool(name) for name, _ in module.named_modules()}
        self.parts = {
            name: part
            for name, part in module.named_modules()
            if depth is None or levels[name] <= depth
        }
        self.whole = {name for name in self.parts if levels[name] == depth}
        self.owned = {  # while it runs, other tensors stand in for the parameters
            name: {id(p): p.numel() for p in part.parameters(recurse=name in self.whole)}
            for name, part in self.parts.items()
        }
        self.counted = set()

    def take_parameters(self, name):
        """Count a part's own parameters that no earlier row has counted."""
        new = self.owned[name].keys() - self.counted
        self.counted |= new
        return sum(self.owned[name][key] for key in new)

    def run(self, shape):
        """Run the module once, with hooks on all its parts."""
        module = self.module
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        state = {name: tensor.detach().to("meta") for name, tensor in tensors.items()}
        dtypes = [p.dtype for p in module.parameters() if p.dtype.is_floating_point]
        x = torch.empty((1, *shape), device="meta", dtype=dtypes[0] if dtypes else None)
        training = [part for part in module.modules() if part.training]
        hooks = [hook for name, part in self.parts.items() for hook in self.hooks(name, part)]
        module.eval()
        try:
            with torch.no_grad(), _Counter(self):
                functional_call(module, state, (x,))
        except (RuntimeError, TypeError, IndexError, NotImplementedError) as error:
            name = self.running[-1].name if self.running else ""
            where = f"layer {name!r} of " * bool(name) + type(module).__name__
            reason = str(error).splitlines()[0]
            raise ValueError(f"{where} does not run on inputs of {shape}: {reason}") from error
        finally:
            for hook in hooks:
                hook.remove()
            for part in training:
                part.training = True

    def hooks(self, name, part):
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

        return part.register_forward_pre_hook(enter), part.register_forward_hook(leave)


class _Counter(TorchDispatchMode):
    """Counts the multiply-adds of each basic operation for the part that is running."""

    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder

    @classmethod
    def _should_skip_dynamo(cls):
        return False  # else PyTorch loads its compiler first, which takes seconds

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        if self.recorder.running:
            self.recorder.running[-1].macs += _macs(operation, args, kwargs or {}, result)
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
    if operation.overloadpacket in flop_registry:  # attention: PyTorch's own rule
        return flop_registry[operation.overloadpacket](*args, **kwargs, out_val=result) // 2
    return 0


def _shape(output):
    """Shape of one sample of what a part yields; of the first tensor, if there are several."""
    if isinstance(output, torch.Tensor):
        return tuple(output.shape[1:])
    outputs = output.values() if isinstance(output, dict) else output
    return next((tuple(entry.shape[1:]) for entry in outputs if torch.is_tensor(entry)), ())
