"""Set the mean and the variance of a code, and see what it costs and what is drawn from it."""

from cnnbook.figures.variational import RANGES, Code
from cnnbook.widgets.explorer import explore, factory, slider


@factory
def vae_loss_explorer(mean=0.0, log_variance=0.0, *, step=0):
    """Open sliders for a code with one latent; the arguments are the fields of `Code`."""
    look = {"step": 0.1, "width": "360px"}
    return explore(
        Code(mean, log_variance, step),
        page={"mean": (-2.0, 0.0, 2.0), "log_variance": (-2.0, 0.0, 1.0)},
        mean=slider(*RANGES["mean"], "mean μ", **look),
        log_variance=slider(*RANGES["log_variance"], "log-variance log σ²", **look),
    )
