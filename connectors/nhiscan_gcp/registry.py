"""The service accounts seen in a scan, by project: so that a member of a policy can be told to be one of them."""

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

_USUAL = re.compile(r"[^@]+@([a-z0-9-]+)(?:\.([a-z0-9.-]+))?\.iam\.gserviceaccount\.com", re.ASCII)
_COMPUTE = re.compile(r"([0-9]+)-compute@developer\.gserviceaccount\.com", re.ASCII)
_APP_ENGINE = re.compile(r"([a-z0-9-]+)(?:\.([a-z0-9.-]+))?@appspot\.gserviceaccount\.com", re.ASCII)


def home_of(email: str) -> str | None:
    """Id or number of the project in which an account lives, as its e-mail tells."""
    if found := _COMPUTE.fullmatch(email):
        return found[1]
    if found := _USUAL.fullmatch(email) or _APP_ENGINE.fullmatch(email):
        return f"{found[2]}:{found[1]}" if found[2] else found[1]
    return None


def default_of(email: str) -> str | None:
    """``/default/compute/`` or ``/default/appengine/`` for the accounts that Google makes in a customer's project."""
    if _COMPUTE.fullmatch(email):
        return "/default/compute/"
    return "/default/appengine/" if _APP_ENGINE.fullmatch(email) else None


@dataclass
class Listed:
    """The accounts of one project, all of them: by e-mail and by unique id -> key of the identity."""

    keys: dict[str, str] = field(default_factory=dict)
    emails: list[str] = field(default_factory=list)

    def put(self, email: str, unique_id: str, key: str) -> None:
        self.keys[email] = self.keys[unique_id] = key
        self.emails.append(email)


class Registry:
    """What the organisation-wide listing gave, for the sources that come after it, in any thread.

    What a listing of one project gives is kept with that project alone: projects are read in any order, and what one
    says must not hang on whether another was read before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._accounts: dict[str, Listed] = {}
        self._user_keys: dict[str, frozenset[str]] = {}
        self._services: dict[str, frozenset[str]] = {}

    def put(self, accounts: dict[str, Listed], projects: Iterable[str]) -> None:
        """The listing came to its end: it holds all accounts of ``projects`` (keys of scopes)."""
        with self._lock:
            self._accounts.update({project: accounts.get(project, Listed()) for project in projects})

    def accounts(self, project: str) -> Listed | None:
        """None: not listed."""
        with self._lock:
            return self._accounts.get(project)

    def put_user_keys(self, holders: dict[str, set[str]], projects: Iterable[str]) -> None:
        """Keys of the identities with keys that somebody has to keep, of all ``projects``."""
        with self._lock:
            self._user_keys.update({project: frozenset(holders.get(project, ())) for project in projects})

    def user_keys(self, project: str) -> frozenset[str] | None:
        """None: not listed."""
        with self._lock:
            return self._user_keys.get(project)

    def put_role(self, name: str, services: frozenset[str]) -> None:
        """A custom role gives permissions in these services."""
        with self._lock:
            self._services[name] = services

    def services(self, role: str) -> frozenset[str]:
        """Of a custom role; none where it was not listed."""
        with self._lock:
            return self._services.get(role, frozenset())
