"""The store: what was found, when, and what could not be read. The only package that knows SQLAlchemy and Alembic.

Importing it loads neither of them; they come in when a database is opened.
"""

from nhiscan.inventory.errors import InventoryError, Locked, SqlError
from nhiscan.inventory.sql import Sql, empty_sql, fill

__all__ = ["InventoryError", "Locked", "Sql", "SqlError", "empty_sql", "fill"]
