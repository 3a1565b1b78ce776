"""What is kept between two epochs, in memory and in a file."""

import contextlib
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from cnnbook.training._checks import device_of


@dataclass
class History:
    """What happened in each epoch of a training, and whether it was interrupted.

    Attributes
    ----------
    loss, accuracy : list of float
        Means over the training batches of an epoch, as they were when each was learned from; no
        accuracy where none is counted.
    validation_loss, validation_accuracy : list of float
        After each epoch; empty without validation data.
    seconds : list of float
        Time of each epoch.
    interrupted : bool
        True if the reader stopped it: the network keeps what it had learned.
    """

    loss: list = field(default_factory=list)
    accuracy: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    validation_accuracy: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    interrupted: bool = False

    @property
    def epochs(self):
        """How many epochs were completed."""
        return len(self.loss)


def resume(checkpoint, settings, model, optimizer, rate):
    """Go on from a checkpoint if there is one."""
    if checkpoint is None or not Path(checkpoint).exists():
        return History()
    state = torch.load(checkpoint, weights_only=True, map_location=device_of(model))
    for name, value in settings.items():
        if state["settings"][name] != value:
            raise ValueError(
                f"{Path(checkpoint).name} was written with {name} {state['settings'][name]}, "
                f"now it is {value}: remove the file to start again"
            )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    rate.load_state_dict(state["rate"])
    return History(**state["history"])


def save(checkpoint, settings, model, optimizer, rate, history):
    """Write a checkpoint in one step: a reader finds the old file or the new one, never half."""
    if checkpoint is None:
        return
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    state |= {"rate": rate.state_dict(), "history": asdict(history), "settings": settings}
    path = Path(checkpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(state, file)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
