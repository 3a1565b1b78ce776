"""How bright a colour looks."""


def luminance(pixels):
    """Weigh red, green and blue, on the last axis, as ITU-R BT.601 does."""
    return pixels @ [0.299, 0.587, 0.114]
