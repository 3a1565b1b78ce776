"""Downloads from a server on this machine: verified, atomic, repaired, or one clear error."""

import errno
import functools
import gzip
import hashlib
import http.server
import os
import pickle
import socket
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from platformdirs import user_data_path
from torchvision import datasets as sources

from cnnbook.datasets import DatasetError, benchmarks, cifar10, data_root, mnist

SHARED = os.environ.get("CNNBOOK_DATA")


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def address(tmp_path):
    """The address at which the folder `server` can be fetched."""
    handler = functools.partial(Quiet, directory=tmp_path / "server")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def small_mnist(tmp_path, monkeypatch, address):
    """A server with a few images: its folder, and the one where MNIST's files will lie."""
    server = tmp_path / "server"
    server.mkdir()
    rng = np.random.default_rng(0)
    contents, resources = {}, []
    for part, count in (("train", 7), ("t10k", 3)):
        contents[f"{part}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (count, 28, 28)))
        contents[f"{part}-labels-idx1-ubyte"] = idx(np.arange(count))
    for name, content in contents.items():
        packed = gzip.compress(content, mtime=0)
        (server / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(sources.MNIST, "mirrors", [address])
    monkeypatch.setattr(sources.MNIST, "resources", resources)
    sums = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(benchmarks, "MNIST_SUMS", sums)
    return server, tmp_path / "data" / "MNIST" / "raw"


def root_of(raw):
    return raw.parents[1]


def test_a_download_is_read_and_then_used_again(small_mnist):
    server, raw = small_mnist
    data = mnist(root_of(raw))
    assert data.train.images.shape == (7, 1, 28, 28)
    assert data.test.labels.tolist() == [0, 1, 2]
    stored = (raw / "t10k-images-idx3-ubyte").read_bytes()[16:]
    expected = np.frombuffer(stored, np.uint8).reshape(3, 1, 28, 28) / np.float32(255)
    np.testing.assert_array_equal(data.test.images.numpy(), expected)
    for file in server.iterdir():
        file.unlink()
    assert torch.equal(mnist(root_of(raw)).train.images, data.train.images)
    assert [p.name for p in root_of(raw).iterdir()] == ["MNIST"]  # nothing left over


def damage(path, position=100):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def half(path):
    path.write_bytes(path.read_bytes()[:500])


def as_text(path):
    path.write_bytes(b"<html>")


def empty(path):
    path.write_bytes(b"")


def packed_only(raw):
    for file in raw.iterdir():
        if file.suffix != ".gz":
            file.unlink()


def unpacked_only(raw):
    for file in raw.glob("*.gz"):
        file.unlink()


@pytest.mark.parametrize("form", [packed_only, unpacked_only])
@pytest.mark.parametrize("harm", [damage, half, as_text, empty])
def test_a_damaged_file_never_loads_and_is_repaired(small_mnist, harm, form, monkeypatch):
    _, raw = small_mnist
    whole = mnist(root_of(raw)).train.images
    form(raw)
    (path,) = raw.glob("train-images-idx3-ubyte*")
    harm(path)
    before, wrong = path.read_bytes(), rf"{path.name} is damaged"
    with monkeypatch.context() as closed:
        closed.setattr(sources.MNIST, "mirrors", ["http://127.0.0.1:9/"])  # a closed port
        with (
            pytest.warns(UserWarning, match=f"{wrong}.*downloading it again"),
            pytest.raises(DatasetError, match=f"{wrong}.*download failed .*CNNBOOK_DATA"),
        ):
            mnist(root_of(raw))
    assert path.read_bytes() == before
    with pytest.warns(UserWarning, match=wrong):
        assert torch.equal(mnist(root_of(raw)).train.images, whole)


def test_a_file_that_is_gone_is_fetched_without_a_warning(small_mnist):
    _, raw = small_mnist
    whole = mnist(root_of(raw)).train.images
    for file in raw.glob("train-images*"):
        file.unlink()
    assert torch.equal(mnist(root_of(raw)).train.images, whole)


def test_a_damaged_download_is_refused_and_leaves_nothing(small_mnist):
    server, raw = small_mnist
    damage(server / "t10k-images-idx3-ubyte.gz")
    with pytest.raises(DatasetError, match="download failed"):
        mnist(root_of(raw))
    assert list(root_of(raw).iterdir()) == []


def full(source):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(source):
    os.makedirs(source.raw_folder)
    Path(source.raw_folder, "train-images-idx3-ubyte").write_bytes(b"half")
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("stop", "error", "message"),
    [
        (full, DatasetError, r"the disk of .* is full\. .*65 MB"),
        (interrupted, KeyboardInterrupt, "^$"),
    ],
)
def test_a_download_that_stops_leaves_nothing(small_mnist, monkeypatch, stop, error, message):
    _, raw = small_mnist
    monkeypatch.setattr(sources.MNIST, "download", stop)
    with pytest.raises(error, match=message):
        mnist(root_of(raw))
    assert list(root_of(raw).iterdir()) == []


def test_what_a_killed_download_left_is_removed_after_a_day(small_mnist):
    _, raw = small_mnist
    left = [root_of(raw) / f".download-{age}" for age in ("old", "new")]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"half")
    os.utime(left[0], (0, 0))
    mnist(root_of(raw))
    assert [folder.exists() for folder in left] == [False, True]  # the other may be at work


def dotted(raw):
    unpacked_only(raw)
    for file in list(raw.iterdir()):
        file.rename(raw / file.name.replace("-idx", ".idx"))


def packed_again(raw):
    packed_only(raw)
    for file in raw.iterdir():
        file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), 1))


