"""Where the data that ships with nhiscan lies: the folders ``rules`` and ``reports``. Imports nothing from nhiscan.

In an installed wheel they lie inside the package, in a checkout beside it.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


class MissingData(Exception):
    """The installation is broken: a data folder lies neither in the package nor in a checkout around it."""


def folder(name: str) -> Path:
    """The folder of that name: ``rules`` or ``reports``. Raises MissingData."""
    packaged = _PACKAGE / "_data" / name
    if packaged.is_dir():
        return packaged
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    raise MissingData(
        f"the folder {name!r} is missing from this installation of nhiscan ({packaged}): install it again"
    )
