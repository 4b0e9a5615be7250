"""Plugins that are there, and plugins that are broken."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nhiscan import plugins
from nhiscan.plugins import PluginError

Install = Callable[[str, str], None]

CONNECTOR = """
from nhiscan.connector import Connector
def nothing(*arguments): raise NotImplementedError
THING = Connector({name!r}, "Thing", (), nothing, nothing, nothing, nothing)
WRONG = 5
"""


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Puts a distribution with entry points (and a module nhiscan_thing) on the path for the time of the test."""
    sys.path.insert(0, str(tmp_path))

    def write(entries: str, module: str = "") -> None:
        info = tmp_path / f"thing{len(list(tmp_path.iterdir()))}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {info.name.partition('-')[0]}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(entries)
        (tmp_path / "nhiscan_thing.py").write_text(module)

    yield write
    sys.path.remove(str(tmp_path))
    sys.modules.pop("nhiscan_thing", None)


def test_the_register_and_the_connectors_installed_are_found() -> None:
    found = plugins.connectors()
    assert {"aws", "register"} <= found.keys()
    assert list(found) == sorted(found)
    assert "aws" in plugins.analyzers()
    assert "aws" in plugins.simulations()


def test_finding_connectors_loads_no_sdk() -> None:
    code = (
        "import sys; from nhiscan import plugins; plugins.connectors()\n"
        "print([name for name in ('boto3', 'botocore', 'moto') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_connector_of_somebody_else_is_found(install: Install) -> None:
    install("[nhiscan.connectors]\nthing = nhiscan_thing:THING\n", CONNECTOR.format(name="thing"))
    assert plugins.connectors()["thing"].title == "Thing"


@pytest.mark.parametrize(
    ("entries", "name", "message"),
    [
        ("thing = nhiscan_nowhere:THING", "thing", "cannot be loaded"),
        ("thing = nhiscan_thing:NOTHING", "thing", "cannot be loaded"),
        ("thing = nhiscan_thing:WRONG", "thing", "is not a Connector"),
        ("thing = nhiscan_thing:THING", "other", "calls itself 'other'"),
        ("register = nhiscan_thing:THING", "register", "built in"),
    ],
)
def test_a_broken_plugin_is_named(install: Install, entries: str, name: str, message: str) -> None:
    install(f"[nhiscan.connectors]\n{entries}\n", CONNECTOR.format(name=name))
    with pytest.raises(PluginError, match=message) as caught:
        plugins.connectors()
    assert str(caught.value).startswith(f"nhiscan.connectors: {entries.partition(' ')[0]}: ")


def test_two_packages_cannot_have_one_name(install: Install) -> None:
    install("[nhiscan.connectors]\nthing = nhiscan_thing:THING\n", CONNECTOR.format(name="thing"))
    install("[nhiscan.connectors]\nthing = nhiscan_thing:WRONG\n", CONNECTOR.format(name="thing"))
    with pytest.raises(PluginError, match="two packages want this name"):
        plugins.connectors()


def test_an_analyzer_belongs_to_its_provider(install: Install) -> None:
    module = (
        "from nhiscan.analyzer import Analyzer\n"
        "THING = Analyzer('other', frozenset(), frozenset(), lambda records, scope: iter(()))\n"
    )
    install("[nhiscan.analyzers]\nthing = nhiscan_thing:THING\n", module)
    with pytest.raises(PluginError, match="it is for 'other'"):
        plugins.analyzers()
