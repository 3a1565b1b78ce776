"""Name what is on photographs: ``python -m cnnbook.models [FILE ...]``."""

import argparse
import sys

from cnnbook.models.weights import pretrained

PHOTOGRAPHS = ("coffee", "camera", "motorcycle_left", "chelsea", "rocket")


def main(arguments=None):
    """Read the command line and print the five likeliest classes of each photograph."""
    from cnnbook.datasets import photograph

    about = "Show photographs to a network that has seen ImageNet."
    parser = argparse.ArgumentParser(prog="python -m cnnbook.models", description=about)
    told = f"image files, or photographs of the book; if none: {', '.join(PHOTOGRAPHS)}"
    parser.add_argument("photo", nargs="*", default=PHOTOGRAPHS, help=told)
    names = parser.parse_args(arguments).photo
    try:
        network = pretrained("imagenet")
        for name in names:
            answers = network.predict(photograph(name, grey=False))
            print(f"{name}: " + ", ".join(f"{answer} {share:.2f}" for answer, share in answers))
    except (ModuleNotFoundError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
