"""Find the files that packages ship, without running these packages."""

from importlib.util import find_spec
from pathlib import Path

from cnnbook.datasets._fetching import DatasetError

IMPORT_NAMES = {"scikit-learn": "sklearn", "scikit-image": "skimage"}


def shipped(package, file):
    """Return the path of a file in an installed package.

    The package is not imported: that takes time, and some of them may ask a network for files.

    Parameters
    ----------
    package : str
        As pip names it; it is imported under that name, or one of `IMPORT_NAMES`.
    file : str
        Its place in the package.

    Returns
    -------
    Path

    Raises
    ------
    DatasetError
        If the package is not installed, or holds no such file.
    """
    found = find_spec(IMPORT_NAMES.get(package, package))
    if found is None:
        raise DatasetError(
            f"{Path(file).name} comes with {package}, which is not installed: pip install {package}"
        )
    path = Path(found.submodule_search_locations[0], file)
    if not path.is_file():
        raise DatasetError(
            f"{package} is installed, but holds no {file}: "
            f"pip install --upgrade --force-reinstall {package}"
        )
    return path
