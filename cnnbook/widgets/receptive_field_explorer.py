"""Step over the units of any layer and see what each one sees of the input."""

import contextlib
from dataclasses import dataclass, field
from functools import cached_property

import ipywidgets as widgets
import numpy as np
import traitlets

from cnnbook.datasets import photograph
from cnnbook.figures.field_on_photo import PlacedField, draw_field_on_photo
from cnnbook.figures.receptive_field import FieldStack, draw_receptive_field
from cnnbook.receptive_field import parse_network, trace
from cnnbook.shapes import integer
from cnnbook.widgets.explorer import LABELS, Explorer, factory

NETWORKS = {
    "three 3-convolutions": "input 11; conv 3; conv 3; conv 3",
    "stride in the middle": "input 15; conv 3; conv 3 /2; conv 3",
    "pooling between": "input 20; conv 3; pool 2; conv 3; pool 2",
    "LeNet": "input 32; conv 5; pool 2; conv 5; pool 2",
    "dilated, doubling": "input 23; conv 3; conv 3 d2; conv 3 d4",
    "dilated, with holes": "input 21; conv 3 d2; conv 3 d2; conv 3 d2",
    "padded": "input 13; conv 3 p1; conv 3 p1; conv 3 p1",
    "start of AlexNet": "input 39; conv 11 /4 p2; pool 3 /2; conv 5 p2",
    "eight layers deep": "input 31; conv 3 p1 x8",
}
OWN = "your own"


