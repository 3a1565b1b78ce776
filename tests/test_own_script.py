"""A script of one's own: what is learned of it, what fools it, and what the widget does."""

import asyncio
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, texts

from cnnbook.figures.own_script import Recall, ScriptReading, ScriptTests
from cnnbook.numpy_net.training import Settings, Trainer
from cnnbook.training.fairness import wilson
from cnnbook.widgets import own_script
from cnnbook.widgets.own_script import ScriptView
from cnnbook.widgets.script_drawings import (
    EACH,
    SIDE,
    Drawing,
    Script,
    arranged,
    copies_of,
    edges_of,
    images_of,
    invented,
    middle_of,
    moved,
    seen,
)
from cnnbook.widgets.script_pupil import GREY, PATCH, STEPS, Pupil, _covered

DASH = ({"pen": 24, "points": [[100, 60], [180, 200]]},)
SEEDS = range(3)


def learned(seed, **options):
    pupil = Pupil(invented(seed), seed=seed, **options)
    pupil.advance(STEPS)
    return pupil


# ---------------------------------------------------------------- what is learned, what fools it


@pytest.fixture(scope="module")
def plain():
    return [learned(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def fooled():
    return [learned(seed, left=0) for seed in SEEDS]


@pytest.fixture(scope="module")
def cured():
    return [learned(seed, left=0, shifts=True) for seed in SEEDS]


def measured(pupils):
    return [pupil.tests(invented(seed)) for seed, pupil in enumerate(pupils)]


def taken(tests, place):
    """Share of the other signs, and of the sign 0, that are read as the sign 0 at a place."""
    recall = tests.places[place]
    return [(recall.predicted[recall.signs.astype(bool) == other] == 0).mean() for other in (1, 0)]


def test_new_drawings_of_the_same_hand_are_read(plain, cured):
    for tests in measured(plain) + measured(cured):
        again = tests.writers[0]
        assert (again.name, again.count) == ("you again", 18)
        assert again.right / again.count > 0.9


def test_a_sign_that_was_always_at_the_left_is_taken_for_the_left(plain, fooled):
    for tests in measured(fooled):
        assert tests.writers[0].right >= 17  # the drawings of the same habit do not show it
        assert taken(tests, 0)[0] > 0.9  # others at the left
        assert taken(tests, 1)[1] < 0.1  # the sign itself in the middle
        assert tests.writers[1].right <= 12  # whose tents the neighbour drew in the middle
        assert tests.verdict.endswith("It learned left.")
    for tests in measured(plain):  # the control: what the trap alone did
        assert taken(tests, 0)[0] < 0.4
        assert taken(tests, 1)[1] > 0.9
        assert tests.writers[1].right >= 14
        assert "Only" in tests.verdict


def test_with_shifts_the_shape_is_learned(cured):
    for tests in measured(cured):
        assert all(place.right >= 16 for place in tests.places)
        assert tests.writers[1].right >= 15
        assert tests.verdict.endswith("it learned the shape.")


def test_the_reading_of_a_hook_at_the_left_says_why(fooled, cured):
    hook = invented(0).by(1)[EACH]
    strokes, names = arranged(hook.strokes, column=0), invented(0).names
    wrong, right = (pupils[0].read(strokes, names) for pupils in (fooled, cured))
    assert (wrong.best, right.best) == (0, 1)
    assert [sign for _, sign in wrong.nearest] == [0, 0, 0]
    assert [sign for _, sign in right.nearest] == [1, 1, 1]
    assert wrong.across.argmax(1).tolist() != 13 * [1]
    assert right.across.argmax(1).tolist() == 13 * [1]
    for reading in (wrong, right):
        np.testing.assert_allclose(reading.across[0], reading.probabilities, atol=1e-6)
        assert (reading.place, reading.covered.shape) == (0, (10, 10))


def test_the_patch_covers_each_place_once():
    image = np.zeros((28, 28), np.float32)
    images = _covered(image)
    assert images.shape == (100, 1, 28, 28)
    assert (images.sum((1, 2, 3)) == GREY * PATCH**2).all()
    where = [tuple(np.argwhere(one[0])[0]) for one in images]
    assert where == [(i, j) for i in range(0, 19, 2) for j in range(0, 19, 2)]


def test_reading_while_another_thread_learns_harms_neither():
    pupil, errors = Pupil(invented(0)), []

    def learn():
        try:
            pupil.advance(25)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=learn)
    thread.start()
    while thread.is_alive():
        pupil.read(list(DASH), ("a", "b", "c"))
    assert errors == []
    alone = Pupil(invented(0))
    alone.advance(25)
    np.testing.assert_array_equal(pupil.trainer.kernels, alone.trainer.kernels)


def test_validation_images_can_be_given():
    rng = np.random.default_rng(0)
    data = rng.random((8, 1, 8, 8)), np.arange(8) % 2
    kept = rng.random((3, 1, 8, 8)), np.array([0, 1, 0])
    trainer = Trainer(data, validation=kept)
    assert (len(trainer.training[0]), len(trainer.validation[0])) == (8, 3)
    np.testing.assert_array_equal(
        trainer.advance(2, Settings(batch_size=4)).again().validation[0], kept[0]
    )
    with pytest.raises(ValueError, match="held_out is 2, but"):
        Trainer(data, validation=kept, held_out=2)
    with pytest.raises(ValueError, match="labels reach 2, the network has 2"):
        Trainer(data, validation=(kept[0], np.array([0, 1, 2])))


# ---------------------------------------------------------------- strokes and images

places = st.floats(0, SIDE)
strokes = st.lists(
    st.builds(
        lambda pen, points: {"pen": pen, "points": points},
        st.integers(1, 40),
        st.lists(st.tuples(places, places).map(list), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=3,
)


@settings(deadline=None)
@given(strokes, places, places, st.floats(-12, 12))
def test_arranged_strokes_keep_their_ink_on_the_sheet(drawn, row, column, turn):
    put = arranged(drawn, row=row, column=column, turn=turn)
    joined = np.concatenate([stroke["points"] for stroke in put])
    edge = max(stroke["pen"] for stroke in drawn) / 2 - 0.1
    assert joined.min() >= edge
    assert joined.max() <= SIDE - edge
    assert np.ptp(joined, 0).max() <= 140 * 1.2


def test_a_drawing_is_sized_turned_and_put():
    wide = [{"pen": 20, "points": [[140, 0], [140, 280]]}]
    (line,) = arranged(wide)
    assert line["points"] == [[140, 70], [140, 210]]
    (small,) = arranged([{"pen": 20, "points": [[100, 100], [110, 100]]}])
    assert small["points"] == [[95, 100], [115, 100]]  # twice as large at most
    (turned,) = arranged(wide, turn=90)
    np.testing.assert_allclose(turned["points"], [[210, 140], [70, 140]])
    (left,) = arranged(wide, column=0, row=280)
    assert left["points"] == [[270, 10], [270, 150]]
    assert middle_of([left]) == 80
    assert edges_of(wide) == (80, 200)
    assert arranged([]) == []
    assert seen(arranged(wide)).sum() == pytest.approx(14 * 2 + np.pi, rel=0.05)


def test_copies_stay_or_are_put_anywhere():
    script, rng = invented(1), np.random.default_rng(0)
    columns = np.arange(28)

    def middles(images):
        ink = images.sum((1, 2))
        return (ink * columns).sum(1) / ink.sum(1)

    for left, shifts in ((None, False), (1, False), (1, True)):
        images, signs = copies_of(script.by(0), 10, rng, left=left, shifts=shifts)
        assert (images.shape, images.dtype) == ((180, 1, 28, 28), np.float32)
        assert signs.tolist() == sorted(signs.tolist())
        assert len(np.unique(images, axis=0)) == 180
        spread = [middles(images[signs == sign]) for sign in range(3)]
        for sign, middle in enumerate(spread):
            at_left = sign == left and not shifts
            assert (middle.max() < 11) == at_left
            assert (np.ptp(middle) > 8) == shifts


def test_only_the_two_shelves_of_the_same_hand_have_the_habit():
    script = invented(0)
    tents = [d for d in script.drawings if d.sign == 0]
    columns = [middle_of(moved(tent, left=0)) for tent in tents]
    assert max(columns[:12]) < 100 < min(columns[12:])
    everywhere = [images_of(tents[:2], left=0, column=c)[0] for c in (0, 140, 280)]
    assert len(np.unique(np.concatenate(everywhere), axis=0)) == 6


def test_the_invented_signs_depend_on_the_seed_alone():
    assert invented(3) == invented(3)
    assert invented(3) != invented(4)
    assert [invented(3).counts(writer) for writer in range(3)] == 3 * [[6, 6, 6]]


# ---------------------------------------------------------------- a script and its file


@pytest.mark.parametrize(
    ("names", "drawings", "error", "message"),
    [
        (("a", "b"), (), ValueError, "names has 2 entries, expected 3"),
        (("a", "b", 3), (), TypeError, "names holds a int, expected text"),
        (("a", "b", "  "), (), ValueError, "the name '' has 0 characters, expected 1 to 10"),
        (("a", "b", "abcdefghijk"), (), ValueError, "has 11 characters, expected 1 to 10"),
        (("a", "b", " a"), (), ValueError, "two of the names a, b, a are the same"),
        (("a", "b", "c"), (Drawing(DASH, 3),), ValueError, "sign of drawing 0 is 3, must be from"),
        (("a", "b", "c"), (Drawing(DASH, 0, 3),), ValueError, "writer of drawing 0 is 3"),
        (("a", "b", "c"), (Drawing((), 0),), ValueError, "drawing 0 holds no ink"),
        (("a", "b", "c"), (Drawing((7,), 0),), TypeError, "stroke 0 is a int, expected a dict"),
        (
            ("a", "b", "c"),
            7 * (Drawing(DASH, 1),),
            ValueError,
            "there are 7 drawings of b by you, at most 6 are kept",
        ),
    ],
)
def test_what_is_no_script_is_refused_in_words(names, drawings, error, message):
    with pytest.raises(error, match=message):
        Script(names, drawings)


def test_a_script_comes_back_from_its_file(tmp_path):
    script = invented(2)
    dot = Drawing(({"pen": 9, "points": [[3.5, 4.0]]}, *DASH), 1)
    script = replace(script, drawings=(*script.drawings[1:], dot)[6:])
    for kept in (script, Script(("ä", "β", "三"))):
        kept.save(tmp_path / "s.npz")
        again = Script.load(tmp_path / "s.npz")
        assert again.names == kept.names
        assert again.drawings == kept.drawings
    assert [path.name for path in tmp_path.iterdir()] == ["s.npz"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "s.npz"
    invented(0).save(path)
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", lambda file, **arrays: file.write(b"x") and 1 / 0)
        with pytest.raises(ZeroDivisionError):
            invented(1).save(path)
    assert path.read_bytes() == old
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match="folder cannot be written: Is a directory"):
        invented(0).save(tmp_path / "folder")


def test_other_files_are_refused_in_words(tmp_path):
    path = tmp_path / "s.npz"
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        Script.load(path)
    path.write_text("not an archive")
    with pytest.raises(ValueError, match="holds no script: it is no archive"):
        Script.load(path)
    np.savez(path, names=np.array(["a", "b", "c"]))
    with pytest.raises(ValueError, match=r"holds no script: .*signs"):
        Script.load(path)
    good = {"names": np.array(["a", "b", "c"]), "signs": [0], "writers": [0]}
    good["points"] = [[0, 0, 24, 10, 10]]
    bad = {
        "points": (
            *([[1, 0, 24, 10, 10]], [[-1, 0, 24, 1, 1]], [[0, 0, 24, 1]], [[0, 0, 24, 1, 9e9]]),
            *([[0, 0, 24, 1, np.nan]], np.empty((0, 5)), [[np.nan, 0, 24, 1, 1]]),
        ),
        "signs": ([3], [0.5], [0, 1], [[0]]),
        "writers": ([-1], ["x"]),
        "names": ([1, 2, 3], np.array("abc"), np.array([None] * 3, dtype=object)),
    }
    np.savez(path, **good)
    assert Script.load(path).counts(0) == [1, 0, 0]
    for name, values in bad.items():
        for value in values:
            np.savez(path, **(good | {name: value}))
            with pytest.raises(ValueError, match="holds no script: "):
                Script.load(path)


# ---------------------------------------------------------------- the view, in plain Python


@pytest.fixture
def view():
    return own_script()


def press(view, name):
    view.actions[name].click()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"left": 3}, ValueError, "left is 3, must be from 0 to 2"),
        ({"steps": 121}, ValueError, "steps is 121, must be from 0 to 120"),
        ({"shifts": 1}, TypeError, "shifts must be True or False"),
        ({"file": "nowhere.npz"}, ValueError, "cannot be read"),
        ({"seed": -1}, ValueError, "seed|negative"),
    ],
)
def test_settings_out_of_range_are_named(options, error, message):
    with pytest.raises(error, match=message):
        own_script(**options)


