"""The paths of the reader through the package stay short."""

import pytest
from count_functions import CASES, LIMITS, functions_of


@pytest.mark.parametrize("name", LIMITS)
def test_a_call_runs_through_few_functions_in_few_files(name):
    seen = functions_of(CASES[name]())
    functions, files = LIMITS[name]
    assert len(seen) <= functions, sorted(seen)
    assert len({file for file, _ in seen}) <= files, sorted(seen)
    assert len(seen) > 5  # the counter counts
