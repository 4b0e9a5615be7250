"""The least policy that a scan needs, as text to paste."""

import json

from nhiscan.connector import Settings, Source
from nhiscan_aws.declare import sources


def permissions(settings: Settings) -> str:
    """A policy for whoever reads; with a role, also what the caller and the role's trust policy need.

    The partition is written as ``aws``: for GovCloud and China put ``aws-us-gov`` or ``aws-cn`` in its place.
    """
    planned = sources(settings)
    read = _policy("NhiscanRead", _actions(planned, fallback=False), "*")
    fallback = sorted(set(_actions(planned, fallback=True)) - set(_actions(planned, fallback=False)))
    role = settings.get("role-name")
    if not role:
        return _text(read)
    accounts = tuple(settings.get("account") or ())
    roles = [f"arn:aws:iam::{account}:role/{role}" for account in accounts] or [f"arn:aws:iam::*:role/{role}"]
    caller = _policy("NhiscanAssume", ["sts:AssumeRole"], roles if len(roles) > 1 else roles[0])
    return "\n\n".join(
        [
            f"Permissions policy of the role {role} in each account:\n{_text(read)}",
            f"Only where one of these is denied does a scan call, item by item:\n{', '.join(fallback)}",
            f"Permissions policy of the caller, who assumes the role:\n{_text(caller)}",
        ]
    )


def _actions(planned: tuple[Source, ...], *, fallback: bool) -> list[str]:
    return sorted({p for source in planned if bool(source.fallback_for) == fallback for p in source.permissions})


def _policy(sid: str, actions: list[str], resource: str | list[str]) -> dict[str, object]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _text(policy: dict[str, object]) -> str:
    return json.dumps(policy, indent=2)
