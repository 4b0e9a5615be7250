"""Why a source of this connector could not be read. All are picklable, and none holds a secret."""

from nhiscan.connector import Unread


class Refused(Unread):
    """An API answered with an error.

    ``code`` is Microsoft's own ("Authorization_RequestDenied"), ``permission`` the one that is missing where the error
    tells. ``attempts`` were made.
    """

    def __init__(
        self,
        operation: str,
        status: int,
        code: str,
        said: str,
        permission: str | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(operation, status, code, said, permission, attempts)
        self.operation = operation
        self.status = status
        self.code = code
        self.said = said
        self.permission = permission
        self.attempts = attempts

    def __str__(self) -> str:
        return f"{self.operation}: {self.status} {self.code}: {self.said}"


class Unreachable(Unread):
    """No answer: the connection failed, or nothing came in time. ``kind`` names the error of the library."""

    def __init__(self, operation: str, kind: str) -> None:
        super().__init__(operation, kind)
        self.operation = operation
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.operation} was not answered: {self.kind}"


class ForeignOrigin(Unread):
    """A page link leads to another origin. It is not followed: the token would go there.

    A sign of a tampered or misconfigured proxy, hence a gap of its own kind.
    """

    def __init__(self, operation: str, host: str) -> None:
        super().__init__(operation, host)
        self.operation = operation
        self.host = host

    def __str__(self) -> str:
        return f"{self.operation} names a next page at {self.host or 'no host'}, another origin; it was not asked"


class NotCredible(Unread):
    """No token could be had. The error of the library may quote an answer, so it is not passed on."""

    def __init__(self, operation: str, kind: str) -> None:
        super().__init__(operation, kind)
        self.operation = operation
        self.kind = kind

    def __str__(self) -> str:
        return f"no token could be had for {self.operation} ({self.kind})"


class NotGranted(Unread):
    """The token does not hold a permission without which Graph leaves a value empty, and says nothing."""

    def __init__(self, operation: str, permission: str) -> None:
        super().__init__(operation, permission)
        self.operation = operation
        self.permission = permission

    def __str__(self) -> str:
        return f"{self.operation}: the token does not hold {self.permission}, and values would be empty without a word"


class TooMany(Unread):
    """Resource Graph looked at the first 10,000 subscriptions only, and says so."""

    def __init__(self, operation: str) -> None:
        super().__init__(operation)
        self.operation = operation

    def __str__(self) -> str:
        return f"{self.operation} looked at 10,000 subscriptions, and there are more"


class Unseen(Unread):
    """What a scan would read below the tenant does not show: nothing there is known to be complete."""

    def __init__(self, operation: str, what: str, permission: str) -> None:
        super().__init__(operation, what, permission)
        self.operation = operation
        self.what = what
        self.permission = permission

    def __str__(self) -> str:
        return f"{self.operation} shows no {self.what}"
