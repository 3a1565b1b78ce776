"""Where resampling by one's own latents makes a face detector fairer, and where it does not.

The plan (chapter 14), fixed before the first test seed. Two worlds: in A a face fills the picture
and all stand before the same wall, much as in the paper's photographs; in B heads leave half of it
free, before walls of all kinds. The networks of both have as many features. The arms:

- standard, each image once an epoch; and with replacement, as all others are drawn
- by group: told the groups, the best that drawing can do
- DB-VAE with α = 0.01 and λ = 0.001, and with α = ∞, which is its VAE without its drawing
- two stages: a small VAE of the faces fixes their probabilities, the standard CNN learns
- permuted: the same probabilities, dealt out to the faces at random, so that they mean nothing
- true attributes: the same rule on what the faces were drawn from, in place of latents

The primary figure is the variance of the groups' recalls, DB-VAE minus standard, paired by seed,
with the 95 % t-interval over ten seeds: at logit 0, and at the threshold that takes 12 % of the
non-faces of a validation set for faces. α and λ were named first; `debiasing_settings` looks at
their neighbours on other seeds, in world A, and sees no group. Run n has the seed 4100 + n, and
no trial has used the seeds of what it is judged by.
"""

import functools
import math
from dataclasses import asdict, replace
from typing import NamedTuple

import torch

from cnnbook.datasets import (
    ATTRIBUTES,
    HARD,
    RARE_GROUPS,
    biased,
    concatenate,
    face_groups,
    faces,
    non_faces,
)
from cnnbook.experiments.study import Outcome, Study, Variant, complete
from cnnbook.models import ConvVAE, DebiasingVAE, FaceClassifier, vae_loss
from cnnbook.models.debiasing_vae import count_faces_right, debiasing_loss, face_loss
from cnnbook.training import (
    Augment,
    adaptive,
    auc,
    effective_sample_size,
    expected_distinct,
    explained,
    fit,
    group_report,
    latent_means,
    matched_threshold,
    resampling_probabilities,
)

# so rare and so hard that the standard network is unfair, and common enough that drawing the groups
# equally often helps: chosen by trials on other images, which are not kept
DIFFICULTY, SHARES = HARD, RARE_GROUPS
TRAINING, GROUP = 3000, 300  # faces to learn from; faces of each group to judge by
RECIPE = {"epochs": 8, "lr": 3e-3, "batch_size": 64}
# without changes a face that is drawn often is learned by heart, and its group gains nothing
CHANGES = Augment(flip=True, shift=4, scale=0.1, rotation=8)


class World(NamedTuple):
    """How the pictures look, and how wide networks are that suit them."""

    crop: int  # of the 64 rows and columns that are drawn
    size: int  # that they are scaled to
    wall: str
    width: int  # channels of the first layer
    decoder_width: int  # channels of the decoder's largest maps, and of the small VAE's
    shift: int  # pixels that augmentation moves a picture by, at most

    def look(self, seed):
        """Return what `faces` and `non_faces` are told."""
        cut = {"crop": self.crop, "size": self.size, "wall": self.wall}
        return cut | {"difficulty": DIFFICULTY, "seed": seed}

    @property
    def shape(self):
        """The shape of an image."""
        return 3, self.size, self.size

    @property
    def augment(self):
        """The changes of a picture of 64 rows, by as much of this one."""
        return replace(CHANGES, shift=self.shift)


WORLDS = {
    "A": World(crop=40, size=32, wall="same", width=24, decoder_width=16, shift=2),
    "B": World(crop=64, size=64, wall="any", width=12, decoder_width=8, shift=4),
}
FALSE_POSITIVES = 0.12
# with 6 latents rare faces are drawn more often than with 20: chosen with a look at the groups
ALPHA, LATENTS, BINS = 0.01, 6, 10
LOSS = {"kl_weight": 1.0, "vae_weight": 1e-3, "likelihood": "l1"}
SMALL_VAE = {"epochs": 16, "lr": 4e-3, "batch_size": 64}
FIRST_SEED, TEST_SEED, VALIDATION_SEED = 4100, 41_001, 41_002


