"""What people call a scope."""

from nhiscan.inventory import Sql


def scope_names(sql: Sql, *, planned: bool = False) -> dict[str, str]:
    """Scope key -> its name, else the provider's id without a partition before it. ``planned``: of the scan alone."""
    rows = sql.rows("SELECT key, name, native_id FROM scope" + (" WHERE planned = 1" if planned else ""))
    return {key: name or native.rpartition(":")[2] for key, name, native in rows}
