"""What can go wrong with an inventory, as exceptions with a message for a person. All of them can be pickled."""


class InventoryError(Exception):
    """The inventory cannot be used: not reachable, not ours, too old or too new, full. Becomes exit code 4."""


class SqlError(InventoryError):
    """The database refused a statement. The text is the database's own first line."""


class Locked(InventoryError):
    """Another run holds one of the planned scopes. Becomes exit code 5.

    ``started_at`` is epoch seconds UTC, the start of the run that holds it. Where the holder cannot be told, ``host``
    is "unknown" and both numbers are 0.
    """

    def __init__(self, scope: str, host: str, pid: int, started_at: int) -> None:
        super().__init__(scope, host, pid, started_at)
        self.scope = scope
        self.host = host
        self.pid = pid
        self.started_at = started_at

    def __str__(self) -> str:
        return f"another run holds {self.scope} (host {self.host}, process {self.pid})"
