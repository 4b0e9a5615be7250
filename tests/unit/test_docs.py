"""The documentation points at things that exist."""

import re
from pathlib import Path

import pytest

from nhiscan.cli import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

pytestmark = pytest.mark.checkout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) if "://" not in link]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_named_in_the_pages_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
    named = {word for piece in code for word in re.findall(r"(?:^|/)nhiscan ([a-z]+)", piece, flags=re.MULTILINE)}
    assert named <= set(COMMANDS)


def test_no_page_names_a_place_that_only_one_machine_has() -> None:
    hosts = ("files.pythonhosted" + ".org", "pypi" + ".org/simple", "registry.npmjs" + ".org", "deb.debian" + ".org")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not any(host in text for host in hosts)
        assert not re.search(r"(?<![\w.])/(root|work|home/[a-z]+)/", text)
