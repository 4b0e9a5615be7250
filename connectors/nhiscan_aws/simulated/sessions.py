"""Who calls, and STS: long-term keys, sessions, trust policies."""

import fnmatch
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nhiscan.testing.canaries import Canaries
from nhiscan_aws.simulated.ids import SESSION
from nhiscan_aws.simulated.state import AccountState, root_keys
from nhiscan_aws.simulated.wire import Form, Refusal, invalid

ROLE_ARN = re.compile(r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):role/(?P<path>.*/)?(?P<name>[\w+=,.@-]+)")
CHAINED = 3600
"""Seconds that a session made from a session may last."""


@dataclass(frozen=True)
class Principal:
    """Who is behind an access key."""

    account: str
    arn: str
    user_id: str
    key_id: str | None = None  # of a long-term key
    role_arn: str | None = None  # of a session
    token: str | None = None
    expires_at: int | None = None
    policy: Mapping[str, Any] | None = None  # session policy

    @property
    def stable(self) -> str:
        """The principal without the name of its session."""
        return self.role_arn or self.arn


class Sessions:
    """All credentials of a simulation."""

    def __init__(self, accounts: Mapping[str, AccountState], canaries: Canaries) -> None:
        self._accounts = accounts
        self._canaries = canaries
        self._sessions: dict[str, Principal] = {}
        self._lock = threading.Lock()
        self._root_keys = {
            key_id: state for state in accounts.values() for key_id, key in root_keys(state) if key.status == "Active"
        }

    def caller(self, key_id: str, token: str | None, now: int) -> Principal:
        """The principal behind an access key. InvalidClientTokenId or ExpiredToken when there is none."""
        session = self._sessions.get(key_id)
        if session is not None:
            if session.token != token:
                raise _unknown_key()
            if session.expires_at is not None and session.expires_at <= now:
                raise Refusal("ExpiredToken", 403, "The security token included in the request is expired")
            return session
        if key_id in self._root_keys:
            state = self._root_keys[key_id]
            return Principal(state.id, state.root_arn, state.id, key_id)
        for state in self._accounts.values():
            found = state.find_key(key_id)
            if found is not None and found[1].status == "Active":
                return Principal(state.id, found[0].arn, found[0].id, key_id)
        raise _unknown_key()

    def admit_root(self, account: str, key_id: str) -> None:
        """Let a key act as the root of an account, without being one of its keys."""
        self._root_keys[key_id] = self._accounts[account]

    def get_caller_identity(self, caller: Principal, form: Form) -> dict[str, Any]:
        del form
        return {"UserId": caller.user_id, "Account": caller.account, "Arn": caller.arn}

    def assume_role(self, caller: Principal, form: Form) -> dict[str, Any]:
        """Checks that the role is there, that it trusts the caller, the external id and the duration.

        The answer to "no such role" and to "not trusted" is the same, as on AWS.
        """
        arn = form.need("RoleArn")
        name = form.need("RoleSessionName")
        if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
            raise invalid(
                f"Value '{name}' at 'roleSessionName' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
            )
        match = ROLE_ARN.fullmatch(arn)
        if match is None:
            raise Refusal("ValidationError", 400, f"{arn} is invalid")
        denied = Refusal(
            "AccessDenied", 403, f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        )
        state = self._accounts.get(match["account"])
        role = None if state is None else _role(state, match)
        if (
            state is None
            or role is None
            or not trusts(role.assume_role_policy_document, caller, form.get("ExternalId"))
        ):
            raise denied
        duration = self._duration(caller, role, form)
        return self._open(state, role, name, duration, form.get("Policy"))

    def get_session_token(self, caller: Principal, form: Form) -> dict[str, Any]:
        """Temporary credentials for the caller itself."""
        state = self._accounts[caller.account]
        expires = state.clock() + int(form.get("DurationSeconds") or 43_200)
        with self._lock:
            key_id = state.ids.make(SESSION, state.id, caller.arn, len(self._sessions))
            token = state.ids.token(state.id, key_id)
            self._watch(state, key_id, token)
            self._sessions[key_id] = Principal(caller.account, caller.arn, caller.user_id, None, None, token, expires)
        return {"Credentials": _credentials(state, key_id, token, expires)}

    def _watch(self, state: AccountState, key_id: str, token: str) -> None:
        self._canaries.watch(f"secret of {key_id}", state.ids.secret(key_id))
        self._canaries.watch(f"token of {key_id}", token)

    def _duration(self, caller: Principal, role: Any, form: Form) -> int:
        duration = int(form.get("DurationSeconds") or 3600)
        if duration < 900:
            raise invalid(
                f"Value '{duration}' at 'durationSeconds' failed to satisfy constraint: "
                "Member must have value greater than or equal to 900"
            )
        if caller.role_arn is not None and duration > CHAINED:
            raise Refusal(
                "ValidationError",
                400,
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
            )
        if duration > int(role.max_session_duration or 3600):
            raise Refusal(
                "ValidationError",
                400,
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            )
        return duration

    def _open(self, state: AccountState, role: Any, name: str, duration: int, policy: str | None) -> dict[str, Any]:
        """Credentials of a session are made from role and session name: opening it again gives the same ones."""
        session_arn = f"arn:{state.partition}:sts::{state.id}:assumed-role/{role.name}/{name}"
        key_id = state.ids.make(SESSION, state.id, session_arn, policy or "")
        token = state.ids.token(state.id, session_arn, policy or "")
        expires = state.clock() + duration
        document = None if policy is None else json.loads(policy)
        user_id = f"{role.id}:{name}"
        with self._lock:
            self._watch(state, key_id, token)
            self._sessions[key_id] = Principal(state.id, session_arn, user_id, None, role.arn, token, expires, document)
        return {
            "Credentials": _credentials(state, key_id, token, expires),
            "AssumedRoleUser": {"AssumedRoleId": user_id, "Arn": session_arn},
        }


