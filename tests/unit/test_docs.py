"""The documentation points at things that exist."""

import re
from pathlib import Path

import pytest

from nhiscan.cli import COMMANDS
from nhiscan.data import folder
from nhiscan.demo import run
from nhiscan.rule import load
from nhiscan.rule.page import page as rules_page

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


def test_the_page_of_rules_is_that_of_the_rule_files() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    assert text == rules_page(load([folder("rules")])), "run: python -m nhiscan.rule.page > docs/rules.md"


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    shown = re.search(
        r"^```text\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    lines: list[str] = []
    run(tmp_path / "nhiscan-demo", say=lines.append)
    printed = "\n".join(lines).replace(str(tmp_path) + "/", "") + "\n"
    assert shown is not None
    assert shown[1] == printed
