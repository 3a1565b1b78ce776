"""Set the mean and the variance of a code, and see what it costs and what is drawn from it."""

from dataclasses import dataclass
from typing import ClassVar

import ipywidgets as widgets

from cnnbook.figures.variational import NOISE, RANGES, Code
from cnnbook.figures.variational_drawing import draw_code
from cnnbook.widgets.explorer import LABELS, Explorer, factory


@dataclass(frozen=True)
class CodeState(Code):
    """A code that can be drawn, draw by draw; see `Code` for its fields."""

    step_label: ClassVar = "draw of ε"

    @property
    def steps(self):
        """Draws to step through."""
        return len(NOISE)

    def picture(self):
        """Draw the densities, the draw, the divergence and the slips."""
        return draw_code(self)


@factory
def vae_loss_explorer(mean=0.0, log_variance=0.0, *, step=0):
    """Open sliders for the mean and the log-variance of a code with one latent.

    Parameters
    ----------
    mean : float
        μ, from −3 to 3.
    log_variance : float
        log σ², from −2 to 1.
    step : int
        Which draw of ε to start with, from 0 to 59.

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        If a number is beyond its range.
    """
    state = CodeState(mean, log_variance, step)
    names = {"mean": "mean μ", "log_variance": "log-variance log σ²"}
    controls = {
        field: widgets.FloatSlider(
            getattr(state, field), min=RANGES[field][0], max=RANGES[field][1], step=0.1,
            description=text, style=LABELS, layout=widgets.Layout(width="360px"),
        )
        for field, text in names.items()
    }  # fmt: skip
    return Explorer(state, controls)