@functools.lru_cache(maxsize=1)  # the runs of one seed follow each other and share their images
def training_images(world, seed):
    """Render what a run learns from: few dark faces, few profiles, then as many non-faces."""
    look = WORLDS[world].look(seed)
    few = faces(TRAINING, joint=biased(**SHARES), **look)
    return concatenate(few, non_faces(TRAINING, **look))


def balanced_images(world, seed):
    """Render what networks are judged by: `GROUP` faces of each group, and as many non-faces."""
    look = WORLDS[world].look(seed)
    many = faces(10 * GROUP, **look)
    groups, names = face_groups(many)
    chosen = torch.cat([(groups == g).nonzero()[:GROUP, 0] for g in range(len(names))])
    return concatenate(many[chosen], non_faces(len(chosen), **look))


def validation_non_faces(world):
    """Render the images that choose the threshold."""
    return non_faces(6 * GROUP, **WORLDS[world].look(VALIDATION_SEED))


# ---------------------------------------------------------------- what is measured


def scores(model, data):
    """Return the logits (N,) of all images."""
    return torch.cat([model.classify(part) for part in data.images.split(500)])


def judge(model, data, threshold):
    """Measure the recall of each group and its spread, at logit 0 and at a matched threshold."""
    (groups, names), logits, measured = face_groups(data), scores(model, data), {}
    for prefix, at in (("", 0.0), ("matched ", threshold)):
        report = group_report(logits, data.labels, groups, names, threshold=at, minimum=GROUP)
        found = {f"recall {group.name}": group.recall for group in report.groups}
        found |= {name: getattr(report, name) for name in ("variance", "gap", "accuracy", "recall")}
        found |= {"worst": min(group.recall for group in report.groups)}
        found |= {"precision": report.precision}
        found["false_positives"] = float((logits[data.labels == 0] > at).double().mean())
        measured |= {prefix + name: value for name, value in found.items()}
    return measured | {f"auc {row.name}": row.auc for row in report.groups} | {"auc": report.auc}


def drawn(probabilities, data):
    """Measure how often all faces and each group are drawn, and how many faces that truly is.

    "drawn" are shares of what is drawn of faces, "effective" the effective sample size within the
    group, "distinct" the number of its faces that an epoch is expected to show.
    """
    groups, names = face_groups(data)
    measured, parts = {}, {name: groups == g for g, name in enumerate(names)}
    for name, those in ({"faces": data.labels == 1} | parts).items():
        measured[f"drawn {name}"] = float(2 * probabilities[those].sum())
        measured[f"effective {name}"] = effective_sample_size(probabilities[those])
        measured[f"distinct {name}"] = expected_distinct(probabilities, len(data), those)
    return measured


def known(means, data):
    """Measure how much of the rare things the latents of the faces tell: R² of two yes or no."""
    skin, yaw = (data.attributes[name][data.labels == 1] for name in ("skin", "yaw"))
    rare = {"dark": skin >= 4, "profile": yaw.abs() >= 45}
    return {f"known {name}": explained(means, values) for name, values in rare.items()}


# ---------------------------------------------------------------- how the arms draw


def evenly(data, weights=None):
    """Draw half faces, by their weights or else evenly, and half non-faces: (N,), float64."""
    there = data.labels == 1
    each = torch.ones(int(there.sum()), dtype=torch.float64) if weights is None else weights
    probabilities = (~there).double() / (~there).sum() / 2
    probabilities[there] = each / each.sum() / 2
    return probabilities


def by_group(model, data):
    """Draw all groups equally often, by attributes that the method does not get to see.

    The probabilities (N,) are a `draw` of `cnnbook.training.fit`; half of their sum is for faces.
    """
    groups, names = face_groups(data)
    counts = torch.bincount(groups + 1, minlength=len(names) + 1).double()  # first: no face
    weights = torch.where(torch.arange(len(counts)) == 0, 0.5, 0.5 / (counts[1:] > 0).sum())
    return (weights / counts)[groups + 1]


