"""Choose an architecture by clicking, and see what shared weights say of it."""

from collections import defaultdict
from functools import cache

from tqdm.auto import tqdm

from cnnbook.datasets import scattered_digits
from cnnbook.figures.shared_weights import SharedWeights
from cnnbook.files import load_result
from cnnbook.models import pretrained
from cnnbook.models.enas import Architecture
from cnnbook.training.searching import shared_accuracy
from cnnbook.widgets.explorer import choice, explore, factory, slider


@factory
def shared_weights_explorer(
    networks=None, *, chances=None, alone=None, validation=None, start=None
):
    """Open the networks that share weights: click an operation, a skip, or a dot of the cloud.

    Parameters
    ----------
    networks : dict of str to SharedNetwork, optional
        Shared weights and how they were trained; those of chapter 15 when not given.
    chances : dict of str to list of tensor, optional
        `SearchHistory.chances` of those that a controller learned with.
    alone : dict of str to float, optional
        Accuracies from scratch of architectures, such as "conv3 | max3 + 0"; those of the study
        of chapter 15 when not given.
    validation : Images, optional
        What accuracies are measured on; that of `scattered_digits` when not given.
    start : str, optional
        The architecture that is shown first; the best one of `alone` when not given.
    """
    measured, clouds = load_result("enas")["variants"], {}
    validation = scattered_digits()[1] if validation is None else validation
    if networks is None:
        networks = {"random search": pretrained("enas_random"), "ENAS": pretrained("enas_plain")}
        first = {"random search": measured["random"], "ENAS": measured["plain"]}
        clouds = {name: variant["runs"][0]["reference"] for name, variant in first.items()}
        chances = {"ENAS": first["ENAS"]["runs"][0]["chances"]}
    elif chances is not None:  # the first update and every tenth
        chances = {name: [*all_[:1], *all_[9::10]] for name, all_ in chances.items()}
    clouds = clouds if alone is None else {}
    alone = known_accuracies(measured) if alone is None else alone
    alone = {Architecture.parse(words): share for words, share in alone.items()}
    accuracies = {name: _asked(network, validation) for name, network in networks.items()}
    rest = [(name, a) for name in networks for a in [*alone][len(clouds.get(name, ())) :]]
    found = defaultdict(list, {name: list(shares) for name, shares in clouds.items()})
    for name, a in tqdm(rest, disable=len(rest) < 20):
        found[name].append(accuracies[name](*a))
    first = max(alone, key=alone.get) if start is None else Architecture.parse(start)
    state = SharedWeights(
        *first, accuracies=accuracies, weights=next(iter(networks)), chances=chances,
        alone={tuple(a): share for a, share in alone.items()}, clouds=found,
    )  # fmt: skip
    updates = 10 * max([2, *map(len, (chances or {}).values())]) - 10
    return explore(
        state,
        page={"weights": ..., "update": 9},
        weights=choice(list(networks), "weights of", width="230px"),
        update=slider(0, updates, "controller after update", step=10, width="360px"),
    )


def _asked(network, validation):
    """What finds the accuracy of an architecture, each once."""
    return cache(lambda *a: shared_accuracy(network, Architecture(*a), validation))


def known_accuracies(measured):
    """The architectures that the study trained from scratch, and their mean accuracies."""
    runs = measured["reference"]["runs"]
    known = {
        words: (one + two) / 2
        for run in runs
        for words, one, two in zip(run["architectures"], run["first"], run["second"], strict=True)
    }
    return known | {
        measured["size"]["runs"][0]["architecture"]: measured["size"]["mean"]["test_accuracy"]
    }
