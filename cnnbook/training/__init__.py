"""Train networks and judge them."""
# ruff: noqa: F401 - what is imported here is what there is

from cnnbook.training.augment import Augment
from cnnbook.training.evaluation import evaluate
from cnnbook.training.fairness import auc, group_report, matched_threshold
from cnnbook.training.fitting import History, fit
from cnnbook.training.probing import directions, explained
from cnnbook.training.resampling import (
    adaptive,
    effective_sample_size,
    expected_distinct,
    latent_means,
    resampling_probabilities,
)
