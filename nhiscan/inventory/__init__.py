"""The store: what was found, when, and what could not be read. The only package that knows SQLAlchemy and Alembic.

Importing it loads neither of them; they come in with `open_inventory`.
"""

from typing import TYPE_CHECKING, Any

from nhiscan.inventory.errors import InventoryError, Locked, SqlError
from nhiscan.inventory.finishing import Finishing
from nhiscan.inventory.info import Plan, ScanInfo
from nhiscan.inventory.sql import Sql, empty_sql, fill

if TYPE_CHECKING:
    from nhiscan.inventory.store import Bound, Inventory, Run, open_inventory

__all__ = [
    "Bound",
    "Finishing",
    "Inventory",
    "InventoryError",
    "Locked",
    "Plan",
    "Run",
    "ScanInfo",
    "Sql",
    "SqlError",
    "empty_sql",
    "fill",
    "open_inventory",
]


def __getattr__(name: str) -> Any:
    """Names that need SQLAlchemy are loaded when they are first asked for."""
    if name in ("Bound", "Inventory", "Run", "open_inventory"):
        from nhiscan.inventory import store

        return getattr(store, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
