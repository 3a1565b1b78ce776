"""Make copies of the chapters whose outputs are parts of a page; the chapters stay as they are."""

import ast
import asyncio
import base64
import copy
import gzip
import json
import re
import time
from html import escape, unescape

import nbformat
import numpy as np
from nbclient import NotebookClient

from cnnbook import widgets
from cnnbook.exercises import exercises
from cnnbook.page.capture import MIMETYPE
from cnnbook.page.slicing import cells_of_pictures, is_picture

START = """from cnnbook.page import capture
capture.begin(get_ipython())"""
TIMEOUT = 900  # seconds of a cell


def stage(path, target):
    """Write the copy of a chapter for the page, and return what was done.

    Returns
    -------
    dict
        "ran": how many cells, "cells": of how many; "seconds"; and for each of the "widgets" its
        "name", "frames", "bytes" in the page, or why it is a "still".

    Raises
    ------
    RuntimeError
        If a cell fails, or a picture differs from the one that is stored.
    """
    chapter = nbformat.read(path, as_version=4)
    began, report = time.monotonic(), []
    shown, ran = run(chapter, path.parent)
    for number, cell in enumerate(chapter.cells):
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = [*cell.metadata.get("tags", ()), "hide-input"]
        for output in cell.outputs:
            page_output(output, cell.source, shown.get(number), report)
        if practice := exercises_in(cell.source):
            html = {"text/html": practice}
            cell.outputs = [nbformat.v4.new_output("display_data", html)]
    nbformat.write(chapter, target)
    code = sum(cell.cell_type == "code" for cell in chapter.cells)
    seconds = round(time.monotonic() - began)
    return {"ran": ran, "cells": code, "seconds": seconds, "widgets": report}


def run(chapter, folder):
    """Run what the pictures of a chapter rest on.

    Returns
    -------
    dict, int
        What each picture is in a page, by the number of its cell; how many cells ran.
    """
    code = {n: cell for n, cell in enumerate(chapter.cells) if cell.cell_type == "code"}
    wanted, few = cells_of_pictures(chapter.cells)
    if not wanted:
        return {}, 0
    for numbers in (few, [*code]):
        fresh = _executed(chapter, numbers, folder)
        other = [n for n in wanted if not _same(code[n], fresh[n])]
        if not other:
            break
    if other:
        raise RuntimeError(f"cell {other[0]} shows another picture than the one that is stored")
    pages = {
        n: [o.data[MIMETYPE] for o in fresh[n] if MIMETYPE in o.get("data", ())] for n in wanted
    }
    return {n: found[0] for n, found in pages.items() if found}, len(fresh)


def _executed(chapter, numbers, folder):
    copied = copy.deepcopy(chapter)
    copied.cells = [nbformat.v4.new_code_cell(START), *(copied.cells[n] for n in numbers)]
    options = {"timeout": TIMEOUT, "resources": {"metadata": {"path": str(folder)}}}
    client = NotebookClient(copied, extra_arguments=["--log-level=ERROR"], **options)
    asyncio.run(client.async_execute())  # a loop that is closed, in whatever thread this is
    return dict(zip(numbers, (cell.outputs for cell in copied.cells[1:]), strict=True))


def _same(cell, fresh):
    """Whether pictures say what the stored ones say; what is trained may say other numbers."""
    if "nbval-ignore-output" in cell.metadata.get("tags", ()):
        return True
    stored, drawn = ([_words(o) for o in some if _words(o)] for some in (cell.outputs, fresh))
    return stored == drawn


def _words(output):
    shown = {"image/png", MIMETYPE} & output.get("data", {}).keys()
    return output.data["text/plain"] if shown else None


# ---------------------------------------------------------------- outputs


def page_output(output, source, page, report):
    """Give an output the form that it has in a page."""
    data = output.get("data", {})
    if "image/png" in data:
        if page and is_picture(output):
            html = widget(page, source, report)
        else:
            html = image(data, output.metadata.get("image/png", {}))
        output.data = {"text/html": html}
        output.metadata = {}
    elif "cnnbook" in output.get("metadata", ()) and "text/html" in data:
        output.data = {"text/html": prediction(data["text/html"], source)}


def image(data, about):
    """Write a stored picture: its words, its size, and what keeps its colours in a dark page."""
    plain = data.get("text/plain", "<")
    words = about.get("alt") or ("" if plain.startswith("<") else plain)
    if not words:
        raise RuntimeError("a picture has no words: give its figure a label")
    size = f' width="{about["width"]}"' if "width" in about else ""
    source = f'src="data:image/png;base64,{data["image/png"].strip()}"'
    if "keeps" not in about:
        return f'<img alt="{escape(words)}"{size} {source}>'
    whole = f'<img class="cnnbook-inverts" alt="{escape(words)}"{size} {source}>'
    if not about["keeps"]:
        return whole
    # the same picture once more, cut to its photographs: by nested corners of one polygon
    corners = []
    for left, top, width, height in about["keeps"]:
        right, bottom = left + width, top + height
        path = (
            (0, 0),
            (left, top),
            (right, top),
            (right, bottom),
            (left, bottom),
            (left, top),
            (0, 0),
        )
        corners += [f"{100 * x:.2f}% {100 * y:.2f}%" for x, y in path]
    cut = f"clip-path:polygon({','.join(corners)})"
    kept = f'<img class="cnnbook-kept" alt="" {source} style="{cut}">'
    return f'<span class="cnnbook-layers">{whole}{kept}</span>'


