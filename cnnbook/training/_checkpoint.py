"""What is kept between two epochs, in memory and in a file."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from cnnbook.files import check_writable, finish, replacing
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
    """Go on from a checkpoint if there is one, and see that the next one can be written."""
    if checkpoint is None:
        return History()
    path = Path(checkpoint)
    check_writable(path.parent, 100_000 + 2 * (path.stat().st_size if path.exists() else 0))
    if not path.exists():
        return History()
    try:
        state = torch.load(path, weights_only=True, map_location=device_of(model))
        found = {name: state["settings"][name] for name in settings}
    except OSError:
        raise
    except Exception as error:  # of pickle, zip files or PyTorch, with a page of advice
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise ValueError(
            f"{path} is no whole checkpoint ({reason}): remove the file to start again"
        ) from error
    for name, value in settings.items():
        if found[name] != value:
            raise ValueError(
                f"{path.name} was written with {name} {found[name]}, "
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

    def write():
        with replacing(checkpoint) as temporary, open(temporary, "wb") as file:
            torch.save(state, file)

    finish(write)
