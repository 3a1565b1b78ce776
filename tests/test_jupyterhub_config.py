"""The recipe for a class hands notebooks out, and never writes over what a student has."""

import asyncio
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from traitlets.config import Config

pytest.importorskip("pwd")  # JupyterHub itself needs a Unix
RECIPE = Path(__file__).parent.parent / "cnnbook" / "page" / "pages" / "jupyterhub_config.py"


@pytest.fixture
def course(tmp_path):
    """A folder with two notebooks, in which nothing may be written."""
    course = tmp_path / "course"
    for name in ("a.ipynb", "solutions/b.ipynb", ".ipynb_checkpoints/a.ipynb", "notes.txt"):
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        (course / name).write_text(f"{name} of the course")
        (course / name).chmod(0o444)
    for folder in (course, course / "solutions"):
        folder.chmod(0o555)
    yield course
    for folder in (course, course / "solutions"):
        folder.chmod(0o755)


def test_a_student_gets_what_is_missing_and_keeps_what_was_changed(course, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBOOK_COURSE", str(course))
    monkeypatch.setenv("CNNBOOK_TRIAL", str(tmp_path / "homes"))
    c = Config()
    runpy.run_path(str(RECIPE), init_globals={"get_config": lambda: c})
    spawner = SimpleNamespace(user=SimpleNamespace(name="student0"))
    asyncio.run(c.Spawner.pre_spawn_hook(spawner))
    own = tmp_path / "homes" / "student0" / "notebooks"

    def mine():
        return {path.relative_to(own).as_posix() for path in own.rglob("*") if path.is_file()}

    assert mine() == {"a.ipynb", "solutions/b.ipynb"}
    (own / "a.ipynb").write_text("changed by the student")
    (own / "solutions" / "b.ipynb").unlink()
    course.chmod(0o755)
    (course / "new.ipynb").write_text("handed out later")
    asyncio.run(c.Spawner.pre_spawn_hook(spawner))
    assert mine() == {"a.ipynb", "solutions/b.ipynb", "new.ipynb"}
    assert (own / "a.ipynb").read_text() == "changed by the student"
    for path in (own, *own.rglob("*")):
        assert path.stat().st_mode & 0o200, path  # the copies can be written
