"""Train networks and judge them."""

from cnnbook.training.augment import Augment
from cnnbook.training.evaluation import evaluate
from cnnbook.training.fairness import group_report
from cnnbook.training.fitting import History, fit
from cnnbook.training.resampling import adaptive, latent_means, resampling_probabilities

__all__ = [
    "Augment",
    "History",
    "adaptive",
    "evaluate",
    "fit",
    "group_report",
    "latent_means",
    "resampling_probabilities",
]
