"""Trained parameters, kept as safetensors: plain numbers that run no code when they are read."""

import os
from pathlib import Path

HOME = Path(__file__).parents[2] / "data"
"""Where the results and weights of the repository are."""


def save_weights(model, name, *, home=HOME):
    """Write the parameters of a model as safetensors, in one step.

    Parameters
    ----------
    model : torch.nn.Module
    name : str
    home : path

    Returns
    -------
    Path
    """
    from safetensors.torch import save_file

    path = _path(name, home)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, temporary)
    temporary.chmod(0o644)  # safetensors writes files that only their owner may read
    os.replace(temporary, path)
    return path


def load_weights(model, name, *, home=HOME):
    """Put saved weights into a model, and set it to evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.
    name : str
        Of the file in ``home/weights``.
    home : path

    Returns
    -------
    torch.nn.Module
        The same model.

    Raises
    ------
    ValueError
        If there are no such weights, or they do not fit the model.
    """
    from safetensors.torch import load_file

    path = _path(name, home)
    if not path.exists():
        known = sorted(file.stem for file in path.parent.glob("*.safetensors"))
        raise ValueError(
            f"there are no weights {name!r} in {path.parent}; there are {known}; "
            "`python -m cnnbook.experiments --help` lists the studies that make them"
        )
    try:
        model.load_state_dict(load_file(path))
    except RuntimeError as error:
        raise ValueError(f"the weights {name!r} do not fit this model: {error}") from None
    return model.eval()


def _path(name, home):
    """Find the file of some weights: without spaces, which shells split."""
    return Path(home) / "weights" / f"{name.replace(' ', '_')}.safetensors"
