"""Train networks and judge them."""

from cnnbook.training._checkpoint import History
from cnnbook.training.augment import Augment
from cnnbook.training.evaluation import Evaluation, choose_device, count_right, evaluate
from cnnbook.training.fairness import (
    GroupRecall,
    GroupReport,
    group_report,
)
from cnnbook.training.fitting import fit
from cnnbook.training.resampling import (
    adaptive,
    densities,
    latent_means,
    resampling_probabilities,
)

__all__ = [
    "Augment",
    "Evaluation",
    "GroupRecall",
    "GroupReport",
    "History",
    "adaptive",
    "choose_device",
    "count_right",
    "densities",
    "evaluate",
    "fit",
    "group_report",
    "latent_means",
    "resampling_probabilities",
]