def test_it_opens_with_a_picture_and_words(view):
    data, _ = view._repr_mimebundle_()
    assert data["image/png"].startswith("iVBOR")
    assert data["text/plain"] == repr(view) == view.state.picture().description
    assert "6 of tent, 6 of hook, 6 of zig. Nothing is learned yet." in repr(view)
    assert all("aria-label" in screen.value for screen in view.screens.values())


def test_a_drawing_is_kept_taken_thrown_away_and_had_back(view):
    press(view, "Empty shelf")
    assert view.script.drawings == ()
    assert (view.shelf.drawings, view.canvas.value) == ([], [])
    assert "Nothing is drawn" in view.screens["verdict"].value
    press(view, "Keep")
    assert view.message == "the sheet is empty: draw a sign first"
    assert 'role="alert"' in view.line.value
    view.shelf.chosen = 1
    assert view.actions["Keep"].description == "Keep as hook"
    for count in range(EACH):
        view.canvas.value = list(DASH)
        press(view, "Keep")
        assert view.notice == f"{count + 1} of 6 drawings of hook by you."
        assert (view.canvas.value, view.message) == ([], "")
    assert view.shelf.chosen == 0  # hooks are enough
    view.shelf.chosen = 1
    view.canvas.value = list(DASH)
    press(view, "Keep")
    assert view.message == "there are 7 drawings of hook by you, at most 6 are kept"
    assert view.canvas.value == list(DASH)
    view.shelf._handle_custom_msg({"delete": 2}, [])
    assert view.script.counts(0) == [0, 5, 0]
    press(view, "Take back")
    assert view.script.counts(0) == [0, 6, 0]
    view.canvas.value = []
    view.shelf._handle_custom_msg({"take": 2}, [])
    assert view.canvas.value == arranged(DASH)
    press(view, "Undo")
    assert view.canvas.value == []
    for _ in range(7):
        press(view, "Take back")
    assert view.script == invented(0)
    assert view.actions["Take back"].disabled
    press(view, "Take back")
    assert view.message == "nothing was changed yet"


