"""The site in a browser, from a file and over http: nothing is fetched, everything shows and steps.

The environment variable CNNBOOK_SITE names a folder that ``python -m cnnbook.page`` built; without
it three chapters are built here. Run with ``pytest -m browser -n0 -s``; it prints a table.
"""

import functools
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path
from statistics import median
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("playwright")
pytest.importorskip("myst_nb")
from lab_driver import chromium, find_chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]

FAULTS = """() => {
  const found = {}, list = (what, nodes) => { found[what] = [...nodes].map(
    (node) => (node.getAttribute('aria-label') ?? node.outerHTML).slice(0, 90)); };
  const all = (what) => [...document.querySelectorAll(what)];
  const images = [...document.images];
  list('a picture without words', images.filter((i) => !i.alt && !i.matches('.cnnbook-kept')));
  list('a broken picture', images.filter((i) => i.complete && !i.naturalWidth));
  list('a drawing without a name', all('svg.cnnbook').filter((i) => !i.getAttribute('aria-label')));
  list('a formula not drawn', all('.math').filter((i) => !i.querySelector('mjx-container')));
  list('a formula with an error', all('[data-mjx-error]'));
  const fields = all('.bd-article :is(input, select, button):not([hidden])');
  list('a field without a name', fields.filter((i) =>
    !(i.labels?.length || i.textContent.trim() || i.getAttribute('aria-label') || i.title)));
  return found;
}"""
MOVE = """field => {
  if (field.type === 'checkbox') return field.click();
  const range = field.type === 'range';
  const last = range ? Number(field.max) : field.options.length - 1;
  const now = range ? Number(field.value) : field.selectedIndex, next = now < last ? now + 1 : 0;
  range ? (field.value = next) : (field.selectedIndex = next);
  field.dispatchEvent(new Event(range ? 'input' : 'change'));
}"""

# what a picture shows: its words and its parts; of canvases, their pixels
LOOK = """(host) => [host.querySelector('.cnnbook-screen svg')?.outerHTML ?? '',
  ...[...host.querySelectorAll('canvas')].map((c) => c.toDataURL())].join()"""

