"""Estates of Google Cloud in memory, for tests and benchmarks of the analyzer: records as the connector writes them."""

import json
from collections.abc import Sequence

from nhiscan.model import Credential, Identity, Policy, Scope, Setting
from nhiscan.testing.records import MemoryRecords
from nhiscan_gcp import records as written
from nhiscan_gcp.analyzer.members import member_of

ORGANIZATION = "1000"
TOP = f"gcp/organization/{ORGANIZATION}"


class Sketch:
    """An organisation with its folders, projects and accounts. The account ``ci`` of the project ``shop`` is
    ``ci@shop.iam.gserviceaccount.com``.
    """

    def __init__(self, as_of: int = 1_790_000_000, domain: str = "example.com") -> None:
        self.records = MemoryRecords(as_of)
        self._keys: dict[str, str] = {}
        self._emails: dict[str, str] = {}
        self._listed: dict[tuple[str, str], None] = {}
        self._roles: dict[str, str] = {}
        self.records.add(Scope(TOP, "gcp", "organization", ORGANIZATION, domain, None, "active"))

    def folder(self, name: str, parent: str = TOP) -> str:
        """Key of a new folder."""
        key = f"gcp/folder/{name}"
        self.records.add(Scope(key, "gcp", "folder", name, name, parent, "active"))
        return key

    def project(self, name: str, parent: str | None = TOP) -> str:
        """Key of a new project."""
        key = f"gcp/project/{name}"
        self.records.add(Scope(key, "gcp", "project", name, name, parent, "active"))
        return key

    def account(self, name: str, project: str, *, disabled: bool = False) -> str:
        """Key of a new account; ``name`` may be a whole e-mail."""
        email = name if "@" in name else f"{name}@{project}.iam.gserviceaccount.com"
        scope = f"gcp/project/{project}"
        unique = str(10**20 + len(self._keys))
        shown = {"uniqueId": unique, "email": email, "disabled": disabled, "name": f"projects/{project}/x/{email}"}
        identity, aliases = written.account(scope, shown, "sketch")
        self.records.add(identity, *aliases)
        self._keys[email] = identity.key
        self._emails[identity.key] = email
        return identity.key

    def role(self, name: str, permissions: Sequence[str], *, stage: str = "GA") -> str:
        """A role: predefined (``roles/x``) or custom (``projects/p/roles/x``, ``organizations/n/roles/x``)."""
        document = written.role_document({"name": name, "includedPermissions": list(permissions), "stage": stage})
        self.records.add(document)
        self._roles[name] = document.digest
        if not name.startswith("roles/"):
            kind, owner = name.split("/")[:2]
            scope = f"gcp/{kind.removesuffix('s')}/{owner}"
            policy, _ = written.custom_role(
                scope, {"name": name, "includedPermissions": list(permissions), "stage": stage}, "sketch"
            )
            self.records.add(policy)
        return name

    def bind(self, member: str, role: str, place: str, condition: str | None = None) -> str:
        """Give a role to a member in a place (key of a scope or of an account); key of the grant.

        ``member``: the key of an account, or a text as Google writes it.
        """
        text = f"serviceAccount:{self._emails[member]}" if member in self._emails else member
        email = member_of(text).value
        identity = self._keys.get(email) if text.startswith("serviceAccount:") else None
        scope, resource = (place, None) if "/service_account/" not in place else (place.rsplit("/", 2)[0], place)
        held = None if condition is None else json.dumps({"expression": condition}, separators=(",", ":"))
        grant = written.grant(scope, resource, text, identity, role, held, "sketch")
        self.records.add(grant)
        if role.startswith("roles/") and (scope, role) not in self._listed:
            self._listed[(scope, role)] = None
            self.records.add(
                written_policy(scope, role, self._roles.get(role)),
            )
        return grant.key

    def pool(self, name: str, project: str, number: str, *, state: str = "ACTIVE") -> str:
        """Key of a new workload identity pool."""
        scope = f"gcp/project/{project}"
        shown = {"name": f"projects/{number}/locations/global/workloadIdentityPools/{name}", "state": state}
        identity = written.pool(scope, shown, "sketch")
        self.records.add(identity)
        return identity.key

    def provider(self, pool: str, name: str, **shown: object) -> Credential:
        """A provider of a pool, with the fields of Google's resource."""
        scope, _, pool_id = pool.rpartition("/federation/")
        whole = f"projects/1/locations/global/workloadIdentityPools/{pool_id}/providers/{name}"
        credential = written.provider(scope, {"name": whole, **shown}, "sketch")
        self.records.add(credential)
        return credential

    def workload(self, kind: str, project: str, account: str) -> None:
        """Something that runs as an account: "instance", "function", "service", "job" or "version"."""
        service = {"instance": "compute", "function": "cloudfunctions", "version": "appengine"}.get(kind, "run")
        name = f"//{service}.googleapis.com/projects/{project}/x/{kind}s/{len(self._keys)}"
        self.records.add(written.runs_as(f"gcp/project/{project}", name, account, "sketch"))

    def constraint(self, scope: str, name: str, number: int | None) -> None:
        """A constraint of the organisation, as it was read in a scope."""
        self.records.add(Setting(f"{scope}|{name}", scope, name, number, None, "sketch"))

    def identity(self, key: str) -> Identity:
        """The record of an identity."""
        return next(one for one in self.records.identities(key.rsplit("/", 2)[0]) if one.key == key)


def written_policy(scope: str, role: str, digest: str | None) -> Policy:
    """A predefined role where it is bound; without a digest nobody read what it holds."""
    key = written.policy_key(scope, role)
    return Policy(key, scope, "provider_policy", role, role, role, digest, source="sketch")
