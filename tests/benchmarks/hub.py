"""Run chapters for several users at once on a real JupyterHub: seconds, memory, what was written.

    python3 -m venv hub && hub/bin/pip install . jupyterhub && npm install configurable-http-proxy
    PATH=$PWD/node_modules/.bin:$PATH hub/bin/python tests/benchmarks/hub.py FOLDER

Starts the recipe of the page "For a class" as a trial (no accounts) in the new FOLDER, where users,
notebooks and logs will lie, and prints one row for each chapter. Run it as a user who is not root,
for whom read-only means something. All users open the same chapter at once and run its cells from
top to bottom through the hub, as a browser would; memory is PSS: a page that n processes share
counts as 1/n in each. Nothing is asserted: times belong to a machine and an hour.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

import cnnbook

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "cnnbook" / "page" / "pages" / "jupyterhub_config.py"
LONG = 3600  # seconds: eight trainings on two cores take their time
WHO = "import os; print(os.getpid(), os.getppid())"
# what a student measures or keeps goes to a folder of the student's, which a variable moves
KEEPS = """
import os
from cnnbook.files import own_folder
from cnnbook.models import LeNet, save_weights
print(save_weights(LeNet(), "mine"), end=" ")
os.environ["XDG_DATA_HOME"] = os.path.expanduser("~/elsewhere")
print(own_folder())
"""


class Hub:
    """A JupyterHub of our own in a folder: its process, its address, its API."""

    def __init__(self, folder, course):
        self.folder, self.token = folder, secrets.token_hex(16)
        ports = free_ports(3)
        self.address = f"http://127.0.0.1:{ports[0]}"
        config = folder / "hub_config.py"
        scopes = ["admin:users", "admin:servers", "access:servers"]
        config.write_text(
            f"load_subconfig({str(RECIPE)!r})\n"
            f"c.JupyterHub.bind_url = {self.address!r}\n"
            f"c.JupyterHub.hub_port = {ports[1]}\n"
            f"c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{ports[2]}'\n"
            f"c.JupyterHub.services = [{{'name': 'measure', 'api_token': {self.token!r}}}]\n"
            "c.JupyterHub.load_roles = [\n"
            f"    {{'name': 'measure', 'services': ['measure'], 'scopes': {scopes}}}]\n"
        )
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CNNBOOK", "PYTHON"))}
        env |= {"CNNBOOK_COURSE": str(course), "CNNBOOK_TRIAL": str(folder / "home")}
        command = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
        with open(folder / "hub.log", "w") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)

    async def ask(self, place, method="GET", body=None):
        """Ask the hub, or through it the server of a user; returns what the JSON says."""
        request = HTTPRequest(
            self.address + place,
            method=method,
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"token {self.token}"},
            allow_nonstandard_methods=True,
            request_timeout=LONG,
        )
        answer = await AsyncHTTPClient().fetch(request)
        return json.loads(answer.body) if answer.body else None

    async def wait(self):
        """Wait until the hub answers."""
        for _ in range(1200):
            try:
                return await self.ask("/hub/api/")
            except (OSError, HTTPClientError):  # nobody is there, or the proxy alone
                if self.process.poll() is not None:
                    break
                await asyncio.sleep(0.25)
        raise RuntimeError(f"the hub did not answer: see {self.folder / 'hub.log'}")

    def stop(self):
        """End the hub, which ends its servers and its proxy; if it stops early, end those, too."""
        if self.process.poll() is not None:
            return
        started = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        self.process.wait(300)
        for process in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()


class User:
    """A student with a browser: starts a server, opens a notebook, runs its cells, saves it."""

    def __init__(self, hub, name):
        self.hub, self.name = hub, name

    async def start(self):
        """Start the server; return the seconds until it is ready."""
        started = time.perf_counter()
        place = f"/hub/api/users/{self.name}"
        await self.hub.ask(f"{place}/server", "POST", {})
        while not (await self.hub.ask(place))["servers"].get("", {}).get("ready"):
            await asyncio.sleep(0.25)
        return time.perf_counter() - started

    async def open(self, path):
        """Open a notebook with its kernel, and learn which processes work for it."""
        self.place = f"/user/{self.name}/api/contents/{path}"
        notebook = (await self.hub.ask(self.place))["content"]
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        session = await self.hub.ask(f"/user/{self.name}/api/sessions", "POST", body)
        channels = f"/user/{self.name}/api/kernels/{session['kernel']['id']}/channels"
        address = self.hub.address.replace("http", "ws", 1) + channels
        headers = {"Authorization": f"token {self.hub.token}"}
        request = HTTPRequest(address, headers=headers)
        self.socket = await websocket_connect(request, max_message_size=2**30)
        pids = (await self.run(WHO))[1].split()
        self.kernel, self.server = (psutil.Process(int(pid)) for pid in pids)
        return notebook

    async def run(self, code):
        """Run a cell; return whether it failed, and what it printed."""
        header = {"msg_id": secrets.token_hex(8), "msg_type": "execute_request", "version": "5.3"}
        header |= {"session": self.name, "username": self.name, "date": ""}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        await self.socket.write_message(json.dumps(message | {"channel": "shell", "buffers": []}))
        printed, failed, idle = "", None, False
        while failed is None or not idle:
            message = await self.socket.read_message()
            if message is None:
                raise RuntimeError(f"the kernel of {self.name} is gone, in the cell {code[:200]!r}")
            if isinstance(message, bytes):  # has pictures that a widget sends
                continue
            answer = json.loads(message)
            if answer["parent_header"].get("msg_id") != header["msg_id"]:
                continue
            content = answer["content"]
            if answer["msg_type"] == "execute_reply":
                failed = content["status"] != "ok"
            elif answer["msg_type"] == "stream":
                printed += content["text"]
            elif answer["msg_type"] == "status":
                idle = content["execution_state"] == "idle"
        if failed or "rate exceeded" in printed:
            print(f"{self.name}: {code[:80]!r} failed: {printed[-200:]}", file=sys.stderr)
        return failed, printed

    async def read(self, path):
        """Run all cells of a chapter and save it; return what was measured."""
        started = time.perf_counter()
        notebook = await self.open(path)
        times, failing = [], 0
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                failing += (await self.run("".join(cell["source"])))[0]
                times.append(time.perf_counter() - started)
        notebook["cells"][0]["source"] += "\n\nI was here."
        await self.hub.ask(self.place, "PUT", {"type": "notebook", "content": notebook})
        saved = (await self.hub.ask(self.place))["content"]["cells"][0]["source"]
        spent = self.kernel.cpu_times()
        return {
            "first cell s": times[0],
            "chapter s": times[-1],
            "processor s": sum(spent[:4]),  # with the processes that the kernel started
            "cells": len(times),
            "failing": failing,
            "saved": saved.endswith("I was here."),
        }

    async def stop(self):
        """Close the notebook, end the server."""
        self.socket.close()
        place = f"/hub/api/users/{self.name}"
        await self.hub.ask(f"{place}/server", "DELETE")
        while (await self.hub.ask(place))["servers"]:
            await asyncio.sleep(0.25)


def free_ports(n):
    """Find n ports that nobody uses."""
    probes = [socket.socket() for _ in range(n)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def pss(process, whole=False):
    """Megabytes of a process, or of all that it started, too."""
    total = 0
    for one in [process, *(process.children(recursive=True) if whole else ())]:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:  # it has ended
            pass
    return total / 1e6


async def watch(hub, sums):
    """Add the memory of the hub and all that it started to a list, every few seconds."""
    while True:
        sums.append(await asyncio.to_thread(pss, psutil.Process(hub.process.pid), True))
        await asyncio.sleep(3)


def content(folder):
    """List what lies in a folder: names, permissions, times and digests."""
    return {
        str(path.relative_to(folder)): (
            *(path.stat().st_mode, path.stat().st_mtime_ns),
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in [folder, *folder.rglob("*")]
    }


def lay_out(folder):
    """Make a course folder that cannot be written, and homes."""
    course = folder / "course"
    shutil.copytree(ROOT / "notebooks", course, ignore=shutil.ignore_patterns(".*", "*.py"))
    (folder / "home").mkdir()
    for path in [*course.rglob("*"), course]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        (course / "probe").write_text("")
    except OSError:
        return course
    sys.exit(f"{course} can be written: read-only means nothing to root, run this as somebody else")


def span(values):
    """Write the least and the largest of some numbers."""
    least, largest = f"{min(values):.0f}", f"{max(values):.0f}"
    return least if least == largest else f"{least} to {largest}"


async def chapter(users, name):
    """Run one chapter for all users at once; print its row."""
    sums = []
    hub = users[0].hub
    watching = asyncio.create_task(watch(hub, sums))
    ready = await asyncio.gather(*(user.start() for user in users))
    rows = await asyncio.gather(*(user.read(f"notebooks/{name}.ipynb") for user in users))
    servers = [pss(user.server) for user in users]
    kernels = [pss(user.kernel, True) for user in users]
    watching.cancel()
    column = {key: [row[key] for row in rows] for key in rows[0]}
    now = pss(psutil.Process(hub.process.pid), True)
    print(
        f"| {name} | {span(ready)} | {span(column['first cell s'])} | {span(column['chapter s'])}"
        f" | {statistics.median(column['processor s']):.0f}"
        f" | {sum(column['failing'])} of {sum(column['cells'])}"
        f" | {sum(column['saved'])} of {len(users)} | {statistics.median(servers):.0f}"
        f" | {statistics.median(kernels):.0f} | {now / 1e3:.1f} | {max(*sums, now) / 1e3:.1f} |",
        flush=True,
    )


HEAD = (
    "| chapter | server ready, s | first cell done, s | all cells done, s | processor s of a kernel"
    " | failing cells | saved | server, MB | kernel, MB | all, GB | all at its highest, GB |"
)


async def measure(hub, names, chapters):
    """Print the table, then what was kept where."""
    AsyncHTTPClient.configure(None, max_clients=2 * len(names))
    await hub.wait()
    users = [User(hub, name) for name in names]
    for user in users:
        await hub.ask(f"/hub/api/users/{user.name}", "POST", {})
    idle = psutil.Process(hub.process.pid)
    proxy = sum(pss(process, True) for process in idle.children())
    print(f"before anybody comes: hub {pss(idle):.0f} MB, its proxy {proxy:.0f} MB\n\n{HEAD}")
    print("|---" * HEAD.count(" | ") + "|---|", flush=True)
    for name in chapters:
        await chapter(users, name)
        if name == chapters[-1]:
            kept = await asyncio.gather(*(user.run(KEEPS) for user in users))
        await asyncio.gather(*(user.stop() for user in users))
    print("\nkept by a student; the same with XDG_DATA_HOME set:")
    for _, printed in kept:
        print(" ", printed.strip().replace(str(hub.folder), "FOLDER"))


def main():
    """Read the command line, measure, and compare what was there before with what is there now."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a new folder for users, notebooks and logs")
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--chapters", nargs="+", default=["03", "09", "13"], help="their numbers")
    chosen = parser.parse_args()
    folder = chosen.folder.resolve()
    folder.mkdir(parents=True)
    course = lay_out(folder)
    known = {path.stem[:2]: path.stem for path in course.glob("*.ipynb")}
    if unknown := [number for number in chosen.chapters if number not in known]:
        parser.error(f"there are no chapters {unknown}, but {sorted(known)}")
    package = Path(cnnbook.__file__).parent
    if package == ROOT / "cnnbook":
        sys.exit(f"cnnbook is imported from {package}: install it (pip install .), as the recipe")
    before = content(course), content(package)
    hub = Hub(folder, course)
    names = [f"student{k}" for k in range(chosen.users)]
    try:
        asyncio.run(measure(hub, names, [known[number] for number in chosen.chapters]))
    finally:
        hub.stop()
    for what, place, old in zip(
        ("course folder", "installed package"), (course, package), before, strict=True
    ):
        new = content(place)
        changed = [name for name in new.keys() | old.keys() if new.get(name) != old.get(name)]
        print(f"changed in the {what} ({len(old)} entries): {sorted(changed) or 'nothing'}")
    homes = [{path.name for path in (folder / "home" / name).iterdir()} for name in names]
    print(f"in each home: {sorted(set.intersection(*homes))}")
    print(
        f"in some homes: {sorted(set.union(*homes) - set.intersection(*homes)) or 'nothing else'}"
    )


if __name__ == "__main__":
    main()
