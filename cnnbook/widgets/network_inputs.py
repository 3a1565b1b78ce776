"""What a training needs: images with classes and a network that takes them, checked."""

import numpy as np

from cnnbook.numpy_net import Conv2d, Sequential, simple_conv_net


def require_count(name, value, least, most=None):
    """Refuse what is no whole number in a range.

    Parameters
    ----------
    name : str
        For the message.
    value, least : int
    most : int, optional

    Raises
    ------
    TypeError
        If the value is no int.
    ValueError
        If it is out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an int, got {value!r}")
    if value < least or (most is not None and value > most):
        limit = f"at least {least}" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} is {value}, expected {limit}")


def read_data(data):
    """Check images and labels.

    Parameters
    ----------
    data : (ndarray of shape (N, C, H, W), ndarray of shape (N,))

    Returns
    -------
    images, labels : ndarray

    Raises
    ------
    TypeError, ValueError
        If they are not of these shapes, hold no numbers, or differ in length.
    """
    try:
        images, labels = (np.asarray(part) for part in data)
    except (TypeError, ValueError):
        raise TypeError("data must be a pair of images and labels") from None
    if images.ndim != 4:
        raise ValueError(f"images has {images.ndim} axes, expected 4: (N, C, H, W)")
    if labels.ndim != 1 or len(labels) != len(images):
        raise ValueError(f"labels has shape {labels.shape}, expected ({len(images)},) as images")
    if len(images) < 2:
        raise ValueError(f"images holds {len(images)}, expected 2 at least: some are held out")
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels has dtype {labels.dtype}, expected whole numbers")
    if labels.min() < 0:
        raise ValueError(f"labels holds {labels.min()}, expected classes from 0")
    if not np.isfinite(images).all():
        raise ValueError("images holds NaN or infinity")
    return images, labels


def first_convolution(network):
    """Return the first layer that learns.

    Parameters
    ----------
    network : Sequential

    Returns
    -------
    Conv2d

    Raises
    ------
    TypeError
        If the network is no Sequential.
    ValueError
        If that layer is none, or no convolution.
    """
    if not isinstance(network, Sequential):
        raise TypeError(f"network is a {type(network).__name__}, expected a Sequential")
    learning = [layer for layer in network.layers if layer.parameters]
    first = type(learning[0]).__name__ if learning else "none"
    if not learning or not isinstance(learning[0], Conv2d):
        raise ValueError(f"first layer with parameters is {first}, expected Conv2d")
    return learning[0]


def count_classes(network, first, images, labels):
    """Return how many classes the network tells apart; refuse images that it cannot take.

    Parameters
    ----------
    network : Sequential
    first : Conv2d
        Its first layer that learns.
    images, labels : ndarray

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If channels or classes differ, or a layer cannot take what comes.
    """
    channels = first.parameters["weight"].shape[1] * first.settings["groups"]
    if images.shape[1] != channels:
        raise ValueError(f"images have {images.shape[1]} channels, the network expects {channels}")
    scores = network.eval().forward(images[:1])
    if scores.ndim != 2:
        raise ValueError(f"network turns an image into {scores.shape}, expected (1, classes)")
    if labels.max() >= scores.shape[1]:
        raise ValueError(f"labels reach {labels.max()}, the network has {scores.shape[1]} outputs")
    return scores.shape[1]


def load_images():
    """Read the 1,797 handwritten digits that scikit-learn ships, with values from 0 to 1.

    Returns
    -------
    images : ndarray of shape (1797, 1, 8, 8)
    labels : ndarray of shape (1797,)
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    return source.images[:, None] / 16, source.target


def small_network(input_dim, classes, seed):
    """Build one convolution of eight 5 × 5 kernels and two dense layers, in float64.

    In float64 the last digits that differ between machines stay too small to see.

    Parameters
    ----------
    input_dim : tuple of three ints
        (C, H, W) of one image.
    classes, seed : int

    Returns
    -------
    Sequential
    """
    return simple_conv_net(
        input_dim, 8, 5, 1, 2, 32, classes, 0.1,
        rng=np.random.default_rng(seed), dtype=np.float64,
    )  # fmt: skip
