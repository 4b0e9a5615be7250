"""`verify`: every check of a package, one after the other. None of them stops the others."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from nhiscan import plugins
from nhiscan.analyzer import Analyzer
from nhiscan.report import bag
from nhiscan.verify.integrity import FILES, check_files, check_signature, walk
from nhiscan.verify.outcome import Check


class Verification(NamedTuple):
    """All checks in the order made.

    ``signer``          fingerprint of the key that made a good signature, else None
    ``principal``       who that is by the allowed_signers file, else None
    ``signer_checked``  True where an allowed_signers file was given and names the signer
    """

    checks: tuple[Check, ...]
    signer: str | None
    principal: str | None
    signer_checked: bool

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def verify(
    path: Path,
    allowed_signers: Path | None = None,
    *,
    now: int,
    progress: Callable[[str], None] | None = None,
    analyzers: Mapping[str, Analyzer] | None = None,
) -> Verification:
    """Check the package in the folder or zip ``path``: its files, its signature, and that its verdicts follow.

    ``now`` (epoch seconds UTC) judges the validity dates of ``allowed_signers``, nothing else. Without that file a good
    signature is reported with its fingerprint, and who made it stays unchecked. ``analyzers`` work out derived facts
    again, by provider; None stands for those that are installed. Raises nothing for what is wrong with a package: that
    is what the checks say.
    """
    say = progress or (lambda _: None)
    using = plugins.analyzers() if analyzers is None else analyzers
    if path.is_dir():
        return _verify(path, path, allowed_signers, now, using, say)
    if not path.is_file():
        return _refused("is no folder" if path.exists() else "does not exist", path)
    if not zipfile.is_zipfile(path):
        return _refused("is no zip, and it is no folder", path)
    from nhiscan.verify.unpacking import Refused, unpacked

    say("unpacking")
    try:
        with unpacked(path) as root:
            return _verify(root, path, allowed_signers, now, using, say)
    except Refused as error:
        checks = (Check(FILES, ok=False, message=f"{path}: {reason}") for reason in error.reasons)
        return Verification(tuple(checks), None, None, signer_checked=False)


def _refused(why: str, path: Path) -> Verification:
    return Verification((Check(FILES, ok=False, message=f"{path} {why}"),), None, None, signer_checked=False)


def _verify(
    path: Path,
    named: Path,
    allowed_signers: Path | None,
    now: int,
    analyzers: Mapping[str, Analyzer],
    say: Callable[[str], None],
) -> Verification:
    """All checks of the package in the folder ``path``, which the user calls ``named``."""
    from nhiscan.verify.reperform import TESTS, reperform

    say("checking every file")
    found = walk(path)
    if not any(name in found.files for name in (bag.BAGIT, bag.MANIFEST, bag.TAG_MANIFEST)):
        return _refused(
            f"is no evidence package: it has none of {bag.BAGIT}, {bag.MANIFEST}, {bag.TAG_MANIFEST}", named
        )
    checks, listed = check_files(path, found)
    signed = check_signature(path, allowed_signers, now)
    checks += signed.checks
    if found.odd:
        message = "not performed again: the package holds something that is no regular file"
        checks.append(Check(TESTS, ok=False, message=message))
    else:
        # a file that no list names is judged by the file list alone; one that is listed and missing is named there too
        present = {name: digest for name, digest in listed.items() if name in found.files}
        checks += reperform(path, present, analyzers, say)
    return Verification(tuple(checks), signed.fingerprint, signed.principal, signed.principal is not None)
