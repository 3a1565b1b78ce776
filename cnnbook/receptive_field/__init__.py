"""Which input pixels a unit of a network sees: counted, traced through a module, measured.

`receptive_field` takes a plain list of layers, `trace` a PyTorch module, and
`effective_receptive_field` measures with gradients how much each pixel counts.
"""

from cnnbook.receptive_field.effective import EffectiveField, effective_receptive_field
from cnnbook.receptive_field.field import Field, Span
from cnnbook.receptive_field.layers import Layer, paths, receptive_field
from cnnbook.receptive_field.notation import Network, parse_network
from cnnbook.receptive_field.tracing import trace

__all__ = [
    "EffectiveField",
    "Field",
    "Layer",
    "Network",
    "Span",
    "effective_receptive_field",
    "parse_network",
    "paths",
    "receptive_field",
    "trace",
]
