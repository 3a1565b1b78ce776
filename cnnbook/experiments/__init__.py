"""Studies whose numbers the book quotes: run one by ``python -m cnnbook.experiments NAME``."""
# ruff: noqa: F401 - what is imported here is what there is

from cnnbook.experiments.study import Outcome, Study, Variant, paired_difference, run_study
from cnnbook.files import load_result