@dataclass(frozen=True)
class StackState:
    """A typed network and one of its units.

    Parameters
    ----------
    network : str
        As `cnnbook.receptive_field.parse_network` reads it.
    layer : int, optional
        0 is the input; the last layer when not given.
    step : int, optional
        Index of the unit; the middle one when not given.

    Raises
    ------
    TypeError, ValueError
        If the text cannot be read, or there is no such layer or unit.
    """

    network: str
    layer: int | None = None
    step: int | None = None

    def __post_init__(self):
        if self.step is None:
            object.__setattr__(self, "step", (self.steps - 1) // 2)
        self.stack  # noqa: B018 - refuse an impossible setting now

    @cached_property
    def stack(self):
        """The stack with the chosen unit."""
        input_size, layers = parse_network(self.network)
        return FieldStack(layers, input_size, self.layer, self.step)

    @property
    def steps(self):
        """Number of units of the chosen layer."""
        input_size, layers = parse_network(self.network)
        return FieldStack(layers, input_size, self.layer).units

    def picture(self):
        """Draw the stack."""
        return draw_receptive_field(self.stack)


class NetworkEditor(widgets.HBox):
    """A list of example networks beside a line to type one's own.

    Attributes
    ----------
    value : str
        The typed network.
    """

    value = traitlets.Unicode()

    def __init__(self, network):
        known = {text: name for name, text in NETWORKS.items()}
        self.list = widgets.Dropdown(
            options=[*NETWORKS, OWN], value=known.get(network, OWN), description="example",
            style=LABELS, layout=widgets.Layout(width="230px"),
        )  # fmt: skip
        self.text = widgets.Text(
            network, description="network", continuous_update=False, style=LABELS,
            layout=widgets.Layout(width="480px"),
            tooltip="/2 stride, p1 padding, d2 dilation, x3 three times; Enter applies",
        )  # fmt: skip
        super().__init__([self.list, self.text], layout=widgets.Layout(flex_flow="row wrap"))
        widgets.link((self.text, "value"), (self, "value"))
        self.list.observe(self._take, "value")
        self.text.observe(self._name, "value")

    def _take(self, change):
        self.text.value = NETWORKS.get(change["new"], self.text.value)

    def _name(self, change):
        known = {text: name for name, text in NETWORKS.items()}
        self.list.value = known.get(change["new"], OWN)


@dataclass(frozen=True, eq=False)
class PhotoState:
    """A traced network, a photograph, and one unit of one layer.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, 3)
    fields : dict of str to Field
        As `cnnbook.receptive_field.trace` returns it.
    layer : str
        A name among `fields`.
    row, column : int
        The unit; the last one where the map is smaller.
    """

    image: np.ndarray
    fields: dict = field(repr=False)
    layer: str
    row: int
    column: int

    @property
    def placed(self):
        """The unit on the photograph."""
        if self.layer not in self.fields:
            raise ValueError(f"no layer {self.layer!r}, expected one of {', '.join(self.fields)}")
        chosen = self.fields[self.layer]
        unit = tuple(
            min(u, n - 1) for u, n in zip((self.row, self.column), chosen.units, strict=True)
        )
        return PlacedField(self.image, chosen, unit)

    def picture(self):
        """Draw the photograph with the unit's field."""
        return draw_field_on_photo(self.placed)


def telling_layers(fields):
    """Leave out the nodes whose units see the same as those of the node before.

    Parameters
    ----------
    fields : dict of str to Field

    Returns
    -------
    dict of str to Field
    """
    chosen, last = {}, None
    for name, node in fields.items():
        if node.axes != last and min(node.units) > 0:
            chosen[name], last = node, node.axes
    return chosen


@factory
def receptive_field_explorer(network="stride in the middle", *, layer=None, unit=None, module=None,
                             image=None):  # fmt: skip
    """Open an explorer of what units see: of a typed network, or of a module on a photograph.

    Parameters
    ----------
    network : str
        A name out of `NETWORKS`, or a network as `parse_network` reads it, along one axis.
    layer : int or str, optional
        Where to start: a number for a typed network (0 is the input), a name for a module. The
        last layer, or the last one with a map of more than one unit, when not given.
    unit : int or (int, int), optional
        Where to start; the middle when not given.
    module : torch.nn.Module, optional
        Looked at in place of `network`.
    image : ndarray of shape (H, W) or (H, W, 3), {"china", "flower"} or path, optional
        What the module sees: grey (one channel) or colour (three). A photograph in colour with 224
        rows when not given.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If the network cannot be read, the module cannot be followed, or there is no such layer or
        unit.

    Examples
    --------
    >>> receptive_field_explorer("input 9; conv 3; conv 3", unit=0).state.stack.seen
    [0, 1, 2, 3, 4]
    """
    if module is not None:
        return _module_explorer(module, image, layer, unit)
    if image is not None:
        raise ValueError("an image is for a module: give module as well")
    state = StackState(NETWORKS.get(network, network), layer, unit)
    controls = {
        "network": NetworkEditor(state.network),
        "layer": widgets.Dropdown(
            options=_levels(state.network), value=state.stack.layer, description="unit of",
            style=LABELS, layout=widgets.Layout(width="220px"),
        ),
    }  # fmt: skip

    def to_last_layer(change):
        with contextlib.suppress(ValueError):  # the explorer shows what is wrong
            controls["layer"].options = _levels(change["new"])  # takes the first one

    controls["network"].observe(to_last_layer, "value")  # before the explorer sees the change
    return Explorer(state, controls)


def _levels(network):
    """Layers to choose from, the last one first, and the number of each."""
    names = ["input", *(layer.name for layer in parse_network(network).layers)]
    return [(f"layer {n}: {name}" if n else name, n) for n, name in enumerate(names)][::-1]


def _module_explorer(module, image, layer, unit):
    """The explorer for a module: layer, row and column."""
    if image is None or isinstance(image, str):
        image = photograph(image or "china", grey=False, height=224)
    image = np.asarray(image, dtype=float)
    channels = 3 if image.ndim == 3 else 1
    fields = telling_layers(trace(module, (channels, *image.shape[:2])))
    if layer is None:
        layer = [name for name, node in fields.items() if max(node.units) > 1][-1]
    if layer not in fields:
        raise ValueError(f"no layer {layer!r}, expected one of {', '.join(fields)}")
    units = fields[layer].units
    unit = tuple((n - 1) // 2 for n in units) if unit is None else unit
    state = PhotoState(image, fields, layer, *(integer("unit", u, 0) for u in unit))
    fields[layer].rectangle(unit, clip=True)
    controls = {
        "layer": widgets.Dropdown(
            options=list(fields), value=layer, description="layer", style=LABELS,
            layout=widgets.Layout(width="300px"),
        )
    }  # fmt: skip
    for name, place, count in zip(("row", "column"), unit, units, strict=True):
        controls[name] = widgets.IntSlider(
            place, 0, max(count - 1, 1), description=name, style=LABELS,
            layout=widgets.Layout(width="270px"),
        )  # fmt: skip

    def to_same_place(change):
        pairs = zip(("row", "column"), fields[change["old"]].units, fields[change["new"]].units,
                    strict=True)  # fmt: skip
        for name, before, after in pairs:
            slider = controls[name]
            place = ((slider.value + 0.5) * after) // before
            with slider.hold_trait_notifications():
                slider.max = max(after - 1, 1)
                slider.value = int(min(place, after - 1))

    controls["layer"].observe(to_same_place, "value")  # before the explorer sees the change
    return Explorer(state, controls)
