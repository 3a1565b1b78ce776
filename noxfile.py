"""The book on other Pythons, with other dependencies, and from a wheel.

nox                                  # all that follows: gigabytes of downloads, an hour or two
nox -s tests-3.13 -- tests cnnbook   # one Python, the newest dependencies, what pytest is to run
nox -s oldest                        # the oldest dependencies that pyproject.toml admits
nox -s wheel                         # built, installed and used outside of the repository
"""

import shutil
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv"  # environments share what is large by hard links
PYTHONS = ["3.11", "3.12", "3.13"]
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # there is one test process for each core


@nox.session(python=PYTHONS)
def tests(session):
    """Run the whole suite with the newest dependencies."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs, env=ONE_THREAD)


@nox.session(python=PYTHONS[0])
def oldest(session):
    """Run the whole suite with the oldest dependencies that pyproject.toml admits."""
    session.install("--resolution", "lowest-direct", "-e", ".[test]")
    # what they depend on is new, and warns of what they still do; PyTorch 2.6 draws other
    # architectures from the same seed (torch.multinomial)
    others = ["--deselect", "notebooks/15_weight_sharing_search.ipynb::Cell 9"]
    session.run("pytest", "-W", "default", *others, *session.posargs, env=ONE_THREAD)


@nox.session(python=PYTHONS[0])
def wheel(session):
    """Build an sdist, a wheel from it, and use that in a folder where nothing else lies."""
    with tempfile.TemporaryDirectory() as folder:
        session.run("uv", "build", "--out-dir", folder, external=True)
        (built,) = Path(folder).glob("*.whl")
        session.install(str(built))
        shutil.copy("notebooks/03_padding_and_stride.ipynb", folder)
        with session.chdir(folder):
            session.run("python", "-c", "from cnnbook.selfcheck import selfcheck; selfcheck()")
            session.run("jupyter", "execute", "03_padding_and_stride.ipynb", env=ONE_THREAD)


@nox.session(python=PYTHONS[0])
def page(session):
    """Build the whole site, and open every page of it in a browser."""
    session.install("-e", ".[test,page]")
    session.run("python", "-m", "cnnbook.page", env=ONE_THREAD)
    command = ["pytest", "-m", "browser", "-n0", "-s", "tests/test_browser_page.py"]
    session.run(*command, env={"CNNBOOK_SITE": "build/page/html"})
