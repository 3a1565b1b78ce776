"""A computation graph: values that flow to the right, gradients that flow back."""

from dataclasses import dataclass

from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.picture import Picture

BOX = 96, 66  # pixels
STEP = 178, 98  # from one box to the next, to the right and down


@dataclass(frozen=True)
class Node:
    """A number in a computation graph.

    Parameters
    ----------
    name : str
    value, gradient : float
        The number, and the slope of the last node with respect to it.
    column, row : float
        Place in the picture, from 0.
    inputs : dict of str to float
        The nodes that this one is computed from, and its slope with respect to each.
    role : str
        Colour of the name.
    """

    name: str
    value: float
    gradient: float
    column: float
    row: float
    inputs: tuple | dict = ()
    role: str = "ink"


def draw_graph(nodes):
    """Draw a computation graph with the value and the gradient of each node.

    Parameters
    ----------
    nodes : sequence of Node
        The slope along an edge stands beside it.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        If a node is computed from one that is not in the graph.
    """
    named = {node.name: node for node in nodes}
    for node in nodes:
        for name in node.inputs:
            if name not in named:
                raise ValueError(f"{node.name} is computed from {name}, which is not in the graph")
    width = max(node.column for node in nodes) * STEP[0] + BOX[0]
    height = max(node.row for node in nodes) * STEP[1] + BOX[1]
    said = [
        f"{n.name} is {format_number(n.value)}, its gradient {format_number(n.gradient)}"
        for n in nodes
    ]
    picture = Picture(width, height, f"Computation graph: {'; '.join(said)}.")
    for node in nodes:
        for name, slope in dict(node.inputs).items():
            _draw_edge(picture, named[name], node, slope)
    for node in nodes:
        _draw_node(picture, node)
    return picture


def _draw_edge(picture, start, end, slope):
    """Draw the arrow forward, and the slope that a gradient is multiplied by on its way back."""
    x, y = start.column * STEP[0] + BOX[0], start.row * STEP[1] + BOX[1] / 2
    u, v = end.column * STEP[0], end.row * STEP[1] + BOX[1] / 2
    picture.arrow((x + 4, y), (u - 4, v))
    text = f"·{format_factor(slope)}"
    down = 16 if v < y else -7  # on the outer side of the arrow
    right, anchor = (0, "middle") if v == y else (4, "start")  # beside a slanted one, however long
    place = (x + u) / 2 + right, (y + v) / 2 + down
    picture.text(*place, text, size=12, fill="gradient", anchor=anchor)


def _draw_node(picture, node):
    """Draw the name, the value, and the gradient below it."""
    x, y = node.column * STEP[0], node.row * STEP[1]
    picture.rect(x, y, *BOX, fill="paper", stroke="line", radius=6)
    picture.text(x + 10, y + 26, node.name, size=15, fill=node.role, bold=True)
    right = x + BOX[0] - 10
    picture.text(right, y + 26, format_number(node.value), size=16, anchor="end", mono=True)
    picture.text(x + 10, y + 52, "gradient", size=11, fill="muted")
    gradient = format_number(node.gradient)
    picture.text(
        right, y + 53, gradient, size=15, fill="gradient", anchor="end", bold=True, mono=True
    )
