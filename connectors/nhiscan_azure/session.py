"""The one session of a process: who reads, the tree of scopes, and the clients that all scopes share."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from nhiscan.connector import Context, NoAccess, Settings
from nhiscan.model import Scope
from nhiscan_azure import containers, credentials, declare, keys, organization
from nhiscan_azure.authorization import Authorization
from nhiscan_azure.endpoints import endpoints
from nhiscan_azure.estate import Estate
from nhiscan_azure.hierarchy import Tree, Wanted
from nhiscan_azure.node import Node
from nhiscan_azure.organization import Organization
from nhiscan_azure.pipeline import pipeline
from nhiscan_azure.registry import Registry
from nhiscan_azure.resourcegraph import ResourceGraph
from nhiscan_azure.service import Service
from nhiscan_azure.sight import Sight

_REMEDY = (
    "Give credentials in one of the ways azure-identity reads them: AZURE_TENANT_ID, AZURE_CLIENT_ID and "
    "AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH, a workload or managed identity, or az login; then try: "
    "az account get-access-token"
)
_NO_TENANT = "Name it with --azure-tenant"
EVENTUAL = {"ConsistencyLevel": "eventual", "x-ms-throttle-priority": "Low"}
"""Headers of every call to Graph: counting needs the first, and a scan gives way to whatever is more urgent."""


class AzureSession:
    """Implements `nhiscan.connector.Session`."""

    def __init__(self, settings: Settings, context: Context) -> None:
        """Raises OptionError for settings that cannot work, before any call."""
        self._settings = settings
        self._context = context
        self._wanted = Wanted.of(settings)
        self._where = endpoints(
            str(settings.get("cloud") or "public"), (str(one) for one in settings.get("endpoint") or ())
        )
        self._credential: TokenCredential = credentials.credential(self._where, self._wanted.tenant)
        graph, arm = self._where.graph, self._where.arm
        self._graph = Service(graph, pipeline(graph, "graph", self._credential, context, EVENTUAL))
        self._arm = Service(arm, pipeline(arm, "arm", self._credential, context))
        self._estate = Estate(
            ResourceGraph(self._arm, context), Authorization(arm, self._credential, context), Sight(self._arm, context)
        )
        self._tree: Tree | None = None
        self._organization = Organization()
        self._registry = Registry()

    @cached_property
    def _claims(self) -> Mapping[str, Any]:
        """What the first token says. Raises NoAccess where there is none."""
        base = self._where.graph if self._wanted.directory else self._where.arm
        try:
            token = self._credential.get_token(f"{base}/.default")
        except AzureError as error:  # its text may quote the answer of the token service
            raise NoAccess(f"Microsoft gives no token for the credentials ({type(error).__name__})", _REMEDY) from error
        return credentials.claims(token.token)

    @property
    def _granted(self) -> frozenset[str]:
        """Application permissions (``roles``), or delegated ones (``scp``)."""
        roles, scopes = self._claims.get("roles"), self._claims.get("scp")
        held = [str(one) for one in roles] if isinstance(roles, list) else []
        return frozenset([*held, *(scopes.split() if isinstance(scopes, str) else [])])

    def caller(self) -> dict[str, str]:
        """Who reads, as the token says it."""
        told = self._claims
        who = told.get("upn") or told.get("unique_name") or told.get("app_displayname") or told.get("appid")
        found = {"principal": str(who or "unknown"), "tenant": self._tenant()}
        for name, claim in (("object_id", "oid"), ("app_id", "appid"), ("type", "idtyp")):
            if told.get(claim):
                found[name] = str(told[claim])
        return found

    def _tenant(self) -> str:
        found = str(self._wanted.tenant or self._claims.get("tid") or "").lower()
        if not keys.GUID.fullmatch(found):
            raise NoAccess("the token does not tell which tenant it is for", _NO_TENANT)
        return found

    def scopes(self) -> Iterable[Scope]:
        """The tenant, and below it what the options name, else all that the caller sees."""
        native = self._tenant()
        if self._wanted.directory:
            self._organization = organization.ask(self._graph)
        name = self._organization.name
        tenant = Scope(keys.tenant(native), "azure", "tenant", native, name, state="active")
        self._tree = containers.read(self._arm, self._estate.graph, self._wanted, tenant)
        return [self._tree.scopes[key] for key in sorted(self._tree.scopes)]

    def enter(self, scope: Scope) -> Node:
        """Open a scope; no call is made."""
        assert self._tree is not None, "scopes() comes first"
        return Node(
            scope=scope,
            graph=self._graph,
            arm=self._arm,
            estate=self._estate,
            context=self._context,
            tree=self._tree,
            settings=self._settings,
            organization=self._organization,
            registry=self._registry,
            assignments=declare.assignments(self._settings),
            granted=self._granted,
        )

    def close(self) -> None:
        self._graph.close()
        self._arm.close()
        self._estate.close()
        close = getattr(self._credential, "close", None)
        if close is not None:
            close()
