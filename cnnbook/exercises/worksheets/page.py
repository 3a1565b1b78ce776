"""Worksheets as pages to print: HTML that needs nothing else, on A4 or Letter."""

import re
from fractions import Fraction
from html import escape

import numpy as np

STYLE = """
@page { margin: 14mm 16mm; }
* { box-sizing: border-box; }
body { max-width: 178mm; margin: 0 auto; color: #000; background: #fff;
  font: 11pt/1.4 "Source Sans 3", "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
.sheet { width: 100%; border-collapse: collapse; }
.sheet + .sheet { break-before: page; margin-top: 12mm; }
.sheet > thead td { padding-bottom: 4mm; }  /* comes again on each page */
.head { display: flex; gap: 6mm; border-bottom: 0.5pt solid #000; padding-bottom: 1.5mm; }
.head strong { flex: 1; }
.name { flex: 0 0 62mm; }
.question { break-inside: avoid; margin: 0 0 6mm; }
h2 { font-size: 11pt; margin: 0 0 1mm; }
p { margin: 0 0 2mm; }
.numbered, .answers { display: flex; flex-wrap: wrap; gap: 3mm 9mm; align-items: flex-start; }
.numbered { margin-top: 2.5mm; }
.answers { gap: 3mm 11mm; }
.work { height: 16mm; }
.answers > div { display: flex; gap: 2.5mm; align-items: center; }
.line { display: inline-block; width: 26mm; height: 6mm; border-bottom: 0.7pt solid #000; }
figure { margin: 0; }
figcaption, .how { font-size: 9.5pt; }
.numbers { border-collapse: collapse; }
.numbers td { border: 0.5pt solid #000; min-width: 8.5mm; height: 7mm; padding: 0 1.5mm;
  text-align: center; white-space: nowrap; }
.numbers th { padding-right: 2mm; text-align: left; font-weight: normal; }
.blank td { min-width: 10.5mm; height: 8mm; }
.key { columns: 2; column-gap: 10mm; margin-bottom: 9mm; break-inside: avoid; }
.key section { break-inside: avoid; margin-bottom: 3.5mm; }
.key h2 { font-size: 10.5pt; margin: 0; }
.key .answers { gap: 1mm 6mm; }
.key .numbers td { height: 5.5mm; min-width: 7mm; }
.key h1 { font-size: 11.5pt; margin: 0 0 3mm; column-span: all; border-bottom: 0.5pt solid #000; }
.how { color: #000; margin: 0.5mm 0 0; font-style: italic; }
@media screen { body { padding: 10mm 6mm; } }
"""


def worksheet_page(sheets):
    """Write the worksheets of one chapter, each on pages of its own."""
    return _page(f"Worksheet, chapter {sheets[0].chapter}", map(_worksheet, sheets))


def answers_page(sheets):
    """Write the answers to the worksheets of one chapter; for one sheet also how to get there."""
    blocks = (_answers(sheet, explained=len(sheets) == 1) for sheet in sheets)
    return _page(f"Answers, chapter {sheets[0].chapter}", blocks)


def shown(value):
    """Write a number or a word as it stands on the sheet."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Fraction):
        return str(value).replace("-", "−")
    rounded = round(float(value), 3)
    text = f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.3f}".rstrip("0")
    return text.replace("-0", "0").replace("-", "−") if rounded == 0 else text.replace("-", "−")


def filled(text, given):
    """Put what is given into a text; arrays stand under it. No line ends beside a sign."""
    words = {name: shown(v) for name, v in given.items() if not isinstance(v, np.ndarray)}
    return re.sub(r" (?=[=×%+−])|(?<=[=×+−]) ", "\u00a0", text.format(**words))


def table(values, blank=False, names=()):
    """Write a list or an array as a table, or as one to be filled in; its rows may have names."""
    lines = []
    for n, row in enumerate(np.atleast_2d(np.asarray(values, dtype=object))):
        cells = ("" if blank else escape(shown(value)) for value in row)
        head = f"<th>{escape(names[n])}</th>" if names else ""
        lines.append(f"<tr>{head}<td>{'</td><td>'.join(cells)}</td></tr>")
    kind = "numbers blank" if blank else "numbers"
    return f'<table class="{kind}">{"".join(lines)}</table>'


def _page(title, bodies):
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n<title>{title}'
        f"</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{''.join(bodies)}</body>\n</html>\n"
    )


def _worksheet(sheet):
    head = (
        f'<div class="head"><strong>{sheet.chapter} · {escape(sheet.title)}</strong>'
        f'<span>seed {sheet.seed}</span><span class="name">Name:</span></div>'
    )
    questions = "\n".join(map(_question, range(1, 99), sheet.questions.items()))
    return (
        f'<table class="sheet"><thead><tr><td>{head}</td></tr></thead>\n<tbody><tr><td>\n'
        f"{questions}\n</td></tr></tbody></table>\n"
    )


def _question(number, item):
    title, question = item
    arrays = {name: v for name, v in question.given.items() if isinstance(v, np.ndarray)}
    given = "".join(_given(*pair) for pair in arrays.items())
    lists = [value for value in arrays.values() if value.ndim == 1]
    if len(lists) == len(arrays) > 1 and len({*map(len, lists)}) == 1:
        given = table(lists, names=list(arrays))  # one below the other
    return (
        f'<section class="question"><h2>{number} · {escape(title)}</h2>\n'
        f"<p>{escape(filled(question.text, question.given))}</p>\n"
        f'<div class="numbered">{given}\n{_fields(question.answers, blank=True)}</div>\n'
        '<div class="work"></div></section>'
    )


def _given(name, value):
    """Show an array under its name; one of several channels or samples as several tables."""
    if value.ndim == 3:
        return "".join(_given(f"{name}[{n}]", part) for n, part in enumerate(value))
    return f"<figure><figcaption>{escape(name)}</figcaption>{table(value)}</figure>"


def _fields(answers, blank=False):
    fields = []
    for label, value in answers.items():
        if isinstance(value, np.ndarray | tuple):
            field = table(value, blank)
        else:
            field = '<span class="line"></span>' if blank else f"<b>{escape(shown(value))}</b>"
        fields.append(f"<div><span>{escape(label)}</span>{field}</div>")
    return f'<div class="answers">{"".join(fields)}</div>\n'


def _answers(sheet, explained):
    blocks = []
    for number, (title, question) in enumerate(sheet.questions.items(), 1):
        how = f'<p class="how">{escape(filled(question.how, question.given))}</p>' * explained
        fields = _fields(question.answers)
        blocks.append(f"<section><h2>{number} · {escape(title)}</h2>\n{fields}{how}</section>\n")
    head = f"Answers: {sheet.chapter} · {escape(sheet.title)}, seed {sheet.seed}"
    return f'<div class="key"><h1>{head}</h1>\n{"".join(blocks)}</div>\n'
