"""The folder that the demo writes: two names in it are its own, and it touches nothing else."""

import secrets
from pathlib import Path

EVIDENCE, SIGNERS = "evidence", "allowed_signers"


class DemoProblem(Exception):
    """The demo cannot write where it was asked to. The message says why and what to do; becomes exit code 2."""


def check(folder: Path, principal: str) -> None:
    """Refuse a folder in which one of the demo's names is taken by something that no demo wrote. Raises DemoProblem."""
    if folder.exists() and not folder.is_dir():
        raise DemoProblem(f"{folder} is not a folder. Name another one")
    evidence, signers = folder / EVIDENCE, folder / SIGNERS
    if evidence.is_symlink() or (evidence.exists() and not evidence.is_dir()):
        raise DemoProblem(f"{evidence} is in the way and was not written by the demo. Move it, or name another folder")
    if evidence.is_dir() and any(evidence.iterdir()) and not (evidence / "bagit.txt").is_file():
        raise DemoProblem(f"{evidence} holds something that the demo did not write. Move it, or name another folder")
    if (signers.exists() or signers.is_symlink()) and not _ours(signers, principal):
        raise DemoProblem(f"{signers} was not written by the demo. Move it, or name another folder")


def make(folder: Path) -> None:
    """Make the folder where it is missing, before anything is scanned for nothing. Raises DemoProblem."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoProblem(f"cannot make the folder {folder}: {error.strerror}. Name another one with --out") from error


def write_signers(folder: Path, line: str) -> Path:
    """Write the allowed_signers file, whole or not at all."""
    path = folder / SIGNERS
    draft = folder / f".{SIGNERS}.draft-{secrets.token_hex(8)}"
    try:
        draft.write_text(line, encoding="ascii", newline="\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _ours(path: Path, principal: str) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return bool(lines) and all(line.startswith(f"{principal} ") for line in lines)