def pack(data):
    """Write data as gzip in base64: the same text for the same data."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.b64encode(gzip.compress(text, 9, mtime=0)).decode()


def widget(page, source, report):
    """Write a widget as it lives in a page, over its still picture; or a picture as SVG alone."""
    svg = f'<div class="cnnbook-paper">{page["svg"]}</div>'
    if not page.keys() & {"frames", "alone", "still"}:
        return svg
    called = [name for name in re.findall(r"(\w+)\(", source) if hasattr(widgets, name)]
    entry = {"name": called[-1] if called else source.strip().splitlines()[-1]}
    report.append(entry)
    if "still" in page:
        entry["still"] = page["still"]
        words = f"A still picture: {page['still']}. In the notebook you can play with it."
        return f'<div class="cnnbook-still">{svg}<p class="cnnbook-alone">{escape(words)}</p></div>'
    packed = pack(page.get("frames") or page["alone"])
    entry["frames"] = len(page["frames"]["frames"]) if "frames" in page else None
    entry["bytes"] = len(packed)
    words = "Your own numbers: in the notebook."
    if left := page.get("without"):
        words = f"Your own numbers, and {', '.join(left)}: in the notebook."
    return (
        f'<div class="cnnbook-widget" data-name="{escape(entry["name"])}">{svg}'
        f'<script type="application/gzip+json">{packed}</script>'
        f'<p class="cnnbook-alone">{escape(words)}</p></div>'
    )


# ---------------------------------------------------------------- practice


def prediction(html, source):
    """Let a reader guess before the stored answer opens."""
    question, answer = (
        unescape(t) for t in re.findall(r"<p>(?:<b>)?(.*?)(?:</b>)?</p>", html, re.S)[:2]
    )
    choices = next((choices for asked, choices in _asked(source) if asked == question), None)
    if choices is None and answer in ("yes", "no"):
        choices = "yes", "no"
    if choices:
        field = "".join(f'<button type="button">{escape(c)}</button> ' for c in choices)
    else:
        look = 'name="answer" inputmode="decimal" size="12" aria-label="your guess"'
        field = f"<form>Your guess <input {look}> <button>Guess</button></form>"
    body = html.replace("Run the cell and guess, or open the answer here", "Open the answer")
    head, fold = body.split("<details>", 1)
    said = '<output role="status"></output>'
    return (
        f'<div class="cnnbook-predict" data-answer="{escape(answer)}">{head}{field}{said}'
        f"<details>{fold}</div>"
    )


def _asked(source):
    """The questions of a cell's predictions, each with its choices if it has any."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "predict":
            given = node.args[2:3] + [k.value for k in node.keywords if k.arg == "choices"]
            try:
                choices = ast.literal_eval(given[0]) if given else None
                yield ast.literal_eval(node.args[0]), choices
            except ValueError:  # computed while it runs
                continue


def exercises_in(source):
    """Write the exercises that a cell checks: hints, folded, and a field for numbers."""
    asked = dict.fromkeys(re.findall(r'^check\("([\d.]+)"', source, re.M))
    return "".join(_exercise(exercises()[number]) for number in asked)


def _exercise(one):
    hints = "".join(
        f"<details><summary>Hint {n}</summary><p>{escape(hint)}</p></details>"
        for n, hint in enumerate(one.hints, 1)
    )
    head = f"<p><b>{one.number} {escape(one.title)}</b></p>"
    if one.cases or len(numbers(one.right[0])) > 9:
        form = f'<p>Check your answer in the notebook: <code>check("{one.number}", …)</code></p>'
    else:
        right, *wrong = (numbers(v) for v in (one.right[0], *one.wrong.values()))
        told = {"right": right, "wrong": [*zip(one.wrong, wrong, strict=True)], "why": one.why}
        data = json.dumps(told).replace("</", "<\\/")
        look = 'name="answer" size="30" aria-label="your answer"'
        field = f'<input {look} placeholder="numbers, row by row">'
        form = (
            f'<form>{field} <button>Check</button><script type="application/json">{data}</script>'
            '<output role="status"></output></form>'
        )
    return f'<div class="cnnbook-exercise">{head}{form}{hints}</div>'


def numbers(value):
    """List the numbers of an answer, row by row."""
    if isinstance(value, tuple):
        return [number for one in value for number in numbers(one)]
    return np.asarray(value, dtype=float).ravel().tolist()
