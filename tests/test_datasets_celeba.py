"""CelebA and folders with groups, on small files made up here in the distributed layout."""

import numpy as np
import pytest
import torch
from PIL import Image

from cnnbook.datasets import DatasetError, celeba, image_folder

NAMES = ("Eyeglasses", "Male", "Pale_Skin")
ROWS = [(1, -1, -1), (-1, 1, -1), (1, 1, 1), (-1, -1, 1), (1, -1, 1), (-1, 1, 1)]
PARTS = (0, 0, 0, 1, 2, 2)
PICTURES = [f"{number:06d}.jpg" for number in range(1, 7)]


def write(root, *, rows=ROWS, count=6):
    lines = [f"{name} {' '.join(map(str, row))}" for name, row in zip(PICTURES, rows, strict=True)]
    table = "\n".join([str(count), " ".join(NAMES), *lines])
    (root / "list_attr_celeba.txt").write_text(table + "\n")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "img_align_celeba"
    folder.mkdir()
    for number, name in enumerate(PICTURES, 1):
        Image.new("RGB", (178, 218), (40 * number, 0, 0)).save(folder / name, quality=95)
    write(tmp_path)
    split = "".join(f"{name} {part}\n" for name, part in zip(PICTURES, PARTS, strict=True))
    (tmp_path / "list_eval_partition.txt").write_text(split)
    return tmp_path


def read(root, **settings):
    return celeba(root, progress=False, **settings)


def test_celeba_reads_images_attributes_and_splits(root):
    data = read(root)
    assert data.images.shape == (3, 3, 64, 64)
    np.testing.assert_allclose(data.images[:, 0, 5, 5] * 255, [40, 80, 120], atol=3)
    assert (data.labels.tolist(), data.classes[1]) == ([1, 1, 1], "face")
    values = [values.tolist() for values in data.attributes.values()]
    assert (tuple(data.attributes), values) == (NAMES, [[1, 0, 1], [0, 1, 1], [0, 0, 1]])
    test = read(root, split="test", size=(20, 16))
    assert test.images.shape == (2, 3, 20, 16)
    assert test.attributes["Pale_Skin"].tolist() == [1, 1]
    assert len(read(root, split="validation")) == 1
    (root / "list_eval_partition.txt").unlink()
    everything = read(root, split=None, limit=5)
    assert everything.attributes["Pale_Skin"].tolist() == [0, 0, 1, 1, 1]


