"""Studies whose numbers the book quotes: run one by ``python -m cnnbook.experiments NAME``."""

from cnnbook.experiments.study import Outcome, Study, Variant, load_result, run_study

__all__ = ["Outcome", "Study", "Variant", "load_result", "run_study"]
