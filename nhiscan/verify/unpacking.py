"""A package that travels as a zip: unpacked into a folder that vanishes again, or refused before a byte is written."""

import lzma
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nhiscan.report import bag
from nhiscan.text import visible

_MOST_ENTRIES = 100_000
_MOST_BYTES = 64 << 30  # unpacked
_BLOCK = 1 << 20
_SHOWN = 20


class Refused(Exception):
    """A zip that is not unpacked. ``reasons`` name the entry, each on its own."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(reasons)
        self.reasons = reasons


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The package in the zip ``path`` as a folder, until the context ends.

    The package lies at the top of the zip or in the one folder there. Names are those of a package or nothing is
    unpacked at all: no absolute ones, no ``..``, no backslash, none twice, none that differ by case alone. Links and
    encrypted entries are refused, and so is more than the sizes above. Raises Refused.
    """
    with tempfile.TemporaryDirectory(prefix="nhiscan-verify-") as folder:
        root = Path(folder) / "package"
        root.mkdir()
        try:
            with zipfile.ZipFile(path) as archive:
                for name, entry in _judged(archive.infolist()).items():
                    _write(archive, entry, root / name)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, OSError) as error:
            raise Refused([f"the zip cannot be read: {getattr(error, 'strerror', None) or error}"]) from error
        yield root


def _judged(entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Name within the package -> entry. Raises Refused with everything that stands against it."""
    if len(entries) > _MOST_ENTRIES:
        raise Refused([f"the zip holds more than {_MOST_ENTRIES} entries"])
    if sum(entry.file_size for entry in entries) > _MOST_BYTES:
        raise Refused([f"the zip holds more than {_MOST_BYTES} bytes"])
    top = _top([entry.orig_filename for entry in entries])
    found: dict[str, zipfile.ZipInfo] = {}
    folded: dict[str, str] = {}
    wrong: list[str] = []
    for entry in entries:
        shown = visible(entry.orig_filename)
        name = entry.orig_filename.removeprefix(top)
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if name == "" or (name.endswith("/") and bag.NAME.fullmatch(name[:-1])):
            continue  # a folder comes with what lies in it
        if not entry.orig_filename.startswith(top):
            wrong.append(f"{shown}: lies outside the package")
        elif not bag.NAME.fullmatch(name):
            wrong.append(f"{shown}: the name is none that a package uses")
        elif kind not in (0, stat.S_IFREG):
            wrong.append(f"{shown}: {'is a symbolic link' if kind == stat.S_IFLNK else 'is no regular file'}")
        elif entry.flag_bits & 1:
            wrong.append(f"{shown}: is encrypted")
        elif name.lower() in folded:
            other = folded[name.lower()]
            wrong.append(f"{shown}: {'is there twice' if other == name else f'differs from {other} by case alone'}")
        else:
            folded[name.lower()] = name
            found[name] = entry
    if wrong:
        raise Refused(wrong[:_SHOWN] + ([f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []))
    return found


def _top(names: list[str]) -> str:
    """The folder in which the package lies, with its slash: none where ``bagit.txt`` lies at the top."""
    if bag.BAGIT in names:
        return ""
    places = {name.removesuffix(bag.BAGIT) for name in names if name.count("/") == 1 and name.endswith("/" + bag.BAGIT)}
    return places.pop() if len(places) == 1 else ""


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, to.open("xb") as out:
        while block := source.read(_BLOCK):
            out.write(block)
