"""Google's predefined roles, listed once a scan: three pages that are the same for everybody."""

import threading
from collections.abc import Mapping

from nhiscan.connector import Unread
from nhiscan.model import Document
from nhiscan_gcp.iam import Iam
from nhiscan_gcp.records import role_document


class Predefined:
    """Role -> its definition. The session asks first, so that no source's transcript depends on who came first."""

    def __init__(self, iam: Iam) -> None:
        self._iam = iam
        self._lock = threading.Lock()
        self._roles: Mapping[str, Document] | None = None
        self._error: Unread | None = None

    def read(self) -> None:
        """Ask, once. What goes wrong is kept for the sources that want to know."""
        with self._lock:
            if self._roles is not None or self._error is not None:
                return
            try:
                self._roles = {str(role["name"]): role_document(role) for role in self._iam.roles("")}
            except Unread as error:
                self._error = error

    def roles(self) -> Mapping[str, Document]:
        """Raises what went wrong when they were read."""
        self.read()
        if self._error is not None:
            raise self._error
        assert self._roles is not None
        return self._roles
