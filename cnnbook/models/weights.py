"""Trained parameters, kept as safetensors: plain numbers that run no code when they are read."""

from pathlib import Path

from cnnbook.files import HOME, own_folder, replacing


def save_weights(model, name, *, home=None):
    """Write the parameters of a model as safetensors, in one step.

    Parameters
    ----------
    model : torch.nn.Module
    name : str
    home : path, optional
        The file goes to ``home/weights``; without it, to `data/` of the repository, or to a
        folder of the user's where the package was installed without one.

    Returns
    -------
    Path
    """
    from safetensors.torch import save_file

    path = _path(name, own_folder() if home is None else home)
    with replacing(path) as temporary:
        values = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(values, temporary)
    return path


def load_weights(model, name, *, home=None):
    """Put saved weights into a model, and set it to evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        Changed in place.
    name : str
        Of the file in ``home/weights``.
    home : path, optional
        Without it, the weights that were made here, else those that ship.

    Returns
    -------
    torch.nn.Module
        The same model.

    Raises
    ------
    ValueError
        If there are no such weights, they are damaged, or they do not fit the model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = find_weights(name, home=home)
    if path is None:
        folders = [_path(name, folder).parent for folder in _homes(home)]
        known = sorted({file.stem for each in folders for file in each.glob("*.safetensors")})
        raise ValueError(
            f"there are no weights {name!r} in {' or '.join(map(str, folders))}; there are "
            f"{known}; `python -m cnnbook.experiments --help` lists the studies that make them"
        )
    try:
        model.load_state_dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(f"the file {path} is damaged: {error}") from None
    except RuntimeError as error:
        raise ValueError(f"the weights {name!r} do not fit this model: {error}") from None
    return model.eval()


def find_weights(name, *, home=None):
    """Find the file of some weights.

    Parameters
    ----------
    name : str
    home : path, optional
        See `load_weights`.

    Returns
    -------
    Path or None
        None if there are none.
    """
    paths = (_path(name, folder) for folder in _homes(home))
    return next((path for path in paths if path.exists()), None)


def _homes(home):
    """List the folders to look in; what was made here comes before what ships."""
    return list(dict.fromkeys([own_folder(), HOME])) if home is None else [Path(home)]


def _path(name, home):
    """Name the file of some weights: without spaces, which shells split."""
    return Path(home) / "weights" / f"{name.replace(' ', '_')}.safetensors"