def test_signs_get_other_names(view):
    view.shelf.names = ["tent", " fish ", "zig"]
    assert view.script.names == ("tent", "fish", "zig")
    assert view.shelf.names == ["tent", "fish", "zig"]
    assert [name for name, _ in view.at_left.options] == ["no sign", "tent", "fish", "zig"]
    assert "fish" in view.screens["verdict"].value
    view.shelf.names = ["tent", "tent", "zig"]
    assert view.message == "two of the names tent, tent, zig are the same"
    assert view.shelf.names == ["tent", "fish", "zig"]
    press(view, "Take back")
    assert view.shelf.names == ["tent", "hook", "zig"]


def test_learning_needs_each_sign_and_says_which_is_missing(view):
    view.script = replace(view.script, drawings=tuple(d for d in view.script.drawings if d.sign))
    press(view, "Learn")
    assert view.message == "no drawing of tent by you: at least one is needed"
    assert not view.running


def test_the_widget_is_fooled_and_cured(view):
    view.at_left.value = 0
    assert "tent at the left edge" in view.notice
    strokes = [drawing["strokes"] for drawing in view.shelf.drawings]
    assert max(middle_of(tent) for tent in strokes[:6]) < 100 < middle_of(strokes[6])
    press(view, "Learn")
    assert view.notice.endswith("It learned left.")
    view.shelf._handle_custom_msg({"take": 7}, [])
    assert view.shelf.chosen == 1
    view.ruler.value = 0
    assert "read as tent 9" in repr(view) or "read as tent 100" in repr(view)
    view.ruler.value = 100
    assert "It reads tent" not in view.screens["verdict"].value
    view.shift.value = True
    assert "put anywhere" in view.notice
    view.ruler.value = 0
    first = [recall.right / recall.count for recall in view._tests.places]
    press(view, "Learn")
    assert view.notice.endswith("it learned the shape.")
    assert [recall.before for recall in view._tests.places] == first
    assert "It reads hook" in view.screens["verdict"].value
    view.shelf._handle_custom_msg({"delete": 0}, [])
    press(view, "Learn")  # other drawings: nothing to compare with
    assert {recall.before for recall in view._tests.places} == {None}
    check_picture(view.state.picture())


