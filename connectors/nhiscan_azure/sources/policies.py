"""Rules of the tenant: on the secrets of applications, and on who may consent to applications."""

import re
from collections.abc import Iterator
from typing import Any

from nhiscan.connector import Reader
from nhiscan.model import Record, Setting
from nhiscan_azure.node import Node
from nhiscan_azure.noting import canonical
from nhiscan_azure.values import moment, text, truth

SECRETS, CONSENT = "graph.app-management-policy", "graph.consent-policy"
_DURATION = re.compile(
    r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:[\d.]+S)?)?", re.ASCII
)
_DAYS = (365, 30, 7, 1)
_HALVES = {"applicationRestrictions": "application", "servicePrincipalRestrictions": "service_principal"}


def run_secrets(node: Node, reader: Reader) -> Iterator[Record]:
    """Whether secrets may be added, and how long secrets and certificates may live: the preventive control.

    ``app_management_policy.<application|service_principal>.<restriction>`` has the state as text and the longest life
    in days as number; ``....from`` has the creation time from which on applications are bound by it.
    """
    del reader
    shown = node.graph.get("graph.defaultAppManagementPolicy", "v1.0/policies/defaultAppManagementPolicy")
    enabled = truth(shown.get("isEnabled"))
    yield _setting(node.key, "app_management_policy.enabled", SECRETS, number=enabled)
    for half, name in _HALVES.items():
        rules: Any = shown.get(half)
        for part in ("passwordCredentials", "keyCredentials"):
            for one in _list(rules.get(part) if isinstance(rules, dict) else None):
                kind = text(one.get("restrictionType"))
                if kind is None:
                    continue
                place = f"app_management_policy.{name}.{_snake(kind)}"
                state = text(one.get("state")) or "enabled"
                yield _setting(node.key, place, SECRETS, number=days(one.get("maxLifetime")), words=state)
                if (since := moment(one.get("restrictForAppsCreatedAfterDateTime"))) is not None:
                    yield _setting(node.key, f"{place}.from", SECRETS, number=since)


def run_consent(node: Node, reader: Reader) -> Iterator[Record]:
    """Whether users may consent to applications, register some, and invite guests."""
    del reader
    shown = node.graph.get("graph.authorizationPolicy", "v1.0/policies/authorizationPolicy")
    rights: Any = shown.get("defaultUserRolePermissions")
    rights = rights if isinstance(rights, dict) else {}
    assigned = rights.get("permissionGrantPoliciesAssigned")
    policies = sorted(str(one) for one in assigned) if isinstance(assigned, list) else None
    own = None if policies is None else [one for one in policies if one.startswith("ManagePermissionGrantsForSelf.")]
    yield _setting(
        node.key,
        "consent_policy.user_consent",
        CONSENT,
        number=None if own is None else int(bool(own)),
        words=None if own is None else canonical(own),
    )
    for name, value in (
        ("risky_apps", shown.get("allowUserConsentForRiskyApps")),
        ("users_create_apps", rights.get("allowedToCreateApps")),
    ):
        yield _setting(node.key, f"consent_policy.{name}", CONSENT, number=truth(value))
    yield _setting(node.key, "consent_policy.invites", CONSENT, words=text(shown.get("allowInvitesFrom")))
    yield _setting(node.key, "consent_policy.guest_role", CONSENT, words=text(shown.get("guestUserRoleId")))


def days(duration: Any) -> int | None:
    """Whole days of an ISO 8601 duration, a part of a day counted as one; None for what is no duration."""
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if found is None or not any(found.groups()):
        return None
    whole = sum(int(part) * each for part, each in zip(found.groups()[:4], _DAYS, strict=True) if part)
    return whole + bool(any(found.groups()[4:]))


def _snake(word: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word).lower()


def _list(value: Any) -> list[Any]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _setting(scope: str, name: str, source: str, *, number: int | None = None, words: str | None = None) -> Setting:
    return Setting(f"{scope}|{name}", scope, name, number, words, source)
