"""The least policy that a scan needs, as text to paste."""

import json

from nhiscan.connector import Settings, Source
from nhiscan_aws.declare import sources


def permissions(settings: Settings) -> str:
    """A policy for whoever reads; with a role, also what the caller and the role's trust policy need.

    What reads the organisation is a statement of its own: it is the caller's, and only where the caller is in the
    management account or in that of a delegated administrator. The partition is written as ``aws``: for GovCloud and
    China put ``aws-us-gov`` or ``aws-cn`` in its place.
    """
    planned = sources(settings)
    accounts = tuple(source for source in planned if not source.on)
    read = _statement("NhiscanRead", _actions(accounts, fallback=False), "*")
    above = _actions(tuple(source for source in planned if source.on), fallback=False)
    organization = [_statement("NhiscanOrganization", above, "*")] if above else []
    role = settings.get("role-name")
    if not role:
        return _text(read, *organization)
    fallback = sorted(set(_actions(accounts, fallback=True)) - set(_actions(accounts, fallback=False)))
    ids = tuple(settings.get("account") or ())
    roles = [f"arn:aws:iam::{account}:role/{role}" for account in ids] or [f"arn:aws:iam::*:role/{role}"]
    assume = _statement("NhiscanAssume", ["sts:AssumeRole"], roles if len(roles) > 1 else roles[0])
    if organization:
        organization = [_statement("NhiscanOrganization", ["organizations:DescribeOrganization", *above], "*")]
    only = (
        ".\nThe second statement is of use in the management account of an organisation, or its delegated administrator"
    )
    return "\n\n".join(
        [
            f"Permissions policy of the role {role} in each account:\n{_text(read)}",
            f"Only where one of these is denied does a scan call, item by item:\n{', '.join(fallback)}",
            f"Permissions policy of the caller, who assumes the role{only if organization else ''}:\n"
            + _text(assume, *organization),
        ]
    )


def _actions(planned: tuple[Source, ...], *, fallback: bool) -> list[str]:
    return sorted({p for source in planned if bool(source.fallback_for) == fallback for p in source.permissions})


def _statement(sid: str, actions: list[str], resource: str | list[str]) -> dict[str, object]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _text(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)
