"""What a face is described by, and how likely each description is."""

from dataclasses import dataclass

import numpy as np
import torch

from cnnbook.checks import whole

MOST = 10_000_000  # faces drawn at once: half a terabyte

# the types of Fitzpatrick (1988), doi:10.1001/archderm.1988.01670060015008
SKINS = ("I", "II", "III", "IV", "V", "VI")
SHADES = ("light", "medium", "dark")  # two types each: I and II, III and IV, V and VI
POSES = ("frontal", "half", "profile")
POSE_LIMITS = (0, 15, 45, 75)  # degrees of |yaw|: frontal from 0 to 15, and so on
HAIRS = ("bald", "short", "parted", "curly", "long", "bun", "fringe")
HAIR_COLOURS = ("black", "dark brown", "brown", "blond", "red", "grey")
EYE_COLOURS = ("dark brown", "brown", "green", "blue")
BEARDS = ("none", "stubble", "moustache", "full")
BACKGROUNDS = ("plain", "gradient", "blurred")


@dataclass(frozen=True)
class Attribute:
    """One property of a face: its range, what it is where none is given, how it is drawn.

    An attribute with `names` is an index into them, drawn with `weights` (equal ones, if there
    are none); any other is a number, drawn uniformly from its range.
    """

    least: float
    most: float
    default: float
    meaning: str
    names: tuple = ()
    weights: tuple = ()

    @property
    def dtype(self):
        """Integers for indices, else float32."""
        return np.int64 if self.names else np.float32

    def quantile(self, uniform):
        """Turn numbers from 0 to 1 into values that are as likely as they are drawn."""
        if not self.names:
            return (self.least + uniform * (self.most - self.least)).astype(np.float32)
        weights = self.weights or [1 / len(self.names)] * len(self.names)
        return np.searchsorted(np.cumsum(weights)[:-1], uniform, side="right")


def _choice(meaning, names, default=0, weights=()):
    return Attribute(0, len(names) - 1, default, meaning, names, weights)


ATTRIBUTES = {
    "skin": _choice("Fitzpatrick type, 0 the lightest", SKINS, 2),
    "tone": Attribute(-1, 1, 0, "lighter (1) or darker (-1) within the type"),
    "yaw": Attribute(-75, 75, 0, "degrees that the head is turned, positive to the image's right"),
    "pitch": Attribute(-15, 15, 0, "degrees that the head is lifted, negative: it looks down"),
    "roll": Attribute(-8, 8, 0, "degrees that the head is tilted, positive clockwise"),
    "width": Attribute(0.9, 1.1, 1, "width of the head against the usual one"),
    "jaw": Attribute(-1, 1, 0, "from a pointed chin to a square one"),
    "nose": Attribute(-1, 1, 0, "from a narrow nose to a broad one"),
    "size": Attribute(0.88, 1.08, 1, "size of the head against the usual one"),
    "row": Attribute(-2.5, 2.5, 0, "pixels that the head is moved down"),
    "column": Attribute(-4, 4, 0, "pixels that the head is moved right"),
    "hair": _choice("style of the hair", HAIRS, 1, (0.1, 0.2, 0.15, 0.15, 0.15, 0.1, 0.15)),
    "hair_colour": _choice("colour of hair, brows and beard", HAIR_COLOURS, 1),
    "beard": _choice("beard", BEARDS, 0, (0.7, 0.1, 0.08, 0.12)),
    "brows": Attribute(-1, 1, 0, "from worried (inner ends up) to stern (inner ends down)"),
    "eyes": Attribute(0.5, 1, 0.85, "how wide the eyes are open"),
    "gaze": Attribute(-1, 1, 0, "where the eyes look, positive to the image's right"),
    "eye_colour": _choice("colour of the iris", EYE_COLOURS, 1),
    "mouth": Attribute(-0.6, 1, 0.3, "from corners down to a smile"),
    "opening": Attribute(0, 1, 0, "how far the mouth is open"),
    "age": Attribute(0, 1, 0.2, "wrinkles, from none to clear ones"),
    "freckles": _choice("freckles", ("no", "yes"), 0, (0.85, 0.15)),
    "glasses": _choice("glasses", ("no", "yes"), 0, (0.75, 0.25)),
    "light": Attribute(-70, 70, -30, "degrees of the lamp, positive from the image's right"),
    "clothes": Attribute(0, 1, 0.6, "hue of the clothes"),
    "background": _choice("kind of background", BACKGROUNDS, 1),
    "backdrop": Attribute(0, 1, 0.55, "hue of the background"),
    "brightness": Attribute(0, 1, 0.6, "brightness of the background"),
}
"""Every attribute of a face with its range; all are drawn on their own, but for two colours."""

# colours follow the skin, loosely: P(colour | type of skin), one row a pair of types
COLOUR_GIVEN_SKIN = {
    "hair_colour": [
        [0.10, 0.20, 0.25, 0.25, 0.10, 0.10],
        [0.35, 0.30, 0.16, 0.07, 0.03, 0.09],
        [0.62, 0.22, 0.05, 0.02, 0.01, 0.08],
    ],
    "eye_colour": [[0.2, 0.3, 0.2, 0.3], [0.5, 0.35, 0.1, 0.05], [0.85, 0.12, 0.02, 0.01]],
}

