"""Images in memory, their split, the digits that ship, and the reader's own folders."""

import numpy as np
import pytest
import torch
from PIL import Image

from cnnbook.datasets import Images, centre_digits, digits, hold_out, image_folder
from cnnbook.datasets.digits import _centre_of_mass


def some(n=12, classes=3):
    return Images(
        torch.arange(n * 4.0).reshape(n, 1, 2, 2), torch.arange(n) % classes, ("a", "b", "c")
    )


def test_images_are_indexed_like_tensors():
    data = some()
    assert len(data) == 12
    part = data[torch.tensor([5, 1])]
    assert part.labels.tolist() == [2, 1]
    assert part.images[0].tolist() == data.images[5].tolist()
    assert data[2:4].classes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 3, 3), torch.zeros(2, dtype=int), "images has 3 axes, expected 4"),
        (
            torch.zeros(2, 1, 3, 3),
            torch.zeros(3, dtype=int),
            r"labels has shape \(3,\), expected \(2,",
        ),
        (torch.zeros(2, 1, 3, 3), torch.tensor([0, 3]), "labels go from 0 to 3, but there are 3"),
        (torch.zeros(2, 1, 3, 3), torch.tensor([-1, 0]), "labels go from -1 to 0"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Images(images, labels, ("a", "b", "c"))


def test_hold_out_takes_equal_shares_and_loses_nothing():
    labels = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    data = Images(torch.arange(100.0).reshape(100, 1, 1, 1), labels, ("a", "b", "c"))
    rest, chosen = hold_out(data, 20)
    assert chosen.labels.bincount().tolist() == [12, 6, 2]
    both = torch.cat([rest.images, chosen.images]).flatten().sort().values
    assert both.tolist() == list(range(100))
    assert (chosen.images.flatten().diff() > 0).all()  # in their old order
    again, other = hold_out(data, 20)[1], hold_out(data, 20, seed=1)[1]
    assert torch.equal(again.images, chosen.images)
    assert not torch.equal(other.images, chosen.images)


@pytest.mark.parametrize("size", [0, 12, -1])
def test_hold_out_refuses_a_size_that_leaves_a_side_empty(size):
    with pytest.raises(ValueError, match=f"size is {size}, must be from 1 to 11"):
        hold_out(some(), size)


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
    (tmp_path / "cats" / "notes.txt").write_text("no picture")
    return tmp_path


def test_image_folder_reads_classes_in_order(pets):
    data = image_folder(pets, progress=False)
    assert data.classes == ("cats", "dogs")
    assert data.labels.tolist() == [0, 0, 1, 1]
    assert data.images.shape == (4, 3, 6, 4)
    np.testing.assert_allclose(data.images[:, :, 0, 0], [[1, 1, 0]] * 2 + [[0.2, 0.2, 0]] * 2)


def test_image_folder_crops_the_middle_and_makes_grey(pets):
    striped = np.zeros((6, 12, 3), np.uint8)
    striped[:, 4:8] = 255
    Image.fromarray(striped).save(pets / "dogs" / "0.png")
    data = image_folder(pets, size=(6, 4), grey=True, progress=False)
    assert data.images.shape == (4, 1, 6, 4)
    assert float(data.images[2].min()) == 1
    assert image_folder(pets, size=3, progress=False).images.shape == (4, 3, 3, 3)


def test_image_folder_says_what_is_wrong(pets, tmp_path):
    Image.fromarray(np.zeros((5, 4, 3), np.uint8)).save(pets / "dogs" / "1.png")
    with pytest.raises(ValueError, match=r"1\.png has 5×4 pixels, 0\.png has 6×4: give a size"):
        image_folder(pets, progress=False)
    with pytest.raises(ValueError, match=r"size is \(0, 0\), must be"):
        image_folder(pets, size=0)
    (pets / "cats" / "2.jpg").write_bytes(b"\xff\xd8 broken")
    with pytest.raises(ValueError, match=r"2\.jpg' is not a picture"):
        image_folder(pets, size=4, progress=False)
    with pytest.raises(ValueError, match="there is no folder"):
        image_folder(tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match="holds no folder with pictures"):
        image_folder(tmp_path / "bare")