# ms from a press of a button to the end of the frame with another picture
TIME = """async button => {
  const screen = button.closest('.cnnbook-widget').querySelector('.cnnbook-screen');
  const begun = performance.now();
  const changed = new Promise(done => new MutationObserver((_, self) => done(self.disconnect()))
    .observe(screen, {subtree: true, childList: true, attributes: true}) || setTimeout(done, 5000));
  button.click();
  await changed;
  await new Promise(done => requestAnimationFrame(() => {
    const painted = new MessageChannel();
    painted.port1.onmessage = done;
    painted.port2.postMessage(0);
  }));
  return performance.now() - begun;
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if "CNNBOOK_SITE" in os.environ:
        return Path(os.environ["CNNBOOK_SITE"]).resolve()
    target = tmp_path_factory.mktemp("page")
    command = [sys.executable, "-m", "cnnbook.page", "--chapters", "0", "3", "9"]
    subprocess.run([*command, "--output", str(target)], check=True)
    return target / "html"


@pytest.fixture(scope="module")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def pages(site):
    own = (p for p in site.rglob("*.html") if "_static" not in p.parts)
    return sorted(p for p in own if p.name not in ("genindex.html", "search.html"))


@pytest.fixture
def opened():
    """Open a page that notes what it asks for and what goes wrong; it is closed with the test."""
    contexts = []

    def opened(root, faults, **options):
        contexts.append(chromium().new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)

        def asks(request):
            if not request.url.startswith((root, "data:", "blob:")):
                faults.append(f"asks for {request.url[:90]}")

        def says(message):
            if message.type in ("error", "warning"):
                faults.append(f"{message.type}: {message.text}")

        page.on("request", asks)
        page.on("requestfailed", lambda r: faults.append(f"cannot load {r.url[:90]}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("console", says)
        return page

    yield opened
    for context in contexts:
        context.close()


def wake(page):
    """Scroll to each widget, and wait until it lives."""
    page.evaluate("globalThis.MathJax?.startup.promise")
    hosts = page.locator(".cnnbook-widget")
    for number in range(hosts.count()):
        hosts.nth(number).scroll_into_view_if_needed()
        page.wait_for_function(
            "n => document.querySelectorAll('.cnnbook-widget')[n].matches('.cnnbook-alive')",
            arg=number,
        )
    return hosts


def changes(host, act):
    """Whether a picture is another one after something was done."""
    before = host.evaluate(LOOK)
    act()
    for _ in range(40):
        if host.evaluate(LOOK) != before:
            return True
        host.page.wait_for_timeout(50)
    return False


def operate(host, faults):
    """Step, and move each control, once; return the name, and how soon a step is there."""
    times = []
    name = host.get_attribute("data-name")
    step = host.get_by_role("button", name="Next step")
    if step.count() and step.is_visible():
        last = host.locator("input[type=range]").last
        forward = last.evaluate("slider => slider.value < slider.max")
        button = step if forward else host.get_by_role("button", name="Previous step")
        if changes(host, button.click):
            back = host.get_by_role("button", name="Previous step")
            times = [each.evaluate(TIME) for each in [back if forward else step, button] * 5]
        else:
            faults.append(f"{name} does not step")
        picture = host.locator(".cnnbook-screen svg.cnnbook")
        picture.evaluate("svg => svg.focus()")
        changes(host, lambda: host.page.keyboard.press("Home")) or changes(
            host, lambda: host.page.keyboard.press("End")
        ) or faults.append(f"{name} takes no keys")
    bar = host.locator(".cnnbook-explorer > .cnnbook-bar").first
    for field in bar.locator("select, input").all():
        label = field.get_attribute("aria-label")
        moved = changes(host, functools.partial(field.evaluate, MOVE))
        refused = host.locator(".cnnbook-note").text_content()
        moved or refused or faults.append(f"{name}: {label} changes nothing")
    if not bar.count():  # computes by itself
        turn = host.get_by_role("button", name="Turn round")
        kernel = host.locator("select[aria-label=kernel]")
        act = turn.click if turn.count() else functools.partial(kernel.evaluate, MOVE)
        changes(host, act) or faults.append(f"{name} computes nothing")
    return name, median(times) if times else None


def test_every_page_from_a_file_without_a_network(opened, site):
    faults, table = [], []
    page = opened(site.as_uri(), faults, offline=True)
    for path in pages(site):
        page.goto(path.as_uri())
        hosts = wake(page)
        faults += [f"{what}: {w}" for what, where in page.evaluate(FAULTS).items() for w in where]
        for number in range(hosts.count()):
            name, ms = operate(hosts.nth(number), faults)
            table.append((path.stem, name, "" if ms is None else f"a step in {ms:.0f} ms"))
        faults[:] = [
            one if one.startswith(("[", "/")) else f"[{path.stem}] {one}" for one in faults
        ]
    print("", *("  ".join(row) for row in table), sep="\n")
    print(f"{len(pages(site))} pages, {len(table)} widgets operated")
    assert not faults, "\n".join(faults)
    assert table


def test_every_page_over_http(opened, site, address):
    faults = []
    page = opened(address, faults)
    for path in pages(site):
        page.goto(f"{address}/{path.relative_to(site)}")
        wake(page)
        links = page.evaluate(
            "[...document.querySelectorAll('a[href]')].map(a => [a.getAttribute('href'), a.href])"
        )
        for given, link in links:
            if link.startswith(address):
                where = urlsplit(link)
                there = site / unquote(where.path.lstrip("/") or "index.html")
                there.exists() or faults.append(
                    f"[{path.stem}] a link to {given}, which is not there"
                )
            elif given.startswith("file:"):
                faults.append(f"[{path.stem}] a link to this machine: {given}")
    assert not faults, "\n".join(faults)


def test_search_works_from_a_file(opened, site):
    faults = []
    page = opened(site.as_uri(), faults, offline=True)
    page.goto(f"{site.as_uri()}/search.html?q=dilation")
    page.locator("#search-results li").first.wait_for()
    assert not faults


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_every_page_without_scrolling_sideways(opened, site, theme):
    faults = []
    options = {"viewport": {"width": 390, "height": 844}, "color_scheme": theme}
    page = opened(site.as_uri(), faults, offline=True, **options)
    for path in pages(site):
        page.goto(path.as_uri())
        wake(page)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        wide > 0 and faults.append(f"{path.stem} is {wide} pixels wider than the phone")
    assert not faults, "\n".join(faults)


def test_numbers_are_checked_and_a_guess_opens_the_answer(opened, site):
    faults = []
    page = opened(site.as_uri(), faults, offline=True)
    page.goto((site / "03_padding_and_stride.html").as_uri())
    form = page.locator(".cnnbook-exercise form").first
    said = form.locator("output")
    for answer, words in (("1/2", "Perhaps"), ("two", "Type numbers"), ("3/4", "Right")):
        form.locator("input").fill(answer)
        form.locator("button").click()
        assert words in said.text_content(), (answer, said.text_content())
    asked = page.locator(".cnnbook-predict").first
    asked.locator("input, button").first.wait_for()
    assert not asked.locator("details").evaluate("d => d.open")
    if asked.locator("form").count():
        asked.locator("input").fill("7")
        asked.locator("form button").click()
    else:
        asked.locator("button[type=button]").first.click()
    assert asked.locator("details").evaluate("d => d.open")
    assert not faults
