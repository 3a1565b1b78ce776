"""Faces drawn by a program: their attributes, what is measured in the pictures, and non-faces."""

import hashlib

import numpy as np
import pytest
import torch

from cnnbook.datasets import (
    ATTRIBUTES,
    AttributedImages,
    Difficulty,
    Joint,
    biased,
    concatenate,
    face_groups,
    faces,
    non_faces,
    portraits,
    render_faces,
    sample_attributes,
)
from cnnbook.datasets.faces import rendering
from cnnbook.datasets.faces.attributes import BALANCED
from cnnbook.datasets.faces.non_faces import NON_FACES
from cnnbook.datasets.images import FACE_CLASSES

HARD = Difficulty(noise=0.1, occlusion=0.4, contrast=0.5, blur=1)
FACES_SEEN = [0.43388, 0.39827, 0.38523, 0.17459, 0.06287]  # red, green, blue, spread, contrast
NON_FACES_SEEN = [0.44828, 0.42617, 0.40505, 0.21214, 0.06052]
PLAIN = {"background": 0, "light": 0, "hair": 0, "gaze": 0}


def digest(images):
    return hashlib.sha256(images.numpy().tobytes()).hexdigest()


GONE = np.float32([[0], [0], [0], [0], [1]])


def without(part, attributes):
    """Draw faces that lack a part."""
    checked = rendering.check_attributes(attributes)
    parts = (rendering.PARTS | {part: GONE}).items()
    parts = {name: np.repeat(values, len(checked["skin"]), 1) for name, values in parts}
    return torch.from_numpy(rendering.render(checked, parts))


def changed(first, second):
    """Return for each picture which of its pixels differ to the eye: (N, 64, 64)."""
    return (first - second).abs().amax(1) > 0.02


@pytest.mark.parametrize("draw", [faces, non_faces])
def test_the_same_seed_gives_the_same_bytes_whatever_the_chunk(draw, monkeypatch):
    first = draw(30, difficulty=HARD, seed=3)
    monkeypatch.setattr(rendering, "CHUNK", 7)
    assert digest(draw(30, difficulty=HARD, seed=3).images) == digest(first.images)
    few = draw(11, difficulty=HARD, seed=3)
    assert digest(few.images) == digest(first[:11].images)
    for name, values in few.attributes.items():
        np.testing.assert_array_equal(values, first.attributes[name][:11])
    assert digest(draw(30, difficulty=HARD, seed=4).images) != digest(first.images)


@pytest.mark.parametrize(
    ("drawn", "numbers"),
    [
        (faces(70, joint=biased(0.3, 0.3), difficulty=HARD, seed=2), FACES_SEEN),
        (non_faces(70, difficulty=HARD, seed=2), NON_FACES_SEEN),
    ],
    ids=["faces", "non-faces"],
)
def test_the_pictures_are_those_that_the_weights_have_learned_from(drawn, numbers):
    """Whatever changes them makes the results and the weights those of other pictures."""
    x = drawn.images
    found = [*x.mean((0, 2, 3)), x.std(), x.diff(dim=3).abs().mean()]
    np.testing.assert_allclose(found, numbers, atol=2e-5)


def test_attributes_lie_in_their_ranges_fill_them_and_are_seen():
    drawn = sample_attributes(4000, seed=2)
    assert list(drawn) == list(ATTRIBUTES)
    base = {"age": 0.5, "freckles": 1, "opening": 0.5, "glasses": 0, "background": 1}
    for name, attribute in ATTRIBUTES.items():
        values, least, most = drawn[name], attribute.least, attribute.most
        assert least <= values.min() <= values.max() <= most, name
        assert values.dtype == attribute.dtype, name
        np.testing.assert_allclose([values.min(), values.max()], [least, most], rtol=0.02, atol=0.1)
        if attribute.names:
            assert len(np.unique(values)) == len(attribute.names), name
        other = 0.5 if name in ("clothes", "backdrop") else most  # of a hue both ends are red
        low, high = (render_faces(base | {name: value}) for value in (least, other))
        assert changed(low, high).sum() > 5, name


def pose(drawn):
    return np.digitize(abs(drawn["yaw"]), [15, 45])


def chi_square(counts, table):
    expected = table * counts.sum()
    return ((counts - expected)[table > 0] ** 2 / expected[table > 0]).sum()


