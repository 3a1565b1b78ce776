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
from unittest.mock import Mock

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


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def forbidden(*_, **__):
    raise PermissionError(13, "forbidden")


@pytest.fixture
def no_network(monkeypatch):
    """Close the network when it is called."""
    names = "getaddrinfo", "create_connection"
    return lambda: [monkeypatch.setattr(socket, name, forbidden) for name in names]


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
    server, rng, sums = tmp_path / "server", np.random.default_rng(0), {}
    server.mkdir()
    for part, count in (("train", 7), ("t10k", 3)):
        images = rng.integers(0, 256, (count, 28, 28))
        for kind, array in (("images-idx3", images), ("labels-idx1", np.arange(count))):
            name = f"{part}-{kind}-ubyte"
            sums[name] = hashlib.md5(idx(array)).hexdigest()
            (server / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
    monkeypatch.setattr(sources.MNIST, "mirrors", [address])
    resources = [(path.name, md5(path)) for path in server.iterdir()]
    monkeypatch.setattr(sources.MNIST, "resources", resources)
    monkeypatch.setattr(benchmarks, "MNIST_SUMS", sums)
    return server, tmp_path / "data" / "MNIST" / "raw"


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def test_a_download_is_read_used_again_and_completed(small_mnist, data):
    server, raw = small_mnist
    left = [data / f".download-{age}" for age in ("old", "new")]  # by processes that were killed
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"half")
    os.utime(left[0], (0, 0))
    whole = mnist(data)
    assert sorted(data.iterdir()) == [left[1], data / "MNIST"]  # the other may be at work
    assert whole.train.images.shape == (7, 1, 28, 28)
    assert whole.test.labels.tolist() == [0, 1, 2]
    stored = (raw / "t10k-images-idx3-ubyte").read_bytes()[16:]
    expected = np.frombuffer(stored, np.uint8).reshape(3, 1, 28, 28) / np.float32(255)
    np.testing.assert_array_equal(whole.test.images.numpy(), expected)
    for file in raw.glob("train-images*"):  # what is gone is fetched without a warning
        file.unlink()
    assert torch.equal(mnist(data).train.images, whole.train.images)
    for file in server.iterdir():
        file.unlink()
    assert torch.equal(mnist(data).train.images, whole.train.images)


def flip_a_bit(content):
    return content[:100] + bytes([content[100] ^ 1]) + content[101:]


@pytest.mark.parametrize("kept", ["*.gz", "*-ubyte"])
@pytest.mark.parametrize("harm", [flip_a_bit, lambda c: c[:500], lambda c: b"<>", lambda c: b""])
def test_a_damaged_file_never_loads_and_is_repaired(small_mnist, data, harm, kept, monkeypatch):
    _, raw = small_mnist
    whole = mnist(data).train.images
    for file in set(raw.iterdir()) - set(raw.glob(kept)):
        file.unlink()
    (path,) = raw.glob("train-images-idx3-ubyte*")
    path.write_bytes(harm(path.read_bytes()))
    before, wrong = path.read_bytes(), rf"{path.name} is damaged"
    with monkeypatch.context() as closed:
        closed.setattr(sources.MNIST, "mirrors", ["http://127.0.0.1:9/"])  # a closed port
        with (
            pytest.warns(UserWarning, match=f"{wrong}.*downloading it again"),
            pytest.raises(DatasetError, match=f"{wrong}.*download failed .*CNNBOOK_DATA"),
        ):
            mnist(data)
    assert path.read_bytes() == before
    with pytest.warns(UserWarning, match=wrong):
        assert torch.equal(mnist(data).train.images, whole)


def test_a_download_that_stops_leaves_nothing(small_mnist, data, monkeypatch):
    server, _ = small_mnist

    def interrupted(source):
        os.makedirs(source.raw_folder)
        Path(source.raw_folder, "train-images-idx3-ubyte").write_bytes(b"half")
        raise KeyboardInterrupt

    full = Mock(side_effect=OSError(errno.ENOSPC, "No space left"))
    stops = (
        (full, DatasetError, r"disk .* is full\. .*65 MB"),
        (interrupted, KeyboardInterrupt, None),
    )
    for stop, error, message in stops:
        with monkeypatch.context() as stopped:
            stopped.setattr(sources.MNIST, "download", stop)
            with pytest.raises(error, match=message):
                mnist(data)
        assert list(data.iterdir()) == []
    packed = server / "t10k-images-idx3-ubyte.gz"
    packed.write_bytes(flip_a_bit(packed.read_bytes()))
    with pytest.raises(DatasetError, match="download failed"):
        mnist(data)
    assert list(data.iterdir()) == []


def packed_again(raw):
    for file in raw.glob("*.gz"):
        file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), 1))


