"""Why a source of this connector could not be read, where no exception of the SDK says it. All are picklable."""


class CannotAssume(Exception):
    """The role of an account could not be assumed. ``code`` and ``said`` are the provider's own words."""

    def __init__(self, role: str, code: str, said: str, denied: bool) -> None:
        super().__init__(role, code, said, denied)
        self.role = role
        self.code = code
        self.said = said
        self.denied = denied

    def __str__(self) -> str:
        return f"cannot assume {self.role}: {self.said}"


class ReportNotReady(Exception):
    """The credential report was asked for and not finished in time."""

    def __init__(self, tries: int) -> None:
        super().__init__(tries)
        self.tries = tries

    def __str__(self) -> str:
        return f"the credential report was not ready after it was asked for {self.tries} times"


class ReportIncomplete(Exception):
    """The credential report lacks something. Raised after what it does say was delivered.

    ``columns`` are missing; ``more`` says in words what else is.
    """

    def __init__(self, columns: tuple[str, ...], more: tuple[str, ...] = ()) -> None:
        super().__init__(columns, more)
        self.columns = columns
        self.more = more

    def __str__(self) -> str:
        missing = (f"it has no column {', '.join(self.columns)}",) if self.columns else ()
        return f"the credential report is not complete: {'; '.join((*missing, *self.more))}"


class ListCut(Exception):
    """A listing lacks something. Without ``lacks``: its last page says that more follows."""

    def __init__(self, operation: str, lacks: str | None = None) -> None:
        super().__init__(operation, lacks)
        self.operation = operation
        self.lacks = lacks

    def __str__(self) -> str:
        lacks = "says that more follows, and names no next page" if self.lacks is None else f"lacks {self.lacks}"
        return f"the answer of {self.operation} {lacks}"


class LastAccessedNotGiven(Exception):
    """The service last accessed data of an identity did not come. ``why`` continues a sentence."""

    def __init__(self, identity: str, why: str) -> None:
        super().__init__(identity, why)
        self.identity = identity
        self.why = why

    def __str__(self) -> str:
        return f"the service last accessed data of {self.identity} {self.why}"