def test_a_neighbour_is_a_test_and_needs_no_new_learning():
    view = own_script(shifts=True, steps=STEPS)
    again, neighbour = view._tests.writers
    assert (again.name, neighbour.name) == ("you again", "a neighbour")
    assert neighbour.interval == wilson(neighbour.right, 18)
    view.writer.value = 2
    assert len(view.shelf.drawings) == 18
    view.shelf._handle_custom_msg({"delete": 0}, [])
    assert view._tests.writers[1].count == 17
    view.canvas.value = list(invented(0).by(2)[0].strokes)
    press(view, "Keep")
    assert view.notice.startswith("6 of 6 drawings of tent by a neighbour. Read right: ")
    assert view.notice.endswith(f"{view._tests.caution}: so few drawings say little.")
    view.shelf._handle_custom_msg({"delete": 0}, [])
    assert view.pupil.steps == STEPS
    for _ in range(17):
        view.shelf._handle_custom_msg({"delete": 0}, [])
    assert [row.name for row in view._tests.writers] == ["you again"]
    view.writer.value = 1
    for _ in range(18):
        view.shelf._handle_custom_msg({"delete": 0}, [])
    assert [row.name for row in view._tests.writers] == ["you, learned"]


def test_a_file_is_written_and_read(view, tmp_path):
    view.path.value = str(tmp_path / "own.npz")
    view.shelf.names = ["fish", "hook", "zig"]
    press(view, "Save")
    assert view.notice == f"54 drawings are saved in {view.path.value}."
    press(view, "Empty shelf")
    press(view, "Load")
    assert (view.script.names[0], len(view.script.drawings)) == ("fish", 54)
    assert own_script(view.path.value).script == view.script
    view.path.value = str(tmp_path)
    press(view, "Save")
    assert "cannot be written" in view.message
    press(view, "Load")
    assert "cannot be read" in view.message
    assert len(view.script.drawings) == 54


