"""What is installed: connectors, analyzers and simulated clouds, found through entry points when they are asked for.

========================  ===============================================
group                     object
========================  ===============================================
``nhiscan.connectors``    `nhiscan.connector.Connector`, named as its key
``nhiscan.analyzers``     `nhiscan.analyzer.Analyzer`, its provider as key
``nhiscan.simulations``   `nhiscan.testing.simulation.Simulation`
========================  ===============================================

The connector `register` is built in and is no entry point: no package can take its place.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nhiscan.analyzer import Analyzer
from nhiscan.connector import Connector

CONNECTORS, ANALYZERS, SIMULATIONS = "nhiscan.connectors", "nhiscan.analyzers", "nhiscan.simulations"
REGISTER = "register"


class PluginError(Exception):
    """An installed plugin cannot be used: it does not import, is the wrong thing, or takes a name that is taken."""

    def __init__(self, group: str, name: str, message: str) -> None:
        super().__init__(group, name, message)
        self.group = group
        self.name = name
        self.message = message

    def __str__(self) -> str:
        return f"{self.group}: {self.name}: {self.message}"


def connectors() -> dict[str, Connector]:
    """Name -> connector, sorted by name, `register` included. No SDK is imported. Raises PluginError."""
    from nhiscan.register import CONNECTOR

    found: dict[str, Connector] = {REGISTER: CONNECTOR}
    for name, plugin in _load(CONNECTORS, Connector).items():
        if name in found:
            raise PluginError(CONNECTORS, name, "the name belongs to the connector that is built in")
        if plugin.name != name:
            raise PluginError(CONNECTORS, name, f"the connector calls itself {plugin.name!r}")
        found[name] = plugin
    return dict(sorted(found.items()))


def analyzers() -> dict[str, Analyzer]:
    """Provider -> analyzer, sorted by provider. Raises PluginError."""
    found: dict[str, Analyzer] = _load(ANALYZERS, Analyzer)
    for name, plugin in found.items():
        if plugin.provider != name:
            raise PluginError(ANALYZERS, name, f"the analyzer says that it is for {plugin.provider!r}")
    return found


def simulations() -> dict[str, Any]:
    """Name -> simulated cloud (`nhiscan.testing.simulation.Simulation`), sorted by name. Raises PluginError."""
    return _load(SIMULATIONS, object)


def _load(group: str, kind: type) -> dict[str, Any]:
    points: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        # An editable install beside a wheel shows the same entry point twice; two packages that want one name do not.
        other = points.setdefault(point.name, point)
        if other.value != point.value:
            raise PluginError(group, point.name, f"two packages want this name: {other.value} and {point.value}")
    return {name: _one(points[name], kind) for name in sorted(points)}


def _one(point: EntryPoint, kind: type) -> Any:
    try:
        plugin = point.load()
    except (ImportError, AttributeError) as error:
        raise PluginError(point.group, point.name, f"{point.value} cannot be loaded: {error}") from error
    if not isinstance(plugin, kind):
        raise PluginError(point.group, point.name, f"{point.value} is not a {kind.__name__}")
    return plugin