@pytest.mark.parametrize("joint", [None, BALANCED, biased(0.1, 0.2), biased(0, 0.5)])
def test_skin_and_pose_are_as_likely_as_asked_for(joint):
    drawn = sample_attributes(20_000, joint=joint, seed=1)
    counts = np.zeros((6, 3))
    np.add.at(counts, (drawn["skin"], pose(drawn)), 1)
    table = (joint or BALANCED).table
    assert chi_square(counts, table) < 40  # 17 degrees of freedom: one in a thousand exceeds it
    assert counts[table == 0].sum() == 0


def test_a_table_over_other_attributes():
    joint = Joint(("glasses", "hair_colour"), [[0, 0, 0, 0.3, 0, 0], [0.7, 0, 0, 0, 0, 0]])
    drawn = sample_attributes(5000, joint=joint)
    assert set(drawn["hair_colour"]) == {0, 3}
    np.testing.assert_array_equal(drawn["glasses"] == 1, drawn["hair_colour"] == 0)
    np.testing.assert_allclose(drawn["glasses"].mean(), 0.7, atol=0.03)
    counts = np.bincount(drawn["skin"])  # what is not in the table stays as it was
    assert chi_square(counts, np.full(6, 1 / 6)) < 21
    np.testing.assert_allclose((pose(drawn) == 2).mean(), 0.5, atol=0.03)


def test_skin_gets_darker_from_type_to_type_and_stays_legible():
    """Eyes and mouth of type VI stand out from the skin about as much as those of type I."""
    images = render_faces(PLAIN | {"skin": np.arange(6)})
    assert (images[:, :, 36:42, 24:40].mean((1, 2, 3)).diff() < -0.04).all()  # a cheek
    tones = render_faces(PLAIN | {"tone": [-1, 0, 1]})[:, :, 36:42, 24:40].mean((1, 2, 3))
    assert (tones.diff() > 0.005).all()
    attributes = PLAIN | {"skin": [0, 5], "opening": 0.7}
    for part in ("eyes", "mouth"):
        seen = (render_faces(attributes) - without(part, attributes)).abs().sum((1, 2, 3))
        assert seen[1] > 0.6 * seen[0], part


def test_yaw_turns_the_head_to_its_side_and_to_its_back():
    attributes = PLAIN | {"yaw": [-75, -30, 0, 30, 75]}
    nose = changed(render_faces(attributes), without("nose", attributes))
    middle = (nose.sum(1) * (torch.arange(64.0) + 0.5)).sum(1) / nose.sum((1, 2))
    assert (middle.diff() > 5).all()
    np.testing.assert_allclose(middle[2], 32, atol=0.5)
    right, left = render_faces(PLAIN | {"yaw": [60, -60], "clothes": 0.6, "freckles": 0})
    assert (right - left.flip(2)).abs().mean() < 0.01
    back = rendering.check_attributes(PLAIN) | {"yaw": np.float32([180])}
    gone = rendering.PARTS | {"eyes": GONE}
    np.testing.assert_array_equal(rendering.render(back), rendering.render(back, gone))


@pytest.mark.parametrize(
    ("name", "values", "rows"),
    [
        ("mouth", (-0.6, 1), (38, 54)),
        ("eyes", (0.5, 1), (25, 36)),
        ("brows", (-1, 1), (20, 33)),
        ("beard", (0, 3), (32, 60)),
        ("glasses", (0, 1), (25, 37)),
    ],
)
def test_an_attribute_changes_its_part_alone(name, values, rows):
    different = changed(*(render_faces(PLAIN | {name: value}) for value in values))
    found = torch.nonzero(different.any(2))[:, 1]
    assert rows[0] <= found.min() < found.max() <= rows[1]


@pytest.mark.parametrize("draw", [faces, non_faces])
def test_a_crop_is_the_middle_and_a_smaller_size_its_means(draw):
    whole, middle = draw(6, seed=3).images, draw(6, seed=3, crop=40).images
    np.testing.assert_array_equal(middle, whole[:, :, 12:52, 12:52])
    assert middle.is_contiguous()
    small = draw(6, seed=3, crop=40, size=20).images
    assert small.shape == (6, 3, 20, 20)
    # far from the border a pixel is a mean of the 4×4 about it, the outer ones less
    near = torch.tensor([0.125, 0.375, 0.375, 0.125])
    weights = (near[:, None] * near).expand(3, 1, 4, 4)
    means = torch.nn.functional.conv2d(middle, weights, stride=2, padding=1, groups=3)
    np.testing.assert_allclose(small[..., 1:-1, 1:-1], means[..., 1:-1, 1:-1], atol=1e-5)


