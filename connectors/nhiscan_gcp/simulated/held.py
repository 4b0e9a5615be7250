"""Projects, accounts and keys of a world with their ids, as the APIs show them."""

from dataclasses import dataclass
from typing import Any

from nhiscan_gcp.simulated.ids import stamp
from nhiscan_gcp.simulated.world import NEVER, Key, Project, ServiceAccount

Json = dict[str, Any]
KEY_STATUS = "SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_EXPOSED"
DISABLE_REASON = "SERVICE_ACCOUNT_KEY_DISABLE_REASON_"


@dataclass(frozen=True)
class HeldKey:
    """A key with its id."""

    id: str
    key: Key

    secret: str = ""

    def rest(self, account: "HeldAccount", *, whole: bool) -> Json:
        """``whole``: with the two fields that only the REST resource has.

        A listing never carries the private half. This one does, so that a reader that keeps it is found out.
        """
        key = self.key
        found: Json = {
            "name": f"{account.resource}/keys/{self.id}",
            "keyType": "USER_MANAGED" if key.user_managed else "SYSTEM_MANAGED",
            "keyOrigin": "USER_PROVIDED" if key.uploaded else "GOOGLE_PROVIDED",
            "keyAlgorithm": "KEY_ALG_RSA_2048",
            "privateKeyData": self.secret,
            "validAfterTime": stamp(key.valid_after),
            "validBeforeTime": stamp(min(key.valid_before, NEVER)),
        }
        if key.disabled:
            found["disabled"] = True
            if whole and key.disable_reason:
                found["disableReason"] = DISABLE_REASON + key.disable_reason
        if whole and key.exposed:
            found["extendedStatus"] = [{"key": KEY_STATUS, "value": key.exposed}]
        return found


@dataclass(frozen=True)
class HeldAccount:
    """A service account with its project, e-mail, unique id and keys."""

    project: "HeldProject"
    account: ServiceAccount
    email: str
    unique_id: str
    keys: tuple[HeldKey, ...]
    etag: str

    @property
    def resource(self) -> str:
        return f"projects/{self.project.id}/serviceAccounts/{self.email}"

    def asset(self) -> str:
        """Its full name in the asset inventory: by unique id."""
        return f"//iam.googleapis.com/projects/{self.project.id}/serviceAccounts/{self.unique_id}"

    def rest(self) -> Json:
        found: Json = {
            "name": self.resource,
            "projectId": self.project.id,
            "uniqueId": self.unique_id,
            "email": self.email,
            "oauth2ClientId": self.account.oauth2_client_id or self.unique_id,
            "etag": self.etag,
        }
        if self.account.display_name:
            found["displayName"] = self.account.display_name
        if self.account.description:
            found["description"] = self.account.description
        if self.account.disabled:
            found["disabled"] = True
        return found


@dataclass(frozen=True)
class HeldProject:
    """A project with its number and what lies in it."""

    project: Project
    number: str
    ancestors: tuple[str, ...]  # "projects/<number>", folders, organisation
    etag: str

    @property
    def id(self) -> str:
        return self.project.id

    @property
    def parent(self) -> str | None:
        return self.ancestors[1] if len(self.ancestors) > 1 else None