ATTRIBUTES, SPLIT = "list_attr_celeba", "list_eval_partition"
PICTURE = "img_align_celeba/000003.jpg"
DAMAGED = [
    (lambda r: write(r, rows=[*ROWS[:3], (1, -1), *ROWS[4:]]), "line 6 has 2 values for 3 attrib"),
    (lambda r: write(r, rows=[(7, 1, 1), *ROWS[1:]]), "line 3 has 3 values for 3 .* be 1 or -1"),
    (lambda r: write(r, count=202_599), "announces 202599 images and lists 6"),
    (lambda r: (r / f"{ATTRIBUTES}.txt").write_text("<html>\n"), "is damaged: it has 1 lines"),
    (lambda r: (r / f"{SPLIT}.txt").write_text("000001.jpg 0\n"), r"does not list 000002\.jpg"),
    (lambda r: (r / f"{SPLIT}.txt").write_text("a 5\n"), r"line 1 is \['a', '5'\], expected"),
    (lambda r: (r / f"{SPLIT}.txt").write_text(" 1\n".join([*PICTURES, ""])), "has 0 of 6 images"),
    (
        lambda r: (r / PICTURE).write_bytes((r / PICTURE).read_bytes()[:300]),
        "000003.jpg is damaged",
    ),
    (lambda r: (r / PICTURE).unlink(), "000003.jpg is missing"),
    (lambda r: (r / f"{ATTRIBUTES}.txt").unlink(), "list_attr_celeba.txt is missing"),
    (lambda r: (r / f"{SPLIT}.txt").unlink(), "list_eval_partition.txt is missing"),
]
IN_A_TABLE = [
    (ATTRIBUTES, lambda text: text.replace("1,1,1", "1,1", 1), r"line \d has 2 values for 3"),
    (ATTRIBUTES, lambda text: text.splitlines()[0], "it has 1 lines"),
    (ATTRIBUTES, lambda text: "", "it has 0 lines"),
    (SPLIT, lambda text: "image_id,partition\na,4\n", r"line 2 is \['a', '4'\], expected a file"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGED)
def test_celeba_says_what_is_missing_or_damaged(root, damage, message):
    damage(root)
    with pytest.raises(DatasetError, match=message):
        read(root)


@pytest.mark.parametrize(("name", "damage", "message"), IN_A_TABLE)
def test_celeba_says_what_is_damaged_in_a_table(root, name, damage, message):
    as_kaggle(root)
    table = root / f"{name}.csv"
    table.write_text(damage(table.read_text()))
    with pytest.raises(DatasetError, match=rf"{name}\.csv is damaged: {message}"):
        read(root)


def as_kaggle(root):
    for name, head, skipped in (
        (ATTRIBUTES, "image_id," + ",".join(NAMES), 2),
        (SPLIT, "image_id,partition", 0),
    ):
        path = root / f"{name}.txt"
        lines = [",".join(line.split()) for line in path.read_text().splitlines()[skipped:]]
        path.with_suffix(".csv").write_bytes("\r\n".join([head, *lines]).encode())
        path.unlink()
    (root / "img_align_celeba").rename(root / "inner")
    (root / "img_align_celeba").mkdir()
    (root / "inner").rename(root / "img_align_celeba" / "img_align_celeba")


def as_its_authors(root):
    places = {"Anno": f"{ATTRIBUTES}.txt", "Eval": f"{SPLIT}.txt", "Img": "img_align_celeba"}
    for folder, name in places.items():
        (root / folder).mkdir()
        (root / name).rename(root / folder / name)


@pytest.mark.parametrize("arrange", [as_kaggle, as_its_authors])
def test_celeba_is_read_as_it_is_distributed(root, arrange):
    expected = {split: read(root, split=split) for split in ("train", "test", None)}
    arrange(root)
    for split, data in expected.items():
        ours = read(root, split=split)
        assert torch.equal(ours.images, data.images)
        assert list(ours.attributes) == list(data.attributes)
        assert all(torch.equal(v, data.attributes[k]) for k, v in ours.attributes.items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "valid"}, "split is 'valid', must be None or one of train, validation, test"),
        ({"limit": 0}, "limit is 0, must be at least 1"),
    ],
)
def test_celeba_refuses_settings(root, settings, message):
    with pytest.raises(ValueError, match=message):
        read(root, **settings)


GOOD = "file,skin,pose\nfaces/b.png,1,0\nfaces/a.png,0,1\n\nothers/c.png,-1,-1\n"


@pytest.fixture
def pictures(tmp_path):
    for place, name in enumerate(("faces/a.png", "faces/b.png", "others/c.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 5, 3), 80 * place, np.uint8)).save(tmp_path / name)
    (tmp_path / "groups.csv").write_text(GOOD)
    return tmp_path


def test_image_folder_with_groups(pictures, tmp_path):
    elsewhere = tmp_path.parent / f"{tmp_path.name}.csv"
    elsewhere.write_text("\ufeff" + GOOD, encoding="utf-8")  # as a spreadsheet saves it
    for groups in ("groups.csv", elsewhere):
        data = image_folder(pictures, groups=groups, progress=False)
        attributes = {name: values.tolist() for name, values in data.attributes.items()}
        assert attributes == {"skin": [0, 1, -1], "pose": [1, 0, -1]}
        assert data.labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,skin\n", "begins with 'name,skin', expected 'file,group"),
        ("file\n", "begins with 'file', expected"),
        ("", "begins with '', expected"),
        (GOOD.replace("b.png,1,0", "b.png,1"), "line 2: 1 groups, must be 2"),
        (GOOD.replace("1,0", "dark,0"), "line 2: groups are dark,0, must be whole numbers"),
        (GOOD.replace("faces/a.png,0,1\n", ""), "lists 2 files, but not faces/a.png"),
        (GOOD + "faces/d.png,0,0\n", "lists faces/d.png, which is not there"),
        (GOOD + "faces/a.png,0,0\n", "line 5: faces/a.png was listed before"),
    ],
)
def test_image_folder_says_what_is_wrong_with_groups(pictures, text, message):
    (pictures / "groups.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        image_folder(pictures, groups="groups.csv", progress=False)
    with pytest.raises(ValueError, match=r"there is no file of groups 'other\.csv'"):
        image_folder(pictures, groups="other.csv", progress=False)