def test_a_wall_is_behind_heads_of_both_kinds():
    edge = {}
    for wall in ("any", "plain", "same"):
        heads = non_faces(100, wall=wall, seed=1)
        heads = heads[(heads.attributes["kind"] == 2) | (heads.attributes["kind"] == 3)].images
        for name, images in (("face", faces(40, wall=wall, seed=1).images), ("other", heads)):
            edge[wall, name] = images[:, :, :20, 0]  # hair is seen in a few of them
    for name in ("face", "other"):
        along = {wall: edge[wall, name].std(2).quantile(0.8) for wall in ("any", "plain")}
        assert along["plain"] < 1e-4 < 0.01 < along["any"], name
        assert edge["same", name].std(0).min() < 1e-4 < 0.05 < edge["plain", name].std(0).min()
    # photographs and textures have no wall: they stay as they are
    ones, others = (non_faces(60, wall=wall, seed=1) for wall in ("any", "same"))
    for kind in range(5):
        those = ones.attributes["kind"] == kind
        assert torch.equal(ones.images[those], others.images[those]) == (kind < 2), kind


def test_portraits_differ_in_what_one_can_name_and_are_turned_evenly():
    data = portraits(800, turn=30, seed=4)
    assert data.images.shape == (800, 3, 48, 48)
    for name in rendering.ALIGNED:
        assert (data.attributes[name] == ATTRIBUTES[name].default).all(), name
    for name in ("skin", "hair", "glasses", "beard", "mouth", "light", "backdrop"):
        assert len(data.attributes[name].unique()) > 1, name
    yaw = data.attributes["yaw"]
    assert -30 <= yaw.min() < -28 < 28 < yaw.max() <= 30
    counts = np.histogram(yaw, 6, (-30, 30))[0]
    assert chi_square(counts, np.full(6, 1 / 6)) < 21  # 5 degrees of freedom: one in a thousand
    np.testing.assert_array_equal(portraits(5, turn=30, seed=4).images, data.images[:5])
    given = {name: values[:5].numpy() for name, values in data.attributes.items() if name != "kind"}
    np.testing.assert_array_equal(render_faces(given)[..., 8:56, 8:56], data.images[:5])


def test_groups_are_skin_by_pose():
    tensors = {n: torch.from_numpy(v) for n, v in sample_attributes(400).items()}
    tensors["kind"] = torch.full((400,), -1)
    nobody = torch.zeros(400, 3, 64, 64), torch.ones(400, dtype=int), FACE_CLASSES
    data = concatenate(AttributedImages(*nobody, tensors), non_faces(20))
    groups, names = face_groups(data)
    assert (names[0], names[5]) == ("light frontal", "dark profile")
    assert groups[400:].tolist() == [-1] * 20
    for index, name in enumerate(names):
        chosen, shade = data[groups == index], index // 2
        assert set(chosen.attributes["skin"].tolist()) == {2 * shade, 2 * shade + 1}
        turned = chosen.attributes["yaw"].abs()
        assert (turned >= 45).all() if name.endswith("profile") else (turned < 45).all()


def test_non_faces_have_all_kinds_and_no_attributes():
    data, others = non_faces(60), faces(5)
    assert data.labels.tolist() == [0] * 60
    assert sorted(set(data.attributes["kind"].tolist())) == list(range(len(NON_FACES)))
    assert data.attributes["skin"].tolist() == [-1] * 60
    assert data.attributes["yaw"].isnan().all()
    kinds = [{n: v.dtype for n, v in each.attributes.items()} for each in (data, others)]
    assert kinds[0] == kinds[1]
    assert set(kinds[0]) == {*ATTRIBUTES, "kind"}
    assert data.images.flatten(1).std(1).min() > 0.005  # nothing is blank
    assert len({digest(image) for image in data.images}) == 60
    assert (others.images.shape, others.images.dtype) == ((5, 3, 64, 64), torch.float32)
    assert 0 <= others.images.min() < 0.2 < 0.8 < others.images.max() <= 1
    assert (others.labels.tolist(), others.classes) == ([1] * 5, FACE_CLASSES)


