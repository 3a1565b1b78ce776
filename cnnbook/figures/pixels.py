"""What a network draws, as coloured pixels: one image, or many side by side."""

import numpy as np


def as_pixels(image):
    """Turn an image of a network into colours.

    Parameters
    ----------
    image : ndarray of shape (C, H, W), C being 1 or 3
        Values from 0 to 1; what is beyond is clipped.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8

    Raises
    ------
    ValueError
        If it has neither 1 nor 3 channels.
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"image has shape {image.shape}, expected (1, H, W) or (3, H, W)")
    pixels = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8).transpose(1, 2, 0)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def draw_image(picture, image, x, y, side, *, role=None):
    """Draw an image of a network with its longer side as long as asked for.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    image : ndarray of shape (C, H, W), values from 0 to 1
    x, y : float
        Top left corner in pixels.
    side : float
    role : str, optional
        Colour of a frame around it.
    """
    _, height, width = image.shape
    scale = side / max(height, width)
    box = (x, y, width * scale, height * scale)
    picture.image(as_pixels(image), *box, crisp=True)
    if role:
        picture.rect(*box, stroke=role, stroke_width=2)


def draw_tiles(picture, tiles, x, y, side):
    """Draw a grid of images without space, with fine lines between them: one PNG for all.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    tiles : ndarray of shape (rows, columns, C, H, W), values from 0 to 1
    x, y : float
        Top left corner in pixels.
    side : float
        Of the square that each image is stretched over.
    """
    rows, columns, channels, height, width = tiles.shape
    joined = tiles.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
    pixels = as_pixels(joined)
    if min(height, width) < 64:  # a browser would blur the small pixels of a large image
        enlarge = max(1, round(side / max(height, width)))
        pixels = pixels.repeat(enlarge, 0).repeat(enlarge, 1)
    right, bottom = x + columns * side, y + rows * side
    picture.image(pixels, x, y, columns * side, rows * side, crisp=True)
    for row in range(1, rows):
        picture.line((x, y + row * side), (right, y + row * side), stroke="paper", stroke_width=2)
    for column in range(1, columns):
        edge = x + column * side
        picture.line((edge, y), (edge, bottom), stroke="paper", stroke_width=2)
