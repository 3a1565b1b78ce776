"""A real JupyterLab in a headless Chromium, for the browser test."""

import atexit
import contextlib
import functools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing leaves the machine
    "--use-fake-device-for-media-stream",  # a camera, and nobody is asked whether it may be used
    "--use-fake-ui-for-media-stream",
]
SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    # all cells in the page, so that those out of sight are operated too
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
MUST_CHANGE = ("slider", "number", "select", "checkbox")
SCRIPT = Path(__file__).with_name("lab_driver.js").read_text()


def find_chromium():
    """Path of an installed Chromium or Chrome, or None; CNNBOOK_CHROMIUM overrides."""
    named = os.environ.get("CNNBOOK_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def write_notebook(path, sources):
    """Save a notebook with these code cells."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


def save_shot(page, name):
    """Save a screenshot where CNNBOOK_SHOTS names a folder."""
    if folder := os.environ.get("CNNBOOK_SHOTS"):
        page.screenshot(path=Path(folder, f"{name}.png"))


@contextlib.contextmanager
def lab_server(folder, state):
    """Serve `folder` with settings of its own under `state`; yield the address and the token."""
    for name, value in SETTINGS.items():
        file = Path(state, "settings", name + ".jupyterlab-settings")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",  # with the signatures of what is trusted
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    env = os.environ | {key: str(Path(state, name)) for key, name in places.items()}
    extensions = Path(__file__).parent.parent / "cnnbook" / "jupyter"  # as they are now
    places = {"lab": "share/labextensions/cnnbook", "server": "etc/jupyter_server_config.d"}
    for part, place in places.items():
        shutil.copytree(extensions / part, Path(state, place), dirs_exist_ok=True)
    env |= {"JUPYTER_PATH": f"{state}/share", "JUPYTER_CONFIG_PATH": f"{state}/etc"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"),
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    log = Path(state, "lab.log")
    with log.open("w") as output:
        server = subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server, log)
            yield f"http://127.0.0.1:{port}", token
        finally:
            server.terminate()  # it shuts its kernels down
            server.wait(30)


def _wait_for(address, server, log, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")


def end_kernels(address, token):
    """End all kernels of a server: who opens their notebooks again would get their widgets, too."""
    with urllib.request.urlopen(f"{address}/api/sessions?token={token}", timeout=20) as answer:
        sessions = json.load(answer)
    for session in sessions:
        place = f"{address}/api/sessions/{session['id']}?token={token}"
        urllib.request.urlopen(urllib.request.Request(place, method="DELETE"), timeout=60).close()


@functools.cache
def chromium():
    """Start the installed Chromium; it ends with this process."""
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
    atexit.register(browser.close)
    return browser


@functools.cache
def shared():
    """Pages that keep what they loaded of JupyterLab for one another."""
    return chromium().new_context(viewport={"width": 1280, "height": 1000})


@contextlib.contextmanager
def chromium_page():
    """Open an empty page of the installed Chromium."""
    page = shared().new_page()
    try:
        yield page
    finally:
        page.close()


NO_ROOM = "e => e.disabled || e.min === e.max"


PAGES = {"lab": "lab/tree", "notebook": "notebooks"}


class Notebook:
    """One notebook in JupyterLab, or in Notebook 7, with all that went wrong in it."""

    def __init__(self, page, address, token, path, host="lab"):
        self.page, self.problems = page, []
        page.on("console", self._console)
        page.on("pageerror", self._page_error)
        page.on("request", lambda request: self._request(request.url, address))
        place = f"{address}/{PAGES[host]}/{path}?token={token}&reset"
        page.goto(place, wait_until="domcontentloaded")
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
        page.evaluate(SCRIPT)
        self.wait("book.idle()")
        page.evaluate("book.listen()")

    def _console(self, message):
        # JupyterLab warns of its own shared modules at each start; Notebook 7 looks for its own
        # fonts in the wrong place
        if message.type == "error" and not message.location["url"].endswith(".woff2"):
            self.problems.append(f"console: {message.text[:300]}")

    def _page_error(self, error):
        # Notebook 7 looks for its shortcuts at each start before they are there
        if "notebook_core" not in (error.stack or ""):
            self.problems.append(f"page error: {error}")

    def _request(self, url, address):
        if not url.startswith((address, "data:", "blob:")):
            self.problems.append(f"request that leaves the machine: {url[:200]}")

    def wait(self, condition, seconds=120):
        """Wait until a JavaScript condition holds."""
        self.page.wait_for_function(condition, timeout=seconds * 1000, polling=50)

    def settle(self):
        """Wait until all that was done is answered and painted."""
        self.page.evaluate("book.settled()")

    def more(self):
        """Open what stands behind "More settings"."""
        self.page.evaluate("book.more()")
        self.settle()

    def run_all(self):
        """Run all cells; note errors and cells that did not run."""
        self._run("jupyterapp.commands.execute('notebook:run-all-cells')")

    def run(self, cells):
        """Run these cells one after the other; note errors."""
        self._run(f"book.run_each({cells})")

    def _run(self, what):
        self.page.evaluate(f"window.ran = false; {what}.then(() => {{ window.ran = true; }})")
        self.wait("window.ran && book.idle()", seconds=300)
        self.settle()
        for cell in self.page.evaluate("book.outputs()"):
            self.problems += [f"cell error: {error}" for error in cell["errors"]]
            if cell["source"].strip() and cell["count"] is None:
                self.problems.append(f"cell did not run: {cell['source'][:80]}")

    def operate(self, control):
        """Operate one control; return whether the picture changed, and in how many ms."""
        element = self.page.locator(f'[data-book="{control["n"]}"]')
        if element.is_disabled():  # a prediction takes one guess
            return True, None
        element.scroll_into_view_if_needed()
        if control["kind"] == "slider":  # from its start, so that a step to the right is one
            if element.evaluate(NO_ROOM):  # other controls left it a single value
                return True, None
            element.press("Home")
            self.settle()  # a late answer to it would take the next step back
        before = self.page.evaluate("i => book.shown(i)", control["cell"])
        self.page.evaluate("i => book.watch(i, 'keydown', 'click')", control["cell"])
        act = {
            "slider": lambda: element.press("ArrowRight"),
            "number": lambda: element.press("ArrowUp"),
            "text": lambda: (element.press("End"), element.press("Enter")),
            "select": lambda: self._select(element),
            "file": lambda: None,  # opens the desktop's own dialog
        }.get(control["kind"], element.click)
        act()
        # a busy machine may need more than a moment; a button may rightly change nothing
        for turn in range(30 if control["kind"] in MUST_CHANGE else 1):
            if control["kind"] == "select" and turn in (10, 20):
                act()  # two choices may mean the same just now: one odd zero, split or all after
            self.settle()
            after = self.page.evaluate("i => book.shown(i)", control["cell"])
            if after != before:
                break
            self.page.wait_for_timeout(100)
        latency = self.page.evaluate("book.latency()")
        if control["kind"] == "number" and "No such setting" in after:
            element.press("ArrowDown")  # the message would hide what the next control changes
            self.settle()
        return before != after, latency

    @staticmethod
    def _select(element):
        count = element.locator("option").count()
        element.select_option(index=(element.evaluate("e => e.selectedIndex") + 1) % count)
