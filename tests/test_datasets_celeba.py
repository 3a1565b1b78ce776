"""CelebA and folders with groups, on small files made up here in the distributed layout."""

import numpy as np
import pytest
import torch
from PIL import Image

from cnnbook.datasets import AttributedImages, DatasetError, celeba, image_folder

NAMES = ("Eyeglasses", "Male", "Pale_Skin")
ROWS = [(1, -1, -1), (-1, 1, -1), (1, 1, 1), (-1, -1, 1), (1, -1, 1), (-1, 1, 1)]
PARTS = (0, 0, 0, 1, 2, 2)


def write(root, *, names=NAMES, rows=ROWS, count=None):
    lines = [str(len(rows) if count is None else count), " ".join(names)]
    for number, row in enumerate(rows, 1):
        lines.append(f"{number:06d}.jpg " + " ".join(f"{value:2d}" for value in row))
    (root / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "img_align_celeba"
    folder.mkdir()
    for number in range(1, 7):
        pixels = np.zeros((218, 178, 3), np.uint8)
        pixels[..., 0] = 40 * number
        Image.fromarray(pixels).save(folder / f"{number:06d}.jpg", quality=95)
    write(tmp_path)
    split = "".join(f"{n:06d}.jpg {part}\n" for n, part in enumerate(PARTS, 1))
    (tmp_path / "list_eval_partition.txt").write_text(split)
    return tmp_path


def read(root, **settings):
    return celeba(root, progress=False, **settings)


def test_celeba_reads_images_attributes_and_splits(root):
    data = read(root)
    assert isinstance(data, AttributedImages)
    assert data.images.shape == (3, 3, 64, 64)
    np.testing.assert_allclose(data.images[:, 0, 5, 5] * 255, [40, 80, 120], atol=3)
    assert data.labels.tolist() == [1, 1, 1]
    assert data.classes[1] == "face"
    values = [values.tolist() for values in data.attributes.values()]
    assert (tuple(data.attributes), values) == (NAMES, [[1, 0, 1], [0, 1, 1], [0, 0, 1]])
    test = read(root, split="test", size=(20, 16))
    assert test.images.shape == (2, 3, 20, 16)
    assert test.attributes["Pale_Skin"].tolist() == [1, 1]
    assert len(read(root, split="validation")) == 1
    (root / "list_eval_partition.txt").unlink()
    everything = read(root, split=None, limit=5)
    assert everything.attributes["Pale_Skin"].tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    "file", ["list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba/000002.jpg"]
)
def test_celeba_says_what_is_missing(root, file):
    (root / file).unlink()
    with pytest.raises(DatasetError, match=rf"{file.split('/')[-1]} is missing"):
        read(root)


def test_celeba_says_what_is_damaged(root):
    def refuses(message):
        with pytest.raises(DatasetError, match=message):
            read(root)

    write(root, rows=[*ROWS[:3], (1, -1), *ROWS[4:]])
    refuses("line 6 has 2 values for 3 attributes")
    write(root, rows=[(7, 1, 1), *ROWS[1:]])
    refuses(r"line 3 has 3 values for 3 .* must be 1 or -1")
    write(root, count=202_599)
    refuses("announces 202599 images and lists 6")
    (root / "list_attr_celeba.txt").write_text("<html>\n")
    refuses("is damaged: it has 1 lines")
    write(root)
    whole = (root / "img_align_celeba" / "000003.jpg").read_bytes()
    (root / "img_align_celeba" / "000003.jpg").write_bytes(whole[:300])
    refuses(r"000003\.jpg is damaged")
    split = root / "list_eval_partition.txt"
    split.write_text("000001.jpg 0\n")
    refuses(r"does not list 000002\.jpg")
    split.write_text("000001.jpg 5\n")
    refuses(r"line 1 is '000001\.jpg 5', expected")
    split.write_text("".join(f"{n:06d}.jpg 1\n" for n in range(1, 7)))
    refuses("has 0 of 6 images in 'train'")


def as_table(path, head):
    lines = path.read_text().splitlines()[2 if "attr" in path.name else 0 :]
    table = "\n".join([head, *(",".join(line.split()) for line in lines)])
    path.with_suffix(".csv").write_bytes(table.replace("\n", "\r\n").encode())
    path.unlink()


def as_kaggle(root):
    as_table(root / "list_attr_celeba.txt", "image_id," + ",".join(NAMES))
    as_table(root / "list_eval_partition.txt", "image_id,partition")
    pictures = root / "img_align_celeba"
    pictures.rename(root / "inner")
    pictures.mkdir()
    (root / "inner").rename(pictures / "img_align_celeba")


def as_its_authors(root):
    for folder, name in (
        ("Anno", "list_attr_celeba.txt"),
        ("Eval", "list_eval_partition.txt"),
        ("Img", "img_align_celeba"),
    ):
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


def test_celeba_says_what_is_damaged_in_a_table(root):
    as_kaggle(root)
    table = root / "list_attr_celeba.csv"
    whole = table.read_text()
    for text, message in (
        (whole.replace("1,1,1", "1,1", 1), r"line \d has 2 values for 3 attributes"),
        (whole.splitlines()[0], "it has 1 lines"),
        ("", "it has 0 lines"),
    ):
        table.write_text(text)
        with pytest.raises(DatasetError, match=rf"list_attr_celeba\.csv is damaged: {message}"):
            read(root)
    table.write_text(whole)
    (root / "list_eval_partition.csv").write_text("image_id,partition\n000001.jpg,4\n")
    with pytest.raises(DatasetError, match=r"line 2 is '000001\.jpg,4', expected a file and 0, 1"):
        read(root)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "valid"}, "split is 'valid', must be None or one of train, validation, test"),
        ({"limit": 0}, "limit is 0, must be at least 1"),
        ({"size": 0}, r"size is \(0, 0\), must be"),
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
    data = image_folder(pictures, groups="groups.csv", progress=False)
    assert isinstance(data, AttributedImages)
    assert {name: values.tolist() for name, values in data.attributes.items()} == {
        "skin": [0, 1, -1],
        "pose": [1, 0, -1],
    }
    assert data.labels.tolist() == [0, 0, 1]
    elsewhere = tmp_path.parent / f"{tmp_path.name}.csv"
    elsewhere.write_text("\ufeff" + GOOD, encoding="utf-8")  # as a spreadsheet saves it
    again = image_folder(pictures, groups=elsewhere, progress=False)
    assert torch.equal(again.attributes["skin"], data.attributes["skin"])


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
