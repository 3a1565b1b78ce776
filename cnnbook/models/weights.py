"""Trained networks as files: safetensors, plain numbers that run no code when they are read.

A file says in its metadata how its network is built, so that its name is enough to load it.
"""

import contextlib
import json
from pathlib import Path

from cnnbook.files import homes, own_folder, replacing
from cnnbook.models.building import NETWORKS
from cnnbook.models.efficientnet_lite import imagenet


def pretrained(name="imagenet", *, home=None):
    """Build a trained network, in evaluation mode; nothing is fetched.

    "imagenet" is `EfficientNetLite0`, trained by Google on the 1.28 million photographs of
    ImageNet. All others come from the book's studies, such as "mnist_lenet": from ``home/weights``,
    or, without `home`, from what was made here, else from what ships. A file may name no class but
    the book's networks.

    >>> from cnnbook.datasets import photograph
    >>> network = pretrained("imagenet")
    >>> network.predict(photograph("flower", grey=False), k=1)[0][0]
    'daisy'
    """
    if name == "imagenet":
        return imagenet()
    path = find_weights(name, home=home)
    if path is None:
        raise ValueError(f"there is no pretrained network {_not_there(name, home, 'imagenet')}")
    said, state = _read(path)
    kind = said.get("class")
    if kind not in NETWORKS:
        of = f"is of the class {kind!r}" if kind else "does not name its class"
        built = "any other network has to be built, and then takes its weights by load_weights"
        raise ValueError(f"{path} {of}, must be one of {sorted(NETWORKS)}; {built}")
    given = said.get("arguments", {}).items()
    arguments = {key: tuple(v) if isinstance(v, list) else v for key, v in given}
    return _filled(NETWORKS[kind](**arguments), name, state)


def save_weights(model, name, *, home=None, **origin):
    """Write the parameters of a network as safetensors, in one step, and how it is built.

    The class and the arguments are written down for `pretrained` if the network is the book's and
    JSON has its arguments, which classes such as ``nn.Tanh`` are not. The file goes to
    ``home/weights``; without `home` to `data/` of the repository, or to a folder of the user's
    where the package was installed without one. `origin` is kept too: ``study="vae", seed=0``.
    """
    from safetensors.torch import save_file

    path = _path(name, own_folder() if home is None else home)
    said = {}
    kind = type(model).__name__
    if NETWORKS.get(kind) is type(model):
        with contextlib.suppress(TypeError):  # JSON has no such arguments
            json.dumps(model.arguments)
            said = {"class": kind, "arguments": model.arguments}
    with replacing(path) as temporary:
        values = {key: value.contiguous() for key, value in model.state_dict().items()}
        said = json.dumps(said | origin)
        save_file(values, temporary, {"network": said})  # one entry: several have no fixed order
    return path


def load_weights(model, name, *, home=None):
    """Put saved weights into a network that was built for them; return it in evaluation mode."""
    path = find_weights(name, home=home)
    if path is None:
        raise ValueError(f"there are no weights {_not_there(name, home)}")
    return _filled(model, name, _read(path)[1])


def find_weights(name, *, home=None):
    """Find the file of some weights; None if there is none."""
    paths = (_path(name, folder) for folder in homes(home))
    return next((path for path in paths if path.exists()), None)


def _read(path):
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {}).get("network", "{}"))
            return said, {key: file.get_tensor(key) for key in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"the file {path} is damaged: {error}") from None


def _filled(model, name, state):
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"the weights {name!r} do not fit this model: {error}") from None
    return model.eval()


def _not_there(name, home, *more):
    folders = [_path(name, folder).parent for folder in homes(home)]
    known = {*more, *(file.stem for each in folders for file in each.glob("*.safetensors"))}
    made = "`python -m cnnbook.experiments --help` lists the studies that make them"
    return f"{name!r} in {' or '.join(map(str, folders))}; there are {sorted(known)}; {made}"


def _path(name, home):
    """Name the file of some weights: without spaces, which shells split."""
    return Path(home) / "weights" / f"{name.replace(' ', '_')}.safetensors"
