"""One organisation, folder or project opened for reading."""

from dataclasses import dataclass, field

from nhiscan.connector import Context
from nhiscan.model import Scope
from nhiscan_gcp.failures import Refused
from nhiscan_gcp.hierarchy import Tree
from nhiscan_gcp.iam import Iam
from nhiscan_gcp.predefined import Predefined
from nhiscan_gcp.registry import Listed, Registry, home_of
from nhiscan_gcp.rest import Rest


@dataclass
class Node:
    """The scope client: used by one thread at a time, apart from `rest` and `iam`, which fanned-out calls share."""

    scope: Scope
    name: str  # "organizations/1", "folders/2", "projects/<id>"
    rest: Rest
    iam: Iam
    context: Context
    tree: Tree
    registry: Registry
    predefined: Predefined
    alone: bool  # nothing but projects was named: there is no listing from above
    read_time: int  # as of when the asset inventory is asked; the same for the whole scan
    own: Listed | None = None  # the accounts of this project, where they were listed project by project
    own_user_keys: frozenset[str] | None = None
    listed: int | None = None  # accounts that were listed from here
    _asked: dict[str, str | None] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.scope.key

    @property
    def project(self) -> str:
        """The id, where it is a project."""
        return self.scope.native_id

    def source(self, above: str, each: str) -> str:
        """Which of two sources was planned here: the listing from above, or the one project by project."""
        return each if self.alone else above

    def below(self) -> list[str]:
        """Keys of the scopes that a source reads from here, this one left out."""
        return self.tree.below(self.key)

    def projects(self) -> list[str]:
        """Keys of the projects that a source reads from here."""
        found = [key for key in self.below() if self.tree.scopes[key].kind == "project"]
        return [self.key] if self.scope.kind == "project" else found

    def accounts(self) -> Listed | None:
        """All accounts of this project, whichever source listed them. None: none did."""
        return self.own or self.registry.accounts(self.key)

    def user_keys(self) -> frozenset[str] | None:
        """Keys of the identities of this project that hold user-managed keys. None: not known."""
        found = self.own_user_keys
        return self.registry.user_keys(self.key) if found is None else found

    def identity(self, email: str) -> str | None:
        """Key of the account with an e-mail, where its project is planned.

        From the listing of its project where this scan may rest on it. Else the account alone is asked for, so that
        a grant names the same principal whichever way the policies were read. Who cannot be seen is nobody we know.
        """
        home = home_of(email)
        project = self.tree.project(home) if home else None
        if home is None or project is None:
            return None
        listed = self.accounts() if project == self.key else self.registry.accounts(project)
        if listed is not None:
            return listed.keys.get(email)
        if email not in self._asked:
            self._asked[email] = self._ask(project, email)
        return self._asked[email]

    def _ask(self, project: str, email: str) -> str | None:
        try:
            found = self.iam.account(self.tree.scopes[project].native_id, email)
        except Refused as error:
            if error.hidden:
                return None
            raise
        return f"{project}/service_account/{found['uniqueId']}"

    def close(self) -> None:
        """Nothing of its own is open: clients belong to the session."""
