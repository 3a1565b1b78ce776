"""What a page keeps of a widget: the pictures that Python would draw, and what a touch would do."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from cnnbook import widgets
from cnnbook.figures.scene import ROOM
from cnnbook.page.capture import page_of
from cnnbook.page.freezing import ROOMS, freeze, packed
from cnnbook.page.slicing import cells_for
from cnnbook.page.staging import exercises_in, image, numbers, pack, prediction
from cnnbook.widgets.explorer import Explorer

OPENED = (
    "window_stepper padding_explorer pooling_stepper dense_to_convolution channel_stepper "
    "im2col_stepper backward_stepper receptive_field_explorer architecture_explorer "
    "sliding_explorer vae_loss_explorer augmentation_explorer resampling_explorer "
    "shared_weights_explorer learning_curve latent_explorer morph maximisation_stepper"
).split()


def stepper(**page):
    view = widgets.window_stepper(step=4)
    view.page = page
    return view


def leaf(spec, *path):
    node = spec["tree"]
    for number in path:
        node = node["each"][number]
    return node


def shown(spec, frame):
    return "".join(spec["parts"][part] for part in spec["frames"][frame]) + "</svg>"


def drawn(state, room):
    whole = ROOM.set(room)
    try:
        return state.picture().svg(css=False)
    finally:
        ROOM.reset(whole)


@pytest.mark.parametrize(
    ("shape", "off"), [((63, 200, 3), 0), ((63, 200, 4), 0), ((99, 99), 0), ((90, 120, 3), 30)]
)
def test_small_and_grey_images_are_kept_exactly(shape, off):
    pixels = np.add.outer(*map(np.arange, shape[:2])).astype(np.uint8)
    pixels += np.random.default_rng(0).integers(9, size=shape[:2], dtype=np.uint8)
    if len(shape) == 3:
        pixels = pixels[..., None] + np.arange(shape[2], dtype=np.uint8)  # a little transparent
    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "png")
    kind, _, data = packed(base64.b64encode(png.getvalue()).decode()).partition(";base64,")
    assert kind == "webp"
    with Image.open(io.BytesIO(base64.b64decode(data))) as kept:
        kept = np.asarray(kept.convert(Image.fromarray(pixels).mode)).astype(int)
    assert np.abs(kept - pixels).max() <= off


@pytest.mark.parametrize("name", OPENED)
def test_a_page_keeps_controls_that_the_widget_has(name):
    view = getattr(widgets, name)()
    assert set(view.page) <= set(view.controls)


def test_frames_are_what_python_draws_at_each_step_and_for_each_room():
    view = stepper(stride=(1, 2), flip=...)
    spec = freeze(view)
    assert [words for words in spec["tree"]["options"]] == ["1", "2"]
    view.controls["stride"].value, view.controls["flip"].value = 2, True
    state = view.state
    end = leaf(spec, 1, 1)
    for row, room in zip(end["frames"], ROOMS, strict=True):
        assert len(row) == state.steps == 4
        for step, frame in enumerate(row):
            assert shown(spec, frame) == drawn(state.at(step), room)


def test_a_frozen_widget_stands_where_it_stood():
    view = stepper(stride=(1, 2, 3), padding=(0, 1))
    before = view.state.picture().svg()
    spec = freeze(view)
    assert view.state.picture().svg() == before
    assert spec["step"] == 4
    assert shown(spec, leaf(spec, *spec["start"])["frames"][0][4]) == drawn(view.state, ROOMS[0])


def test_a_touch_does_what_it_does_in_python():
    view = stepper(stride=(1, 2))
    spec = freeze(view)
    table = spec["touches"][leaf(spec, 0)["touch"]]
    for row, column in ((0, 0), (1, 2), (2, 1)):
        step = view.state.touched("output", row, column)["step"]
        assert table[f'["output",{row},{column}]'] == [step, {}]
        assert table[f'["input",{row},{column}]'] == [
            view.state.touched("input", row, column)["step"],
            {},
        ]


def test_a_pointer_over_an_output_shows_its_step_and_over_an_input_a_picture_of_its_own():
    view = stepper()
    spec = freeze(view)
    assert spec["previews"] == ["output"]
    assert shown(spec, spec["hovers"]['2 ["input",1,1]']) == drawn(
        view.state.at(2).hovered("input", 1, 1), ROOMS[0]
    )


def test_a_touch_may_choose_a_setting():
    spec = freeze(widgets.dense_to_convolution())
    table = spec["touches"][leaf(spec, *spec["start"])["touch"]]
    assert [result for key, result in table.items() if key.startswith('["count"') and result[1]]


def test_what_cannot_be_chosen_says_why():
    view = stepper(stride=(1,), padding=(0,), dilation=(1, 3))
    spec = freeze(view)
    assert "input" in leaf(spec, 0, 0, 1)  # the message of an impossible setting
    assert view.message == ""


def test_what_a_control_does_not_take_is_refused():
    with pytest.raises(ValueError, match="stride takes 6, the page asks for 99"):
        freeze(stepper(stride=(1, 99)))
    spec = freeze(stepper(x=("a",)))
    assert "'a' is not a number" in leaf(spec, spec["tree"]["options"].index("a"))


def test_every_widget_of_another_kind_has_a_module_or_a_reason():
    assert page_of(widgets.beat_gradient_descent()).keys() == {"still"}
    assert page_of(widgets.draw_digit())["alone"]["module"] == "glassLenet"
    bench = page_of(widgets.kernel_workbench())["alone"]
    assert bench["values"]["shape"] == [280, 420]
    assert "pixels" in bench["bytes"]
    json.dumps(bench)
    assert not isinstance(widgets.kernel_workbench(), Explorer)


def test_the_same_data_are_the_same_bytes():
    assert pack({"a": [1, "ä"]}) == pack({"a": [1, "ä"]})


def test_cells_that_change_what_is_shown_are_run():
    cells = {0: "import numpy as np", 1: "w = np.zeros(3)", 2: "print(np.ones(2))", 3: "w[0] = 1"}
    cells |= {4: "fit(w)", 5: "other = 3", 6: "show(w)"}
    assert cells_for(cells, {6}) == [0, 1, 3, 4, 6]


def test_a_picture_without_words_is_refused():
    with pytest.raises(RuntimeError, match="no words"):
        image({"image/png": "AAAA", "text/plain": "<Figure size 640x480>"}, {})


def test_a_picture_keeps_its_words_and_its_photographs():
    html = image(
        {"image/png": "AAAA", "text/plain": 'a "7"'}, {"width": 9, "keeps": [[0, 0, 0.5, 1]]}
    )
    assert 'alt="a &quot;7&quot;"' in html
    assert "50.00% 100.00%" in html


def test_a_prediction_asks_with_its_choices():
    stored = "<p><b>Which?</b></p><details><summary>Run the cell and guess, or open the answer here"
    stored += "</summary><p>b</p></details>"
    html = prediction(stored, 'predict("Which?", x, choices=("a", "b"))')
    assert '<button type="button">a</button>' in html
    assert 'data-answer="b"' in html
    assert "<form>" in prediction(stored.replace("<p>b<", "<p>12<"), 'predict("Which?", 12)')


def test_exercises_have_their_hints_and_numbers_are_checked():
    html = exercises_in('check("3.6", ...)\ncheck("3.1", f)')
    assert html.count("<form>") == 1
    assert html.count("<details>") == 6
    assert "0.75" in html
    assert numbers((1, [2, 3])) == [1, 2, 3]
