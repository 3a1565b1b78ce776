"""Nothing that was computed is lost: two processes, stops at any line, full disks, old files."""

import errno
import itertools
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from torch import nn
from toy_study import toy

from cnnbook import experiments, files
from cnnbook.experiments import Outcome, Variant, load_result, run_study
from cnnbook.experiments import study as module
from cnnbook.models import load_weights
from cnnbook.training import History

SETUP = f"""
import os, sys, time
from pathlib import Path
sys.path.append({str(Path(__file__).parent)!r})
from torch import nn
from cnnbook.experiments import load_result, run_study
from toy_study import toy
"""


def run(log, fresh=False, only=(), seeds=None, say=str, **changes):
    """Run the toy study in the folder of its log."""
    study = changes.pop("study", None) or toy(log, **changes)
    return run_study(study, home=log.parent, fresh=fresh, only=only, seeds=seeds, say=say)


def weight(home):
    return load_weights(nn.Linear(1, 1), "toy_a", home=home).weight.item()


def values(result, name="a"):
    return [one["x"] for one in result["variants"][name]["runs"]]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


def seeds_of(home):
    variants = load_result("toy", home=home)["variants"]
    return {name: [run["seed"] for run in kept["runs"]] for name, kept in variants.items()}


def start(code, *arguments):
    command = [sys.executable, "-c", SETUP + textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait(process):
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors


@pytest.mark.parametrize(("only", "fresh"), [("a b", True), ("ab ab", False)])
def test_two_processes_share_a_study(tmp_path, log, only, fresh):
    code = """
        home, only, fresh = sys.argv[1:]
        (Path(home) / f"ready {only} {os.getpid()}").touch()
        while len(list(Path(home).glob("ready*"))) < 2:
            time.sleep(0.01)
        study = toy(Path(home) / "log", pause=0.1)
        run_study(study, home=home, only=only, fresh=bool(fresh), say=str)
        kept = load_result("toy", home=home)["variants"]
        assert all(len(kept[name]["runs"]) == 3 for name in only)
    """
    for process in [start(code, tmp_path, each, "yes" * fresh) for each in only.split()]:
        wait(process)
    assert seeds_of(tmp_path) == {"a": [0, 1, 2], "b": [0, 1, 2]}
    if not fresh:  # whoever asks for fresh runs gets them
        computed = [f"{name} {seed}" for name in "ab" for seed in range(3)]
        assert sorted(log.read_text().splitlines()) == computed
    there = {path.name for path in (tmp_path / "results").iterdir()}
    assert there <= {"toy.json", ".toy-fresh.lock", ".toy.lock"}


def test_a_run_that_another_process_recorded_meanwhile_is_not_recorded_again(tmp_path, log):
    study = toy(log, seeds=1)

    def meanwhile(data, seed):
        module._Shelf(study, tmp_path).put("a", {"seed": seed, "x": 7.0}, nn.Linear(1, 1))
        return Outcome({"x": 8.0}, nn.Linear(1, 1))

    study.variants["a"] = Variant(meanwhile, {})
    result = run(log, study=study)
    assert seeds_of(tmp_path) == {"a": [0], "b": [0]}
    assert result["variants"]["a"]["mean"]["x"] == 7


STOPPED = """
    import itertools, shutil, tempfile, torch
    from cnnbook import files
    from cnnbook.experiments import study as module
    from cnnbook.models import load_weights, weights

    torch.set_num_threads(1)
    os.fsync = lambda file: None  # the machine does not crash here
    how, fresh, stride, folder = sys.argv[1], sys.argv[2] == "fresh", int(sys.argv[3]), sys.argv[4]
    OURS = {module.__file__, files.__file__, weights.__file__}

    def attempt(study, home, line):
        left = itertools.count(-line)

        def trace(frame, event, argument):
            if frame.f_code.co_filename not in OURS:
                return None
            if event == "line" and next(left) == 0:
                if how == "killed":
                    os._exit(9)
                raise KeyboardInterrupt
            return trace

        if child := os.fork():
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        code = 1
        try:
            sys.settrace(trace)
            run_study(study, home=home, fresh=fresh, say=str)
            code = 0
        except KeyboardInterrupt:
            code = 9
        finally:
            sys.settrace(None)
            os._exit(code)

    def numbers(home):
        kept = load_result("toy", home=home)["variants"]
        return {name: [run["x"] for run in each["runs"]] for name, each in kept.items()}

    old, new = ({name: [v, v + 1.0] for name in "ab"} for v in (0.0, 10.0))
    for line in itertools.count(0, stride):
        home = Path(tempfile.mkdtemp(dir=folder))
        log = home / "log"
        if fresh:
            run_study(toy(log, seeds=2), home=home, say=str)
            log.unlink()
        study = toy(log, seeds=2, value=10.0)
        code = attempt(study, home, line)
        assert code in (0, 9), line
        if code == 0:
            break
        if fresh:
            assert numbers(home) in (old, new), (line, numbers(home))
        before = log.read_text().splitlines() if log.exists() else []
        assert len(before) == len(set(before))
        go_on = fresh and numbers(home) == old
        run_study(study, home=home, fresh=go_on, say=str)
        assert not go_on or not (home / "fresh").exists()
        assert numbers(home) == new, (line, numbers(home))
        assert load_weights(nn.Linear(1, 1), "toy_a", home=home).weight.item() == 10
        computed = log.read_text().splitlines()
        # at most the run that was being made or written when the process was stopped
        assert len(computed) <= 4 + 1, (line, computed)
        assert set(computed) == {"a 0", "a 1", "b 0", "b 1"}
        shutil.rmtree(home)
    assert line > 500, line
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("how", ["killed", "interrupted"])
@pytest.mark.parametrize("fresh", ["", "fresh"])
def test_a_study_may_be_stopped_at_any_line(tmp_path, how, fresh):
    wait(start(STOPPED, how, fresh, 101, tmp_path))  # every line: 1, in half an hour


@pytest.mark.parametrize("place", ["save_weights", "replacing", "summarise"])
def test_what_is_computed_when_ctrl_c_comes_is_written(tmp_path, log, monkeypatch, place):
    count, there = itertools.count(), getattr(module, place)

    def stop(*arguments, **options):
        if next(count) == 0:
            raise KeyboardInterrupt
        return there(*arguments, **options)

    monkeypatch.setattr(module, place, stop)
    with pytest.raises(KeyboardInterrupt):
        run(log)
    assert seeds_of(tmp_path) == {"a": [0]}
    assert weight(tmp_path) == 0


@pytest.mark.parametrize("part", ["handwriting", "photographs", "generation", "worlds"])
def test_a_training_that_was_stopped_is_no_run(part):
    """`fit` keeps what was learned when it is interrupted, and does not raise."""
    source = Path(experiments.__file__).with_name(f"{part}.py").read_text(encoding="utf-8")
    assert source.count(" fit(") + source.count("(fit(") == source.count("complete(fit(") > 0
    with pytest.raises(KeyboardInterrupt):
        module.complete(History(interrupted=True))


def test_missing_weights_are_made_again_with_their_run_and_damaged_ones_are_named(tmp_path, log):
    run(log)
    path = tmp_path / "weights" / "toy_a.safetensors"
    path.unlink()
    assert values(run(log, value=5.0)) == [5, 1, 2]
    assert weight(tmp_path) == 5
    assert len(log.read_text().splitlines()) == 7
    for content in (b"", path.read_bytes()[:-1], b"x" * 100):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"toy_a\.safetensors is damaged"):
            weight(tmp_path)


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("fresh", [False, True])
def test_what_cannot_be_written_is_found_before_anything_is_computed(
    tmp_path, log, fresh, monkeypatch
):
    for part in ("results", "weights"):
        (tmp_path / part).write_text("no folder")
        with pytest.raises(ValueError, match=rf"cannot be written to .*{part}"):
            run(log, fresh=fresh)
        (tmp_path / part).unlink()
    assert not log.exists()
    whole = run(log, seeds=1)
    monkeypatch.setattr(os, "fsync", full)
    assert run(log, seeds=1) == whole  # nothing is to be written
    log.unlink()
    with pytest.raises(ValueError, match=r"cannot be written to .*results: No space left.*nothing"):
        run(log, fresh=fresh)
    assert not log.exists()
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_disk_that_fills_up_meanwhile_loses_no_number(tmp_path, log, monkeypatch):
    before, lines = run(log, seeds=1), []
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        run(log, say=lines.append)
    assert '"seed": 1, "x": 1.0' in lines[0]
    assert load_result("toy", home=tmp_path) == before
    assert not list(tmp_path.rglob("*.tmp"))


WHOLE = '{"study": "toy", "settings": {}, "versions": {}, "variants": {"a": %s}}'
RUNS = ['{"x": 1}', '{"seed": 0}, {"seed": 0}', '{"seed": 0, "x": NaN}']
DAMAGED = ["", WHOLE[:30], "<html>", "\xff\x00", "[]", "3", '{"settings": {}}']
DAMAGED += ['{"settings": {}, "variants": []}', WHOLE % '{"settings": {}}']
DAMAGED += [WHOLE % f'{{"settings": {{}}, "runs": [{runs}]}}' for runs in RUNS]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_named_and_left_alone(tmp_path, log, content):
    path = tmp_path / "results" / "toy.json"
    path.parent.mkdir()
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"toy\.json is damaged \(.*--fresh"):
        run(log)
    with pytest.raises(ValueError, match=r"toy\.json is damaged"):
        load_result("toy", home=tmp_path)
    assert path.read_text(encoding="latin-1") == content
    assert not log.exists()
    run(log, fresh=True)
    assert seeds_of(tmp_path) == {"a": [0, 1, 2], "b": [0, 1, 2]}


def fails(*_):
    raise RuntimeError("no")


def test_fresh_runs_replace_the_old_ones_when_all_are_there(tmp_path, log):
    old, good, lines = run(log), toy(log, value=5.0), []
    with pytest.raises(RuntimeError, match="no"):
        run(log, variants=good.variants | {"b": Variant(fails, {})}, fresh=True)
    assert load_result("toy", home=tmp_path) == old
    assert weight(tmp_path) == 0
    log.unlink()
    new = run(log, study=good, fresh=True, say=lines.append)
    assert "going on with the runs in" in lines[0]
    assert len(log.read_text().splitlines()) == 5  # a 0 was there
    assert values(new) == [5, 6, 7]
    assert weight(tmp_path) == 5
    assert not (tmp_path / "fresh").exists()
    newer = run(log, value=9.0, only=["b"], fresh=True)
    assert newer["variants"]["a"] == new["variants"]["a"]
    assert values(newer, "b") == [9, 10, 11]
    with pytest.raises(ValueError, match="holds runs with other settings"):
        run(log, settings={"lr": 1}, only=["b"], fresh=True)
    assert run(log, settings={"lr": 1}, fresh=True)["settings"] == {"lr": 1}


def test_fresh_runs_that_were_moved_in_are_not_gone_on_with(tmp_path, log, monkeypatch):
    run(log)
    with monkeypatch.context() as stopped:  # before the gathered runs are removed
        unlink = Path.unlink
        stop = lambda path, **o: full() if path.suffix == ".json" else unlink(path, **o)  # noqa: E731
        stopped.setattr(Path, "unlink", stop)
        with pytest.raises(OSError, match="No space"):
            run(log, value=5.0, fresh=True)
    assert values(load_result("toy", home=tmp_path)) == [5, 6, 7]
    log.unlink()
    assert values(run(log, value=9.0, fresh=True)) == [9, 10, 11]
    assert len(log.read_text().splitlines()) == 6


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file.txt"

    def write(text, error=None):
        with files.replacing(path) as temporary:
            temporary.write_text(text)
            if error is not None:
                raise error

    for error in (OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), RuntimeError()):
        with pytest.raises(type(error)):
            write("half", error)
        assert list(path.parent.iterdir()) == []
    write("old")
    with files.replacing(path) as other:
        write("one")
        other.write_text("other")
        assert path.read_text() == "one"
    assert path.read_text() == "other"
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_permissions_and_links_are_kept(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    before = os.umask(0o027)
    with files.replacing(path) as temporary:
        temporary.chmod(0o600)  # as safetensors does
    os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o664)
    link.symlink_to(path)
    path.write_text("old")
    with path.open() as reader:
        with files.replacing(link) as temporary:
            temporary.write_text("new")
        assert reader.read() == "old"  # whoever has opened the old file reads on in it
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o664


WRITERS = re.compile(
    r"\.write_text\(|\.write_bytes\(|torch\.save\(|save_file\(|json\.dump\(|nbformat\.write\(|"
    r"""open\([^)]*["'][wax]|os\.replace\(|\.savetxt\(|np\.savez?\(|shutil\.(copy|move)"""
)
# move what is whole, add a line; a site is built beside the old one, and takes its place when whole
OTHERS = "files.py", "sources.py", "benchmarks.py", "progress.py", "building.py", "staging.py"
OTHERS += ("jupyterhub_config.py",)


def test_whatever_writes_files_does_it_in_one_step():
    for path in (Path(__file__).parent.parent / "cnnbook").rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines if path.name not in OTHERS else ()):
            near = "\n".join(lines[max(0, number - 3) : number + 1])
            assert not WRITERS.search(line) or "with replacing(" in near, f"{path.name}: {line}"
