"""How much each input pixel counts for a unit, measured with gradients."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cnnbook.checks import per_axis
from cnnbook.receptive_field.tracing import trace
from cnnbook.recording import calls


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """The measured influence of the pixels on one unit.

    The energy of a pixel is the squared gradient of the unit with respect to it, averaged over
    samples and summed over input channels, scaled to a total of 1.
    """

    energy: np.ndarray
    unit: tuple
    find_theoretical: Callable = field(repr=False)  # gives `theoretical` once it is asked for

    @cached_property
    def theoretical(self):
        """What the unit can see at all, a clipped `Span` an axis; as `trace` finds it."""
        return self.find_theoretical()

    def profile(self, axis):
        """Energy along one axis, summed over the others."""
        return self.energy.sum(axis=tuple(n for n in range(self.energy.ndim) if n != axis))

    @property
    def centre(self):
        """Mean position of the energy, as a pixel index an axis."""
        return tuple(self.profile(n) @ np.arange(s) for n, s in enumerate(self.energy.shape))

    @property
    def sigma(self):
        """Standard deviation of the position of the energy, in pixels, an axis."""
        places = [
            np.arange(size) - c for size, c in zip(self.energy.shape, self.centre, strict=True)
        ]
        return tuple(float(np.sqrt(self.profile(n) @ away**2)) for n, away in enumerate(places))

    @property
    def width(self):
        """Four sigma, in pixels, an axis: a Gaussian holds 95 % of its energy in it."""
        return tuple(4 * sigma for sigma in self.sigma)

    @property
    def ratio(self):
        """`width` as a part of the theoretical size, an axis."""
        return tuple(w / s.size for w, s in zip(self.width, self.theoretical, strict=True))


def effective_receptive_field(module, input, unit=None, layer=None):
    """Measure how much each pixel counts for one unit of a module.

    `input` holds N samples to average over, (N, C, size, ...). The unit is the middle one when not
    given, `layer` the name of the submodule that it belongs to, else it is one of the output. The
    module is taken as in evaluation mode, and left as it is.

    The gradient is that of the unit's sum over channels. If weights are independent with mean 0
    and nothing else lies between, the expected energy of a stack of convolutions spreads like a
    random walk: its variance is the sum of ``(jump * dilation)**2 * (k**2 - 1) / 12`` over the
    layers.

    Luo, Li, Urtasun & Zemel (2016), "Understanding the effective receptive field in deep
    convolutional neural networks", arXiv:1701.04128.

    >>> import torch
    >>> blur = torch.nn.AvgPool1d(3, stride=1)
    >>> field = effective_receptive_field(blur, torch.ones(1, 1, 7))
    >>> field.energy.round(2), field.theoretical
    (array([0.  , 0.  , 0.33, 0.33, 0.33, 0.  , 0.  ]), (Span(start=2, stop=5),))
    """
    import torch

    if not isinstance(input, torch.Tensor) or input.ndim < 3:
        raise TypeError("input must be a torch.Tensor of shape (N, C, size, ...)")
    if layer is not None and layer not in (parts := dict(module.named_modules())):
        raise ValueError(f"no layer {layer!r}; named_modules() lists {', '.join(parts)}")
    x = input.detach().clone().requires_grad_(True)
    part = module.get_submodule(layer or "")
    outputs = [call.output for call in calls(module, x, of=part, gradients=True)]
    if not outputs:
        raise ValueError(f"layer {layer!r} is not used")
    y = outputs[0]
    sizes = tuple(y.shape[2:])
    if not sizes or not len(y):
        raise ValueError(f"the output has shape {tuple(y.shape)}, expected (N, C, size, ...)")
    unit = tuple((n - 1) // 2 for n in sizes) if unit is None else unit
    unit = per_axis("unit", unit, len(sizes), minimum=0)
    if any(u >= n for u, n in zip(unit, sizes, strict=True)):
        raise ValueError(f"no unit {unit} in a map of {sizes}")
    (gradient,) = torch.autograd.grad(y[(slice(None), slice(None), *unit)].sum(), x)
    energy = gradient.double().square().mean(0).sum(0).numpy()
    if not energy.sum() > 0:
        raise ValueError(f"no pixel has any influence on unit {unit}")

    def find_theoretical():
        fields = trace(module, tuple(x.shape[1:]))
        return fields["output" if layer is None else layer].rectangle(unit, clip=True)

    return EffectiveField(energy / energy.sum(), unit, find_theoretical)
