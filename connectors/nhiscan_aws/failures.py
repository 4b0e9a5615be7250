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
    """The credential report lacks columns. Raised after what it does say was delivered."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(columns)
        self.columns = columns

    def __str__(self) -> str:
        return f"the credential report has no column {', '.join(self.columns)}"


class InputNotRead(Exception):
    """A source rests on another one that gave nothing."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.source = source

    def __str__(self) -> str:
        return f"rests on {self.source}, which was not read"
