"""Patterns of actions and resources, and the few actions by which a grant is judged."""

import re
from collections.abc import Iterable
from functools import lru_cache

ANYTHING = "*"

PERMISSIONS = frozenset(
    f"iam:{name}"
    for name in (
        "addclientidtoopenidconnectprovider",
        "addroletoinstanceprofile",
        "addusertogroup",
        "attachgrouppolicy",
        "attachrolepolicy",
        "attachuserpolicy",
        "createaccesskey",
        "createloginprofile",
        "createopenidconnectprovider",
        "createpolicy",
        "createpolicyversion",
        "createrole",
        "createsamlprovider",
        "createservicespecificcredential",
        "createuser",
        "deletegrouppolicy",
        "deleterolepermissionsboundary",
        "deleterolepolicy",
        "deleteuserpermissionsboundary",
        "deleteuserpolicy",
        "detachgrouppolicy",
        "detachrolepolicy",
        "detachuserpolicy",
        "putgrouppolicy",
        "putrolepermissionsboundary",
        "putrolepolicy",
        "putuserpermissionsboundary",
        "putuserpolicy",
        "resetservicespecificcredential",
        "setdefaultpolicyversion",
        "updateaccesskey",
        "updateassumerolepolicy",
        "updateloginprofile",
        "updateopenidconnectproviderthumbprint",
        "updatesamlprovider",
        "uploadsigningcertificate",
        "uploadsshpublickey",
    )
)
"""Actions of IAM that change who may do what, or make credentials for others."""

GROWING = frozenset(
    f"iam:{name}"
    for name in (
        "addusertogroup",
        "attachgrouppolicy",
        "attachrolepolicy",
        "attachuserpolicy",
        "createaccesskey",
        "createloginprofile",
        "createpolicyversion",
        "putgrouppolicy",
        "putrolepolicy",
        "putuserpolicy",
        "setdefaultpolicyversion",
        "updateassumerolepolicy",
        "updateloginprofile",
    )
)
"""Any one of these, on everything, gives whoever has it all the rest."""

ORGANIZATION = frozenset(
    f"organizations:{name}"
    for name in (
        "attachpolicy",
        "createaccount",
        "createpolicy",
        "deletepolicy",
        "deregisterdelegatedadministrator",
        "detachpolicy",
        "disablepolicytype",
        "leaveorganization",
        "moveaccount",
        "registerdelegatedadministrator",
        "updatepolicy",
    )
)
BECOMING = ("iam:passrole", "sts:assumerole")
"""Actions by which one identity acts as another; judged by the roles they are granted on."""

_ALL_RESOURCES = re.compile(r"\*+|arn:[a-z*-]+:[:*]*\*[:*]*")


def covers_all_actions(pattern: str) -> bool:
    """``*`` and its spellings."""
    return bool(pattern) and set(pattern) <= {"*", ":"} and "*" in pattern


def covers_all_resources(pattern: str) -> bool:
    """``*``, ``arn:*:*:*:*:*`` and the like."""
    return _ALL_RESOURCES.fullmatch(pattern) is not None


def service_of(pattern: str) -> str:
    """The service of an action pattern; ``*`` where it can be any."""
    service = pattern.partition(":")[0]
    return ANYTHING if "*" in service or "?" in service else service


def is_service_wildcard(pattern: str) -> bool:
    """``s3:*``."""
    _, colon, name = pattern.partition(":")
    return bool(colon) and "*" in name and set(name) <= {"*", "?"}


def has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Each text between two stars is taken where it comes first and never tried again (an atomic group).

    So the work grows with the length of pattern and action, and a policy full of stars cannot hold a scan up.
    """

    def plain(text: str) -> str:
        return "".join("." if c == "?" else re.escape(c) for c in text)

    first, *rest = pattern.split("*")
    if not rest:
        return re.compile(plain(first), re.DOTALL)
    *between, last = rest
    middle = "".join(f"(?>.*?{plain(text)})" for text in between if text)
    return re.compile(f"{plain(first)}{middle}.*{plain(last)}", re.DOTALL)


def matches(pattern: str, action: str) -> bool:
    """Whether an action pattern in lower case grants `action`; ``*`` stands for any text, ``?`` for one character."""
    return _compiled(pattern).fullmatch(action) is not None


def grants_any(pattern: str, actions: Iterable[str]) -> bool:
    return any(matches(pattern, action) for action in actions)


def leaves(excepted: Iterable[str], actions: Iterable[str]) -> bool:
    """Whether ``NotAction: excepted`` leaves any of the actions."""
    excepted = tuple(excepted)
    return any(not any(matches(pattern, action) for pattern in excepted) for action in actions)
