"""The one session of a process: who reads, the tree of scopes, and the clients that all scopes share."""

import warnings
from collections.abc import Iterable
from typing import Any

import google.auth
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
from google.auth.transport.requests import Request

from nhiscan.connector import Context, NoAccess, OptionError, Settings
from nhiscan.model import Scope
from nhiscan_gcp import declare, endpoints, hierarchy
from nhiscan_gcp.classify import clean
from nhiscan_gcp.hierarchy import Tree, Wanted
from nhiscan_gcp.iam import Iam
from nhiscan_gcp.node import Node
from nhiscan_gcp.predefined import Predefined
from nhiscan_gcp.registry import Registry
from nhiscan_gcp.rest import Rest

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)  # the asset inventory takes no narrower one
READ_BEHIND = 60
"""Seconds by which the asset inventory is read behind the clock: its newest moments differ from call to call."""
_REMEDY = (
    "Give credentials in one of the ways Google's libraries read them: gcloud auth application-default login, "
    "GOOGLE_APPLICATION_CREDENTIALS, or a service account of the machine; then try: gcloud auth application-default "
    "print-access-token"
)


def _why(error: DefaultCredentialsError) -> str:
    """What is wrong with a file of credentials, by its name; that there are none, in our own words."""
    said = clean(str(error))
    if said.startswith("Your default credentials"):
        return "no Google Cloud credentials were found"
    return f"the Google Cloud credentials cannot be used: {said}"


class GcpSession:
    """Implements `nhiscan.connector.Session`."""

    def __init__(self, settings: Settings, context: Context) -> None:
        """Raises OptionError for settings that cannot work and NoAccess without credentials, before any call."""
        self._context = context
        self._settings = settings
        self._wanted = Wanted.of(settings)
        named = endpoints.given(str(one) for one in settings.get("endpoint") or ())
        quota: str | None = settings.get("quota-project") or None
        if quota is not None and not hierarchy.is_project(quota):
            raise OptionError("quota-project", f"{quota!r} is not the id or number of a project")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that a person's own credentials have no quota project
                self._credentials, _ = google.auth.default(scopes=SCOPES)
        except DefaultCredentialsError as error:
            raise NoAccess(_why(error), _REMEDY) from error
        except GoogleAuthError as error:
            raise NoAccess(f"the Google Cloud credentials cannot be used ({type(error).__name__})", _REMEDY) from error
        self._quota = quota or getattr(self._credentials, "quota_project_id", None)
        if quota and hasattr(self._credentials, "with_quota_project"):
            self._credentials = self._credentials.with_quota_project(quota)
        universe = getattr(self._credentials, "universe_domain", None) or "googleapis.com"
        addresses = endpoints.addresses(named, universe)
        self._rest = Rest(self._credentials, addresses, context, self._quota)
        self._iam = Iam(self._credentials, addresses[endpoints.GRPC], context, quota)
        self._predefined = Predefined(self._iam)
        self._registry = Registry()
        self._tree = Tree()
        self._read_time = context.clock() - READ_BEHIND

    def caller(self) -> dict[str, str]:
        """Who reads, as the credentials say it. Fetches the first token."""
        credentials: Any = self._credentials
        try:
            if not credentials.valid:
                credentials.refresh(Request())
        except GoogleAuthError as error:  # its text may quote the answer of the token endpoint
            raise NoAccess(f"Google gives no token for the credentials ({type(error).__name__})", _REMEDY) from error
        who = getattr(credentials, "service_account_email", None) or getattr(credentials, "account", None)
        found = {"principal": str(who or "unknown"), "credentials": type(credentials).__module__.rpartition(".")[2]}
        return {**found, "quota_project": str(self._quota)} if self._quota else found

    def scopes(self) -> Iterable[Scope]:
        """What the options name and what is below it, else all that the caller sees."""
        self._tree = hierarchy.read(self._rest, self._wanted)
        self._predefined.read()
        return [self._tree.scopes[key] for key in sorted(self._tree.scopes)]

    def enter(self, scope: Scope) -> Node:
        """Open a scope; no call is made. Raises what Resource Manager said of a project that could not be looked up."""
        if scope.key in self._tree.unread:
            raise self._tree.unread[scope.key]
        return Node(
            scope=scope,
            name=self._tree.nodes[scope.key],
            rest=self._rest,
            iam=self._iam,
            context=self._context,
            tree=self._tree,
            registry=self._registry,
            predefined=self._predefined,
            alone=not declare.has_upper(self._settings),
            read_time=self._read_time,
        )

    def close(self) -> None:
        """End the connections, and let go of what was held for the sources: storing has its own needs."""
        self._rest.close()
        self._iam.close()
        self._registry, self._tree, self._predefined = Registry(), Tree(), Predefined(self._iam)
