"""JupyterHub for a class: local processes, one copy of the notebooks for each student.

    jupyterhub -f jupyterhub_config.py

The page for_a_class.md says how to install it, what to change, and what it costs.
"""

import asyncio
import os
import pwd
import subprocess
import sys
from pathlib import Path

c = get_config()  # noqa: F821  # JupyterHub gives it

# the folder of the course, which no student may write: its notebooks are handed out
COURSE = os.environ.get("CNNBOOK_COURSE", "/srv/cnnbook/notebooks")
# threads of one kernel: the cores of the machine over the students who compute at once, but not 0
THREADS = "1"
# a folder for homes: then there are no accounts and no passwords, for a trial on your own machine
TRIAL = os.environ.get("CNNBOOK_TRIAL")

c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # a web server in front of it brings https
c.Authenticator.allow_all = True  # who has an account on this machine, by PAM

c.Spawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
c.Spawner.environment = {
    "OMP_NUM_THREADS": THREADS,
    # the environment of the hub comes first, in a student's terminal too
    "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
}
c.Spawner.start_timeout = 180  # seconds; thirty may start at once
c.Spawner.http_timeout = 180
# after two hours without a cell the kernel ends, and half an hour later the server
c.Spawner.args = [
    "--MappingKernelManager.cull_idle_timeout=7200",
    "--MappingKernelManager.cull_connected=True",
    "--ServerApp.shutdown_no_activity_timeout=1800",
]

# what a student has is never written over; the copies are writable though the course is not
HAND_OUT = """
import shutil, sys
from pathlib import Path

course, home = map(Path, sys.argv[1:])
for source in sorted(course.rglob("*.ipynb")):
    target = home / source.relative_to(course)
    if ".ipynb_checkpoints" not in source.parts and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(".part")  # what was begun and not ended is no notebook
        shutil.copyfile(source, part)
        part.replace(target)
"""


async def hand_out(spawner):
    """Copy each notebook that the student does not have, with the rights of the student."""
    name = spawner.user.name
    if TRIAL:
        home, rights = Path(TRIAL, name), {}
        home.mkdir(parents=True, exist_ok=True)
    else:
        account = pwd.getpwnam(name)
        home, group = account.pw_dir, account.pw_gid
        groups = os.getgrouplist(name, group)
        rights = {"user": account.pw_uid, "group": group, "extra_groups": groups}
    command = [sys.executable, "-I", "-c", HAND_OUT, COURSE, "notebooks"]
    rights |= {"env": {}}  # the hub's own holds its secrets
    await asyncio.to_thread(subprocess.run, command, cwd=home, check=True, **rights)


c.Spawner.pre_spawn_hook = hand_out

if TRIAL:
    c.JupyterHub.spawner_class = "simple"
    c.JupyterHub.authenticator_class = "dummy"
    c.SimpleLocalProcessSpawner.home_dir_template = TRIAL + "/{username}"
