"""Hypothesis draws the same cases each time; one JupyterLab serves the browser tests of a process.

HYPOTHESIS_PROFILE=search draws new cases.
"""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

slow = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # on a busy machine
settings.register_profile("repeatable", derandomize=True, **slow)
settings.register_profile("search", **slow)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Copies of the chapters: nothing that a click does reaches the repository."""
    folder = tmp_path_factory.mktemp("book")
    for notebook in (Path(__file__).parent.parent / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, folder)
    return folder


@pytest.fixture
def server(lab):
    """Address and token of the JupyterLab; the kernels that a test started end with it."""
    from lab_driver import end_kernels

    yield lab
    end_kernels(*lab)


@pytest.fixture(scope="session")
def lab(folder, tmp_path_factory):
    """Address and token of a JupyterLab in that folder."""
    from lab_driver import lab_server

    state = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNBOOK_PROGRESS", str(state / "progress.txt"))  # not the reader's own
        with lab_server(folder, state) as address_and_token:
            yield address_and_token