@functools.lru_cache(maxsize=1)  # two arms of a seed share them
def small_vae_means(world, seed):
    """Train a small VAE on the faces alone; return the latent means of those faces."""
    data, place = training_images(world, seed), WORLDS[world]
    data = data[data.labels == 1]
    torch.manual_seed(seed)
    network = ConvVAE(LATENTS, place.shape, place.decoder_width)
    loss = functools.partial(vae_loss, likelihood="l1")
    options = {"loss": loss, "correct": None, "augment": place.augment, "seed": seed}
    complete(fit(network, data, **options, **SMALL_VAE))
    return latent_means(network, data.images)


def true_columns(data):
    """Turn what the faces were drawn from into columns of mean 0 and spread 1, as latents have."""
    there = data.labels == 1
    columns = torch.stack([data.attributes[name][there].double() for name in ATTRIBUTES], 1)
    columns = columns[:, columns.amax(0) > columns.amin(0)]  # a wall may be the same for all
    return (columns - columns.mean(0)) / columns.std(0)


def _by_small_vae(world, seed, data):
    means = small_vae_means(world, seed)
    return resampling_probabilities(means, alpha=ALPHA, bins=BINS), known(means, data)


def _permuted(world, seed, data):
    weights, _ = _by_small_vae(world, seed, data)
    return weights[torch.randperm(len(weights), generator=torch.Generator().manual_seed(seed))], {}


def _by_attributes(world, seed, data):
    return resampling_probabilities(true_columns(data), alpha=ALPHA, bins=BINS), {}


# ---------------------------------------------------------------- the study


def detector(world, seed, draw=None):
    """Train the standard CNN."""
    torch.manual_seed(seed)
    model = FaceClassifier(WORLDS[world].shape, WORLDS[world].width)
    return _fitted(model, world, seed, face_loss, draw)


def debiasing_vae(world, seed, alpha=ALPHA, vae_weight=LOSS["vae_weight"]):
    """Train a debiasing VAE."""
    place = WORLDS[world]
    torch.manual_seed(seed)
    model = DebiasingVAE(LATENTS, place.shape, place.width, place.decoder_width)
    loss = functools.partial(debiasing_loss, **LOSS | {"vae_weight": vae_weight})
    return _fitted(model, world, seed, loss, adaptive(alpha, bins=BINS))


def _fitted(model, world, seed, loss, draw):
    options = {"loss": loss, "correct": count_faces_right, "draw": draw}
    options |= {"augment": WORLDS[world].augment, "seed": seed}
    complete(fit(model, training_images(world, seed), **options, **RECIPE))
    return model


def _variant(world, train, settings=None, says=""):
    """Make an arm: `train` gives a network, its probabilities (None: all), and what else."""

    def run(sets, seed):
        seed += FIRST_SEED
        data, (validation, test) = training_images(world, seed), sets[world]
        model, probabilities, more = train(world, seed, data)
        at = matched_threshold(scores(model, validation), validation.labels, FALSE_POSITIVES)
        measured = judge(model, test, at) | more
        if probabilities is not None:
            measured |= drawn(probabilities, data)
        return Outcome(measured, model)

    settings, rows = {"world": world} | (settings or {}), ("matched gap", "accuracy")
    return Variant(run, settings, says and f"world {world}: {says}", rows if says else ())


def _standard(world, seed, data):
    return detector(world, seed), None, {}


def _by_group(world, seed, data):
    return detector(world, seed, by_group), by_group(None, data), {}


def _drawing(weigh):
    """Make an arm of the standard CNN whose probabilities are there before it learns."""

    def train(world, seed, data):
        weights, more = weigh(world, seed, data)
        p = evenly(data, weights)
        return detector(world, seed, lambda model, data: p), p, more

    return train


def _debiasing(alpha):
    def train(world, seed, data):
        model = debiasing_vae(world, seed, alpha)
        means = latent_means(model, data.images[data.labels == 1])
        return model, adaptive(alpha, bins=BINS)(model, data), known(means, data)

    return train