# what a `Joint` may be over: the attributes that are indices, and the pose
CELLS = {"pose": POSES} | {name: a.names for name, a in ATTRIBUTES.items() if a.names}


@dataclass(frozen=True, eq=False)
class Joint:
    """Probabilities over the combinations of some attributes; all others keep their own.

    `names` are of `CELLS`; the table has an axis for each, and its numbers add up to 1.
    ``Joint(("glasses",), [0.5, 0.5])``: half of the faces with glasses, whatever else they are.
    """

    names: tuple
    table: np.ndarray

    def __post_init__(self):
        for name in set(self.names) - set(CELLS):
            raise ValueError(f"names holds {name!r}, must be of {', '.join(CELLS)}")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"names is {self.names}: {len(set(self.names))} of them differ")
        table = np.array(self.table, dtype=float)
        expected = tuple(len(CELLS[name]) for name in self.names)
        if table.shape != expected:
            raise ValueError(f"table has shape {table.shape}, {self.names} need {expected}")
        if not table.min() >= 0:
            raise ValueError(f"table holds {table.min():g}, must be at least 0")
        if abs(table.sum() - 1) > 1e-6:
            raise ValueError(f"table adds up to {table.sum():g}, must be 1")
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "table", table)

    def draw(self, uniform):
        """Turn numbers from 0 to 1 into an array of indices for each name."""
        edges = self.table.cumsum()
        cell = np.searchsorted(edges / edges[-1], uniform, side="right")
        return dict(zip(self.names, np.unravel_index(cell, self.table.shape), strict=True))


POSE_ALONE = Joint(("pose",), [0.25, 0.25, 0.5])
# as many faces in each of the six groups of `face_groups`
BALANCED = Joint(("skin", "pose"), np.outer(np.full(6, 1 / 6), [0.25, 0.25, 0.5]))
FEW_PROFILES = Joint(("pose",), [0.5, 0.35, 0.15])  # of heads that are not aligned
RARE_GROUPS = {"dark": 0.05, "profile": 0.1}  # shares of what chapter 14 learns little of


def biased(dark=0.02, profile=0.05):
    """Make the joint distribution of a collection with few dark faces and few profiles.

    `dark` is the share of skin types V and VI, `profile` that of faces in profile, independent of
    each other; the other types of skin share the rest equally, and so do the other poses.
    """
    for name, value in (("dark", dark), ("profile", profile)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}, must be from 0 to 1")
    skin = [(1 - dark) / 4] * 4 + [dark / 2] * 2
    pose = [(1 - profile) / 2] * 2 + [profile]
    return Joint(("skin", "pose"), np.outer(skin, pose))


def sample_attributes(count, *, joint=None, seed=0):
    """Draw descriptions of faces: an array (count,) for each of `ATTRIBUTES`.

    They are independent but for what `joint` (`BALANCED` if none is given) says and for the colours
    of hair and eyes, which follow the skin loosely. Each has its own stream of random numbers, so
    that face i is the same however many are drawn.
    """
    count, seed = whole("count", count), whole("seed", seed, 0)
    if count > MOST:
        raise ValueError(f"count is {count}, at most {MOST} are drawn at once")
    streams = np.random.SeedSequence([seed, 1]).spawn(len(ATTRIBUTES) + 2)
    *each, alone, together = (np.random.default_rng(stream).random(count) for stream in streams)
    uniform = dict(zip(ATTRIBUTES, each, strict=True))
    values = {name: ATTRIBUTES[name].quantile(u) for name, u in uniform.items()}
    drawn = POSE_ALONE.draw(alone) | (BALANCED if joint is None else joint).draw(together)
    pose = drawn.pop("pose")
    least, most = (np.take(POSE_LIMITS, pose + place) for place in (0, 1))
    turn = 2 * uniform["yaw"] - 1
    values["yaw"] = (np.sign(turn) * (least + abs(turn) * (most - least))).astype(np.float32)
    values |= drawn
    for name, given in COLOUR_GIVEN_SKIN.items():
        if name not in drawn:
            edges = np.cumsum(given, axis=1)[values["skin"] // 2, :-1]
            values[name] = (uniform[name][:, None] >= edges).sum(1)
    return values


def face_groups(data):
    """Sort faces into the six groups that a fair classifier treats alike: `SHADES` by pose.

    A profile is turned by at least 45 degrees. Returns for each image the index of its group, a
    tensor (N,), -1 for what is not a face; and the names of the groups.
    """
    for name in sorted({"skin", "yaw"} - set(data.attributes)):
        raise ValueError(f"data has no attribute {name!r}, groups need skin and yaw")
    profile = (data.attributes["yaw"].abs() >= POSE_LIMITS[2]).long()
    groups = 2 * (data.attributes["skin"] // 2) + profile
    names = [f"{skin} {pose}" for skin in SHADES for pose in ("frontal", "profile")]
    return torch.where(data.labels == 1, groups, -1), tuple(names)
