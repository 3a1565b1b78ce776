"""Hypothesis draws the same cases in every run; HYPOTHESIS_PROFILE=search draws new ones."""

import os

from hypothesis import HealthCheck, settings

slow = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # on a busy machine
settings.register_profile("repeatable", derandomize=True, **slow)
settings.register_profile("search", **slow)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
