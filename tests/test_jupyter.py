"""What stays of a notebook that is saved, and the words that a picture brings with it."""

import io

import matplotlib.pyplot as plt
import nbformat
import numpy as np
from PIL import Image
from tornado.ioloop import IOLoop

from cnnbook.figures import FewColours, plain_axes
from cnnbook.figures.picture import Picture
from cnnbook.figures.style import alternative, pack
from cnnbook.jupyter import MARK, VIEW, _load_jupyter_server_extension, keep_pictures

PNG = {"image/png": "iVBOR"}


def saved(data, metadata):
    """Save a notebook with one output; return the kinds of data that stay."""
    output = nbformat.v4.new_output("display_data", data, metadata=metadata)
    cells = [nbformat.v4.new_code_cell(outputs=[output]), nbformat.v4.new_markdown_cell("words")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    keep_pictures({"type": "notebook", "content": notebook}, path="x.ipynb")
    return set(notebook.cells[0].outputs[0].data)


def test_only_our_own_view_goes_and_only_where_a_picture_stays():
    ours, view = {MARK: True}, {VIEW: {"model_id": "1"}}
    assert saved(view | PNG, ours) == {"image/png"}
    assert saved(view | {"text/html": "<p>"}, ours) == {"text/html"}
    assert saved(view | PNG, {}) == {VIEW, "image/png"}
    assert saved(view, ours) == {VIEW}


def test_what_is_no_notebook_passes():
    text = nbformat.v4.new_output("stream", text="words")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[text])])
    for model in (
        {"type": "file", "content": "cells"},
        {"type": "directory", "content": None},
        {"type": "notebook", "content": notebook},
        {"type": "notebook", "content": {"worksheets": [], "nbformat": 3}},
    ):
        before = repr(model)
        keep_pictures(model)
        assert repr(model) == before


def test_the_manager_that_serves_gets_the_hook():
    """An extension that is loaded later may put another one in the place of the first."""

    class Manager(list):
        register_pre_save_hook = list.append

    class Server:
        contents_manager = Manager()

    async def start():
        _load_jupyter_server_extension(Server)
        Server.contents_manager = Manager()

    IOLoop(make_current=False).run_sync(start)
    assert Server.contents_manager == [keep_pictures]


# ---------------------------------------------------------------- words of a figure


def test_a_figure_says_what_is_written_in_it():
    fig, (left, right) = plain_axes(1, 2)
    left.set(xlabel="epoch", ylabel="loss")
    left.plot([2, 1], label="learning")
    left.legend()
    right.imshow(np.eye(2))
    right.set_axis_off()
    right.set_title("a\nphotograph", loc="left")
    right.text(0, 0, "a\nphotograph")
    words = "A plot of loss against epoch: learning. A picture: a photograph."
    assert alternative(fig) == pack(fig)[1]["alt"] == words
    fig.colorbar(right.images[0], ax=right)
    assert alternative(fig) == words
    fig.set_label("words of the chapter")
    assert alternative(fig) == "words of the chapter"
    assert FewColours(fig, "others")._repr_png_()[1]["alt"] == "others"
    plt.close(fig)


def red_box(image):
    """Left, top, width and height of what is pure red, as shares of an image."""
    red = (np.asarray(image.convert("RGB")) == (255, 0, 0)).all(-1)
    down, across = (np.flatnonzero(red.any(axis)) for axis in (1, 0))
    top, left = down[0], across[0]
    size = across[-1] + 1 - left, down[-1] + 1 - top
    return np.array([left, top, *size]) / (image.size * 2)


def test_a_photograph_in_a_figure_is_where_the_metadata_say():
    fig, (plot, ax) = plain_axes(1, 2)
    plot.plot([1, 2])
    plot.set(ylabel="a label that makes the saved picture wider than the axes")
    ax.imshow(np.full((4, 4, 3), (1.0, 0, 0)))
    ax.set_axis_off()
    png, about = pack(fig)
    (place,) = about["keeps"]
    image = Image.open(io.BytesIO(png))
    np.testing.assert_allclose(place, red_box(image), atol=4 / image.height)
    ax.remove()
    assert pack(fig)[1]["keeps"] == []
    plt.close(fig)


def test_a_photograph_in_a_picture_is_where_the_metadata_say():
    picture = Picture(200, 100)
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    picture.image(red, 120, 20, 60, 40)
    picture.image(np.zeros((4, 4, 3), np.uint8), 10, 20, 60, 40, inverts=True)
    (place,) = picture.photographs
    image = Image.open(io.BytesIO(picture.png()))
    np.testing.assert_allclose(place, red_box(image), atol=2 / image.height)