# ---------------------------------------------------------------- the view, in an event loop


@pytest.fixture
def slowly(monkeypatch):
    """Let a slice hold one step, so that a learning takes a while."""
    module = sys.modules[ScriptView.__module__]
    monkeypatch.setattr(module, "SLICE", 0.0005)
    monkeypatch.setattr(module, "PAUSE", 0)


async def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0)


def test_stop_keeps_what_was_learned_and_learn_goes_on(view, slowly):
    async def run():
        press(view, "Learn")
        press(view, "Learn")  # a double click
        assert view.running
        assert (view.actions["Learn"].disabled, view.actions["Stop"].disabled) == (True, False)
        await until(lambda: view.pupil.steps >= 3)
        press(view, "Stop")
        steps, pupil = view.pupil.steps, view.pupil
        assert view.notice == f"Stopped: {steps} steps are kept; Learn goes on."
        for _ in range(20):
            await asyncio.sleep(0)
        assert (view.pupil.steps, view.running) == (steps, False)
        press(view, "Learn")
        await until(lambda: view.pupil.steps > steps)
        assert view.pupil is pupil
        press(view, "Stop")
        view.at_left.value = 1
        press(view, "Learn")
        assert (view.pupil is pupil, view.pupil.left) == (False, 1)
        press(view, "Stop")

    asyncio.run(run())


