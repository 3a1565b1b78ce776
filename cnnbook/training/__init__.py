"""Train networks and judge them."""

from cnnbook.training._checkpoint import History
from cnnbook.training.augment import Augment
from cnnbook.training.evaluation import Evaluation, choose_device, evaluate
from cnnbook.training.fitting import fit

__all__ = ["Augment", "Evaluation", "History", "choose_device", "evaluate", "fit"]