def moved(files, folder, old="", new=""):
    for file in list(files):
        file.rename(folder / file.name.replace(old, new))


def in_folders(raw):  # as Kaggle's archive unpacks: folders have the files' names
    moved(raw.glob("*-ubyte"), raw, "-idx", ".idx")
    (raw / "train-images-idx3-ubyte").mkdir()
    (raw / "t10k-labels-idx1-ubyte.gz").mkdir()


ARRANGEMENTS = [  # what is kept, and what becomes of it
    ("*.gz", lambda raw: None), ("*-ubyte", lambda raw: None),
    ("*-ubyte", in_folders), ("*.gz", packed_again),
    ("*.gz", lambda raw: moved(raw.iterdir(), raw.parent)),
    ("*.gz", lambda raw: moved(raw.iterdir(), raw.parents[1])),
    ("*-ubyte", lambda raw: moved(raw.iterdir(), raw, "-idx", ".idx")),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "arrange"), ARRANGEMENTS)
def test_files_are_read_as_they_are_distributed(
    small_mnist, data, kept, arrange, no_network, monkeypatch
):
    _, raw = small_mnist
    whole = mnist(data)
    for file in set(raw.iterdir()) - set(raw.glob(kept)):
        file.unlink()
    arrange(raw)
    no_network()
    before = sorted(data.rglob("*"))
    for name in ("mkdir", "write_bytes"):
        monkeypatch.setattr(Path, name, forbidden)
    again = mnist(data)
    for ours, theirs in ((again.train, whole.train), (again.test, whole.test)):
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)
        assert ours.labels.dtype == torch.int64
    assert sorted(data.rglob("*")) == before  # nothing was written


@pytest.fixture
def small_cifar(tmp_path, monkeypatch, address):
    rng, source, lists = np.random.default_rng(0), sources.CIFAR10, {}
    folder = tmp_path / "server" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in ("data_batch_1", "data_batch_2", "test_batch"):
        batch = {"data": rng.integers(0, 256, (4, 3072), dtype=np.uint8), "labels": [0, 1, 2, 9]}
        (folder / name).write_bytes(pickle.dumps(batch))
        kind = "test_list" if name == "test_batch" else "train_list"
        lists[kind] = [*lists.get(kind, []), [name, md5(folder / name)]]
    labels = {"label_names": [f"kind {n}" for n in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(labels))
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5(folder / "batches.meta")}
    packed = folder.parent / "cifar-10-python.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(folder, "cifar-10-batches-py")
    changed = {"url": address + packed.name, "tgz_md5": md5(packed), "meta": meta} | lists
    for name, value in changed.items():
        monkeypatch.setattr(source, name, value)
    return folder


def test_cifar10_is_fetched_repaired_and_in_order(small_cifar, data):
    folder, whole = small_cifar, cifar10(data)
    assert whole.train.images.shape == (8, 3, 32, 32)
    assert whole.test.labels.tolist() == [0, 1, 2, 9]
    assert whole.classes[9] == "kind 9"
    first = pickle.loads((folder / "test_batch").read_bytes())["data"][0].reshape(3, 32, 32)
    np.testing.assert_array_equal(whole.test.images[0].numpy(), first / np.float32(255))
    assert [path.name for path in data.iterdir()] == ["cifar-10-batches-py"]
    damaged = data / "cifar-10-batches-py" / "data_batch_2"
    damaged.write_bytes(flip_a_bit(damaged.read_bytes()))
    with pytest.warns(UserWarning, match="data_batch_2 is damaged"):
        assert torch.equal(cifar10(data).train.images, whole.train.images)


def test_the_archive_of_cifar10_will_do(small_cifar, data, no_network):
    whole = cifar10(data)
    archive, batch = data / "cifar-10-python.tar.gz", data / "cifar-10-batches-py" / "data_batch_1"
    archive.write_bytes((small_cifar.parent / archive.name).read_bytes())
    no_network()
    batch.unlink()
    again = cifar10(data)
    assert torch.equal(again.train.images, whole.train.images)
    assert again.test.labels.tolist() == whole.test.labels.tolist()
    archive.write_bytes(before := archive.read_bytes()[:500])
    assert len(cifar10(data).train) == 8  # the folder is whole
    batch.unlink()
    with pytest.raises(DatasetError, match="data_batch_1 is missing, and the download failed"):
        cifar10(data)
    assert archive.read_bytes() == before


def test_the_root_comes_from_argument_variable_or_repository(monkeypatch, tmp_path):
    monkeypatch.setenv("CNNBOOK_DATA", "/somewhere")
    assert (data_root(tmp_path), data_root()) == (tmp_path, Path("/somewhere"))
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
