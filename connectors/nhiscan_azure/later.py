"""The run of a source, imported when it runs: the SDK is not there yet when it is declared."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Record


def later(module: str, name: str = "run") -> Callable[[Any, Reader], Iterator[Record]]:
    """The function ``name`` of ``nhiscan_azure.sources.<module>``."""

    def run(node: Any, reader: Reader) -> Iterator[Record]:
        found: Callable[[Any, Reader], Iterator[Record]] = getattr(
            import_module(f"nhiscan_azure.sources.{module}"), name
        )
        return found(node, reader)

    return run