def mixed(raw):
    (raw / "train-images-idx3-ubyte").unlink()
    (raw / "train-labels-idx1-ubyte.gz").unlink()


def beside(raw):
    packed_only(raw)
    for file in list(raw.iterdir()):
        file.rename(raw.parent / file.name)


def in_the_root(raw):
    packed_only(raw)
    for file in list(raw.iterdir()):
        file.rename(root_of(raw) / file.name)


def in_folders(raw):  # as Kaggle's archive unpacks: folders have the files' names
    dotted(raw)
    (raw / "train-images-idx3-ubyte").mkdir()
    (raw / "t10k-labels-idx1-ubyte.gz").mkdir()


@pytest.fixture
def no_network(monkeypatch):
    def closed(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", closed)
    monkeypatch.setattr(socket, "create_connection", closed)


ARRANGEMENTS = [
    packed_only, unpacked_only, dotted, packed_again, mixed, beside, in_the_root, in_folders
]  # fmt: skip


@pytest.mark.parametrize("arrange", ARRANGEMENTS)
def test_files_are_read_as_they_are_distributed(small_mnist, arrange, request, monkeypatch):
    _, raw = small_mnist
    whole = mnist(root_of(raw))
    arrange(raw)
    request.getfixturevalue("no_network")
    before = sorted(root_of(raw).rglob("*"))

    def forbidden(*_, **__):
        raise PermissionError(13, "read-only folder")

    for name in ("mkdir", "write_bytes"):
        monkeypatch.setattr(f"pathlib.Path.{name}", forbidden)
    data = mnist(root_of(raw))
    for ours, theirs in ((data.train, whole.train), (data.test, whole.test)):
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)
        assert ours.labels.dtype == torch.int64
    assert sorted(root_of(raw).rglob("*")) == before  # nothing was written


@pytest.fixture
def small_cifar(tmp_path, monkeypatch, address):
    server, rng = tmp_path / "server", np.random.default_rng(0)
    folder = server / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    lists = {"train_list": [], "test_list": []}
    names = [f"data_batch_{n}" for n in range(1, 3)] + ["test_batch"]
    for name in names:
        batch = {"data": rng.integers(0, 256, (4, 3072), dtype=np.uint8), "labels": [0, 1, 2, 9]}
        (folder / name).write_bytes(pickle.dumps(batch))
        entry = [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]
        lists["test_list" if name == "test_batch" else "train_list"].append(entry)
    labels = {"label_names": [f"kind {n}" for n in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(labels))
    packed = server / "cifar-10-python.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder, "cifar-10-batches-py")
    source, sums = sources.CIFAR10, hashlib.md5
    monkeypatch.setattr(source, "url", address + packed.name)
    monkeypatch.setattr(source, "tgz_md5", sums(packed.read_bytes()).hexdigest())
    for name, value in lists.items():
        monkeypatch.setattr(source, name, value)
    meta = {"filename": "batches.meta", "key": "label_names"}
    meta["md5"] = sums((folder / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(source, "meta", meta)
    return tmp_path / "data", folder


def test_cifar10_is_fetched_repaired_and_in_order(small_cifar):
    root, folder = small_cifar
    data = cifar10(root)
    assert data.train.images.shape == (8, 3, 32, 32)
    assert data.test.labels.tolist() == [0, 1, 2, 9]
    assert data.classes[9] == "kind 9"
    first = pickle.loads((folder / "test_batch").read_bytes())["data"][0].reshape(3, 32, 32)
    np.testing.assert_array_equal(data.test.images[0].numpy(), first / np.float32(255))
    assert [path.name for path in root.iterdir()] == ["cifar-10-batches-py"]
    damage(root / "cifar-10-batches-py" / "data_batch_2")
    with pytest.warns(UserWarning, match="data_batch_2 is damaged"):
        assert torch.equal(cifar10(root).train.images, data.train.images)


def test_the_archive_of_cifar10_will_do(small_cifar, request):
    root, folder = small_cifar
    whole = cifar10(root)
    archive = root / "cifar-10-python.tar.gz"
    archive.write_bytes((folder.parent / archive.name).read_bytes())
    request.getfixturevalue("no_network")
    (root / "cifar-10-batches-py" / "data_batch_1").unlink()
    data = cifar10(root)
    assert torch.equal(data.train.images, whole.train.images)
    assert data.test.labels.tolist() == whole.test.labels.tolist()
    assert data.classes == whole.classes
    half(archive)
    before = archive.read_bytes()
    assert len(cifar10(root).train) == 8  # the folder is whole
    (root / "cifar-10-batches-py" / "data_batch_1").unlink()
    with pytest.raises(DatasetError, match="data_batch_1 is missing, and the download failed"):
        cifar10(root)
    assert archive.read_bytes() == before


def test_the_root_comes_from_argument_variable_or_repository(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNBOOK_DATA", "/somewhere")
    assert data_root(tmp_path) == tmp_path
    assert str(data_root()) == "/somewhere"
    monkeypatch.delenv("CNNBOOK_DATA")
    assert data_root() == Path(__file__).parent.parent / "data"
    monkeypatch.setattr("cnnbook.files.CHECKOUT", False)  # a wheel: see test_installation
    assert data_root() == user_data_path("cnnbook", appauthor=False)


@pytest.mark.skipif(
    not (SHARED and os.path.exists(f"{SHARED}/MNIST/raw")),
    reason="needs the real MNIST: set CNNBOOK_DATA to a folder that holds MNIST/raw",
)
def test_the_real_mnist():
    data = mnist()
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    assert data.train.labels.bincount().tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949
    ]  # fmt: skip
    assert round(float(data.train.images.mean()), 4) == 0.1307  # the published mean