def trusts(document: str, caller: Principal, external_id: str | None) -> bool:
    """Does a trust policy let this caller in? By AWS principals and ExternalId; any other condition never holds."""
    try:
        statements = json.loads(document)["Statement"]
    except (ValueError, KeyError, TypeError):
        return False
    allowed = False
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = statement.get("Action", [])
        fits = any(
            fnmatch.fnmatchcase("sts:assumerole", action.lower())
            for action in ([actions] if isinstance(actions, str) else actions)
        )
        if (
            fits
            and _names(statement.get("Principal"), caller)
            and _condition(statement.get("Condition", {}), external_id)
        ):
            if statement.get("Effect") == "Deny":
                return False
            allowed = True
    return allowed


def permits(policy: Mapping[str, Any], action: str) -> bool:
    """Does a session policy leave an action? By action patterns alone."""
    statements = policy.get("Statement", [])
    allowed = False
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = statement.get("Action", [])
        if any(
            fnmatch.fnmatchcase(action.lower(), pattern.lower())
            for pattern in ([actions] if isinstance(actions, str) else actions)
        ):
            if statement.get("Effect") == "Deny":
                return False
            allowed = True
    return allowed


def _names(principal: Any, caller: Principal) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    named = principal.get("AWS", [])
    root = f":iam::{caller.account}:root"
    return any(
        one in ("*", caller.account, caller.arn, caller.role_arn) or (one.startswith("arn:") and one.endswith(root))
        for one in ([named] if isinstance(named, str) else named)
    )


def _condition(condition: Mapping[str, Any], external_id: str | None) -> bool:
    for operator, tests in condition.items():
        for key, wanted in tests.items():
            values = [wanted] if isinstance(wanted, str) else wanted
            if operator != "StringEquals" or key.lower() != "sts:externalid" or external_id not in values:
                return False
    return True


def _role(state: AccountState, match: re.Match[str]) -> Any | None:
    path = "/" + (match["path"] or "")
    if match["partition"] != state.partition:
        return None
    return next(
        (
            role
            for role in state.backend.roles.values()
            if role.name.lower() == match["name"].lower() and role.path == path
        ),
        None,
    )


def _credentials(state: AccountState, key_id: str, token: str, expires: int) -> dict[str, Any]:
    return {
        "AccessKeyId": key_id,
        "SecretAccessKey": state.ids.secret(key_id),
        "SessionToken": token,
        "Expiration": expires,
    }


def _unknown_key() -> Refusal:
    return Refusal("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
