"""A study that takes no time, for the tests of what is kept of one."""

import time

from torch import nn

from cnnbook.experiments import Outcome, Study, Variant


def toy(log, pause=0.0, seeds=3, value=0.0, **changes):
    """Make a study that says in a file what it computes; its weights hold what was measured."""

    def variant(name):
        def run(data, seed):
            with open(log, "a") as file:
                file.write(f"{name} {seed}\n")
            time.sleep(pause)
            model = nn.Linear(1, 1)
            nn.init.constant_(model.weight, value + seed)
            return Outcome({"x": value + seed}, model)

        return Variant(run, {})

    settings = {"name": "toy", "question": "?", "load": lambda data: None, "settings": {}}
    settings |= {"variants": {name: variant(name) for name in "ab"}, "seeds": seeds}
    return Study(**settings | {"kept": ("a",)} | changes)