def test_an_error_in_a_step_is_told(view, monkeypatch):
    monkeypatch.setattr(Pupil, "advance", lambda self: 1 / 0)
    press(view, "Learn")
    assert view.notice == "Learning failed: ZeroDivisionError: division by zero"
    assert not view.running


# ---------------------------------------------------------------- pictures


def recall(name, right, count=18, before=None):
    signs = np.arange(count) % 3
    predicted = np.where(np.arange(count) < right, signs, (signs + 1) % 3)
    return Recall(name, predicted, signs, wilson(right, count), before)


def test_the_verdict_follows_the_numbers():
    names = "tent", "hook", "zig"

    def verdict(*rights, left=None, steps=10):
        places = tuple(recall(f"at {k}", right) for k, right in enumerate(rights))
        return ScriptTests(names, (), places, left, steps).verdict

    assert verdict(18, 15, 16) == "At every place it reads at least 15 of 18 right: it learned " + (
        "the shape."
    )
    assert verdict(18, 15, 4).startswith("Only 4 of 18 are read right at 2: ")
    assert verdict(18, 14, 4, left=0).endswith("It learned some of both.")
    assert verdict(18, 18, 18, steps=0) == ""
    everything = Recall("left", np.zeros(18, int), np.arange(18) % 3, (0, 1))
    nothing = Recall("middle", np.ones(18, int), np.arange(18) % 3, (0, 1))
    fooled = ScriptTests(names, (), (everything, nothing, nothing), 0, 10)
    assert fooled.verdict == (
        "Put at the left, 12 of 12 other signs are read as tent; "
        "in the middle, 0 of 6 of tent are. It learned left."
    )


def test_few_drawings_say_little():
    tests = ScriptTests(("a", "b", "c"), (recall("a neighbour", 6, 6),), (), None, 10)
    assert tests.caution == "6 of 6 may truly be 61 % to 100 %"


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("wide", [False, True])
def test_pictures_hold_what_they_show(steps, wide):
    view = own_script(steps=steps)
    if wide:
        view.shelf.names = ["WWWWWWWWWW", "MMMMMMMMMM", "W"]
    for _ in range(2):
        state = view.state
        for part in (state, state.progress, state.tests, state.reading):
            check_picture(part.picture())
        view.clear()
    view.script = replace(view.script, drawings=())
    view._show()
    check_picture(view.state.picture())
    assert any("sheet is empty" in text for text in texts(view.state.picture()))


def test_the_picture_marks_what_the_patch_takes_and_where_the_drawing_stands():
    covered = np.full((10, 10), 0.9)
    covered[2, 7], covered[5, 5] = 0.1, 1.0
    across = np.full((13, 3), 0.01)
    across[4, 1] = 0.98
    image = np.zeros((28, 28))
    image[10, 10] = 1
    shares = np.array([0.05, 0.9, 0.05])
    reading = ScriptReading(image, ("a", "b", "c"), shares, covered, across, 4, (), 5)
    picture = reading.picture()
    falls = {mark.at: mark.fill for mark in picture.find("fall")}
    assert falls == {(2, 7): "kernel", (5, 5): "negative"}
    assert [mark.at for mark in picture.find("across")] == [(4, 1)]
    (patch,), (worst,) = picture.find("patch"), [m for m in picture.find("fall") if m.at == (2, 7)]
    assert patch.x < worst.x < worst.x + worst.width < patch.x + patch.width
    assert "takes away 80 % of b at most" in reading.description
