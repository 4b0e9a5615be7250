"""The commands of VERIFY.txt, run as they stand with the tools of the distribution."""

import re
import subprocess
from pathlib import Path

import pytest

from nhiscan.report import bag, keys

pytestmark = pytest.mark.openssh


def commands(package: Path) -> str:
    """The three steps for Linux, as copied from the file."""
    text = (package / bag.VERIFY).read_text()
    steps = text[text.index("    export LC_ALL=C") : text.index("Windows, in cmd:")]
    return "\n".join(line.removeprefix("    ") for line in steps.splitlines() if line.startswith("    "))


def run(package: Path) -> "subprocess.CompletedProcess[str]":
    """Stops at the first step that fails or, in step 2, prints."""
    script = "set -e\n" + re.sub(r"(?m)^(find \. ! -type f.*)$", r'test -z "$(\1)"', commands(package))
    return subprocess.run(["bash", "-c", script], cwd=package, capture_output=True, text=True, timeout=120)


def test_the_commands_of_verify_txt_accept_the_package(package: Path) -> None:
    assert all(tool in commands(package) for tool in ("sha256sum -c", "diff <(", "ssh-keygen -Y verify"))
    outcome = run(package)
    assert outcome.returncode == 0, outcome.stderr
    assert f'Good "nhiscan-evidence" signature for {keys.PRINCIPAL}' in outcome.stdout


@pytest.mark.parametrize("what", ["edited", "added", "beside", "removed", "info", "link", "unsigned", "stranger"])
def test_the_commands_of_verify_txt_refuse_what_was_tampered_with(package: Path, what: str) -> None:
    target = package / "data" / "03-population" / "keys.csv"
    if what == "edited":
        target.write_bytes(target.read_bytes().replace(b"AKIA", b"AKIB", 1))
    elif what == "added":
        (package / "data" / "more.txt").write_text("more")
    elif what == "beside":
        (package / "more.txt").write_text("more")
    elif what == "removed":
        target.unlink()
    elif what == "info":
        (package / bag.INFO).write_text("Payload-Oxum: 1.1\n")
    elif what == "link":
        target.rename(package.parent / "keys.csv")
        target.symlink_to(package.parent / "keys.csv")
    elif what == "unsigned":
        (package / bag.SIGNATURE).unlink()
    else:
        other = keys.signer_from_seed(b"s" * 32)
        (package / bag.SIGNATURE).write_text(other.sign((package / bag.TAG_MANIFEST).read_bytes()))
    assert run(package).returncode != 0


def test_the_signer_named_in_verify_txt_is_the_one_who_signed(package: Path) -> None:
    text = (package / bag.VERIFY).read_text()
    words = ["ssh-keygen", "-Y", "find-principals", "-f", str(package.parent / "allowed_signers")]
    found = subprocess.run(
        [*words, "-s", str(package / bag.SIGNATURE)], capture_output=True, text=True, timeout=60, check=True
    )
    assert found.stdout.strip() == keys.PRINCIPAL
    line = (package.parent / "allowed_signers").read_text().strip()
    assert line in text
