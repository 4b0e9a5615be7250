"""Why a source of this connector could not be read. All are picklable, and none holds a secret."""

from nhiscan.connector import Unread


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


class NotCredible(Unread):
    """The credentials could not be renewed. The error of the library may quote an answer, so it is not passed on."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return f"the credentials could not be renewed ({self.kind})"