def spoiled(images, **settings):
    images = np.broadcast_to(np.float32(images), (200, 3, 64, 64)).copy()
    Difficulty(**settings).apply(images)
    return images


def test_difficulty_is_measured_in_the_picture():
    spread = spoiled(0.5, noise=0.1).std((1, 2, 3))
    assert spread.min() < 0.01
    assert 0.09 < spread.max() < 0.105
    np.testing.assert_allclose(spread.mean(), 0.05, atol=0.006)
    steps = spoiled(np.arange(64) >= 32, contrast=0.4)
    rest = steps[..., -1].mean((1, 2)) - steps[..., 0].mean((1, 2))
    assert len(np.unique(rest.round(5))) > 190  # each its own, beyond the first chunk too
    assert 0.4 <= rest.min() < 0.45 < 0.95 < rest.max() <= 1
    np.testing.assert_allclose(steps.mean((1, 2, 3)), 0.5, atol=1e-5)
    spots = np.random.default_rng(0).random((200, 3, 64, 64), dtype=np.float32)
    share = (spoiled(spots, occlusion=0.5) != spots).any(1).mean((1, 2))
    assert 0.02 < share.mean() < 0.12 < share.max() < 0.26
    soft = spoiled(spots, blur=2)
    assert (soft.std((1, 2, 3)) <= spots.std((1, 2, 3)) + 1e-6).all()
    np.testing.assert_allclose(soft.mean((1, 2, 3)), spots.mean((1, 2, 3)), atol=0.01)


def one(name="a", classes=("x",), shape=(1,)):
    attributes = {name: torch.zeros(shape, dtype=int)}
    return AttributedImages(torch.zeros(1, 3, 4, 4), torch.zeros(1, dtype=int), classes, attributes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: faces(0), "count is 0, must be at least 1"),
        (lambda: render_faces({"skin": [0, 7]}), "skin is 7, must be from 0 to 5"),
        (lambda: render_faces({"yaw": -80.0}), "yaw is -80, must be from -75 to 75"),
        (lambda: render_faces({"yaw": float("nan")}), "yaw is nan, must be from -75 to 75"),
        (lambda: render_faces({"moustache": 1}), "unknown attribute 'moustache', must be of skin"),
        (lambda: render_faces({"skin": [0, 1], "yaw": [0] * 3}), "attributes have 2 and 3 values"),
        (lambda: Joint(("skin",), [0.15] * 6), "table adds up to 0.9, must be 1"),
        (lambda: Joint(("glasses",), [1.5, -0.5]), "table holds -0.5, must be at least 0"),
        (lambda: Joint(("glasses",), [1]), r"table has shape \(1,\), .* need \(2,\)"),
        (lambda: Joint(("yaw",), [1]), "names holds 'yaw', must be of pose"),
        (lambda: Joint(("skin", "skin"), np.eye(6) / 6), "1 of them differ"),
        (lambda: biased(dark=1.2), "dark is 1.2, must be from 0 to 1"),
        (lambda: faces(1, crop=65), "crop is 65, must be from 1 to 64"),
        (lambda: faces(1, crop=40, size=41), "size is 41, must be from 1 to 40"),
        (lambda: non_faces(1, wall="red"), "wall is 'red', must be one of any, plain, same"),
        (lambda: portraits(1, turn=80), "turn is 80, must be from 0 to 75 degrees"),
        (lambda: portraits(1, turn=float("nan")), "turn is nan, must be from 0 to 75 degrees"),
        (lambda: Difficulty(noise=-1), "noise is -1, must be from 0 to"),
        (lambda: Difficulty(contrast=1.5), "contrast is 1.5, must be from 0 to 1"),
        (lambda: concatenate(), "parts has 0 sets"),
        (lambda: concatenate(one("a"), one("b")), "attributes differ: a, b not in both"),
        (lambda: concatenate(one(), one(classes=("y",))), "classes differ"),
        (lambda: one(shape=(2,)), r"attribute 'a' has shape \(2,\), expected \(1,\)"),
        (lambda: face_groups(one()), "data has no attribute 'skin'"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