def _arms(world):
    alpha = {"alpha": ALPHA}
    arms = {
        "standard": (_standard, None, "standard CNN"),
        "with replacement": (_drawing(lambda *_: (None, {})),),
        "by group": (_by_group, None, "the same, told the groups"),
        "DB-VAE": (_debiasing(ALPHA), alpha, "debiasing VAE, α = {alpha}"),
        "DB-VAE inf": (_debiasing(math.inf), {"alpha": "inf"}),
        "two stages": (_drawing(_by_small_vae), alpha, "a VAE says what is rare, the CNN learns"),
        "permuted": (_drawing(_permuted), alpha),
        "true attributes": (_drawing(_by_attributes), alpha),
    }
    return {f"{world} {name}": _variant(world, *arm) for name, arm in arms.items()}


SHARED = RECIPE | {
    "difficulty": asdict(DIFFICULTY), "shares": SHARES, "training_faces": TRAINING,
    "augment": asdict(CHANGES), "optimizer": "AdamW, one cycle", "latents": LATENTS, "bins": BINS,
    "loss": LOSS, "worlds": {name: world._asdict() for name, world in WORLDS.items()},
}  # fmt: skip
DEBIASING_WORLDS = Study(
    name="debiasing_worlds",
    question="In which pictures does resampling by its own latents make a face detector fairer?",
    load=lambda root: {
        world: (validation_non_faces(world), balanced_images(world, TEST_SEED)) for world in WORLDS
    },
    variants=_arms("A") | _arms("B"),
    settings=SHARED
    | {
        "faces_a_group": GROUP, "false_positives": FALSE_POSITIVES,
        "small_vae": SMALL_VAE, "first_seed": FIRST_SEED, "test_seed": TEST_SEED,
        "validation_seed": VALIDATION_SEED,
        "primary": "variance and matched variance, DB-VAE minus standard, paired by seed",
    },
    kept=("A standard", "A DB-VAE"),
    seeds=10,
)  # fmt: skip


# ---------------------------------------------------------------- settings, on other seeds

TRIED = ((0.0, 1e-3), (0.01, 1e-3), (0.1, 1e-3), (0.01, 1e-2))
SETTINGS_SEED, SETTINGS_VALIDATION, LEAST_EFFECTIVE = 4000, 40_001, 0.25


def _setting(alpha, weight):
    def run(validation, seed):
        seed += SETTINGS_SEED
        data, model = training_images("A", seed), debiasing_vae("A", seed, alpha, weight)
        there = data.labels == 1
        p = adaptive(alpha, bins=BINS)(model, data)[there]
        order = auc(scores(model, validation), validation.labels)
        return Outcome({"auc": order, "effective_share": effective_sample_size(p) / len(p)})

    says = "world A, validation: debiasing VAE, α = {alpha}, λ = {vae_weight}"
    return Variant(run, {"alpha": alpha, "vae_weight": weight}, says, ("auc",))


DEBIASING_SETTINGS = Study(
    name="debiasing_settings",
    question="Which α and λ, judged without looking at any group?",
    # as biased as what is learned from: a balanced set would be told the groups
    load=lambda root: training_images("A", SETTINGS_VALIDATION),
    variants={f"α {a:g}, λ {weight:g}": _setting(a, weight) for a, weight in TRIED},
    settings=SHARED
    | {
        "rule": "greatest mean AUC of those with an effective sample of a quarter of the faces",
        "least_effective": LEAST_EFFECTIVE, "first_seed": SETTINGS_SEED,
        "validation_seed": SETTINGS_VALIDATION,
    },
    seeds=2,
)  # fmt: skip


def chosen_setting(result):
    """Apply the rule to what `debiasing_settings` measured: α and λ."""
    spread = {
        name: kept
        for name, kept in result["variants"].items()
        if kept["mean"]["effective_share"] >= LEAST_EFFECTIVE
    }
    best = max(spread.values(), key=lambda kept: kept["mean"]["auc"])["settings"]
    return best["alpha"], best["vae_weight"]
