"""Why a source of this connector could not be read. All are picklable, and none holds a secret."""


class Unread(Exception):
    """What all of these are."""


class Refused(Unread):
    """An API answered with an error, REST or gRPC.

    ``status`` is the HTTP status, ``code`` Google's own ("PERMISSION_DENIED"), ``reason`` that of its ErrorInfo
    ("SERVICE_DISABLED") where it gave one. ``attempts`` were made.
    """

    def __init__(
        self,
        operation: str,
        status: int,
        code: str,
        said: str,
        reason: str | None = None,
        permission: str | None = None,
        attempts: int = 1,
    ) -> None:
        super().__init__(operation, status, code, said, reason, permission, attempts)
        self.operation = operation
        self.status = status
        self.code = code
        self.said = said
        self.reason = reason
        self.permission = permission
        self.attempts = attempts

    @property
    def hidden(self) -> bool:
        """Not there, or not for the caller to see: Google often tells the two apart by nothing."""
        return self.status in (403, 404) and self.reason != "SERVICE_DISABLED"

    def __str__(self) -> str:
        return f"{self.operation}: {self.status} {self.code}: {self.said}"


class Unreachable(Unread):
    """No answer: the connection failed, or nothing came in time. ``kind`` names the error of the library."""

    def __init__(self, operation: str, kind: str, attempts: int) -> None:
        super().__init__(operation, kind, attempts)
        self.operation = operation
        self.kind = kind
        self.attempts = attempts

    def __str__(self) -> str:
        return f"{self.operation} was not answered: {self.kind}, given up after {self.attempts} attempts"


class Redirected(Unread):
    """An API answered with a redirect. It is never followed: no API of Google redirects."""

    def __init__(self, operation: str, host: str) -> None:
        super().__init__(operation, host)
        self.operation = operation
        self.host = host

    def __str__(self) -> str:
        return f"{self.operation} was answered with a redirect to {self.host or 'nowhere'}, which is not followed"


class BadAnswer(Unread):
    """An answer is not what the API promises."""

    def __init__(self, operation: str, what: str) -> None:
        super().__init__(operation, what)
        self.operation = operation
        self.what = what

    def __str__(self) -> str:
        return f"the answer of {self.operation} {self.what}"


class NotCredible(Unread):
    """The credentials could not be renewed. The error of the library may quote an answer, so it is not passed on."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"the credentials could not be renewed ({self.kind})"


class InputNotRead(Unread):
    """A source rests on another one that gave nothing, or not all."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.source = source

    def __str__(self) -> str:
        return f"rests on {self.source}, which was not read"
