"""Issuers of federated credentials: whose subjects a credential lets in, and when that is more than one workload.

A plain subject is compared as it is; wildcards stand for something only in a ``claimsMatchingExpression`` (Entra
documentation, "Flexible federated identity credentials"), which GitHub, GitLab and Terraform have. How their subjects
look: GitHub "OpenID Connect reference", GitLab "ID token authentication", HCP Terraform "Dynamic provider
credentials".
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_STARTS = {
    "token.actions.githubusercontent.com": "repo:",
    "gitlab.com": "project_path:",
    "app.terraform.io": "organization:",
}
_OWN = ("login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us", "login.partner.microsoftonline.cn")
_CLAIM = re.compile(r"claims\s*\[\s*'([^']+)'\s*\]\s+(eq|matches)\s+'((?:[^'\\]|\\.)*)'", re.IGNORECASE)
_JOINED = re.compile(r"\s*(and\s*)?", re.IGNORECASE)
_BY_ANYBODY = ":pull_request"
"""End of a subject of GitHub that whoever may open a pull request can have."""


class Door(NamedTuple):
    """What a federated credential lets in."""

    issuer: str
    subjects: tuple[str, ...]  # as written, sorted
    audiences: tuple[str, ...]
    expression: str | None  # where subjects are told by one
    readable: bool

    @property
    def host(self) -> str:
        return (urlsplit(self.issuer).hostname or "").lower()

    def of_tenant(self, tenant: str) -> bool:
        """Whether the issuer is the tenant itself: its managed identities come in."""
        return self.host in _OWN and tenant.lower() in self.issuer.lower().split("/")

    @property
    def width(self) -> str | None:
        """TRUST_WIDTHS."""
        if not self.subjects:
            return "no-subject"
        found = {self._breadth(subject) for subject in self.subjects}
        for width in ("any-subject", "wide-subject"):
            if width in found:
                return width
        return None if self.audiences else "no-audience"

    def _breadth(self, subject: str) -> str | None:
        if subject.endswith(_BY_ANYBODY):
            return "wide-subject"
        if self.expression is None or not set(subject) & {"*", "?"}:
            return None
        start = _STARTS.get(self.host, "")
        rest = subject.removeprefix(start)
        named = re.split(r"[*?]", rest, maxsplit=1)[0]
        return "wide-subject" if named.strip("/:") else "any-subject"


def door(restrictions: str | None) -> Door | None:
    """The door of `nhiscan.model.Credential.restrictions`; None: not collected."""
    if restrictions is None:
        return None
    try:
        found = json.loads(restrictions)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("issuer"), str):
        return Door("", (), (), None, readable=False)
    audiences = found.get("audiences")
    heard = tuple(sorted(one for one in audiences if isinstance(one, str))) if isinstance(audiences, list) else ()
    expression = _text(found.get("claimsMatchingExpression"))
    if expression is not None:
        subjects = list(_subjects(expression))
        readable = all(one is not None for one in subjects)
        return Door(found["issuer"], tuple(sorted(one for one in subjects if one)), heard, expression, readable)
    subject = found.get("subject")
    if not isinstance(subject, str) or not subject:  # then an expression tells the subjects, which was not delivered
        return Door(found["issuer"], (), heard, None, readable=False)
    return Door(found["issuer"], (subject,), heard, None, readable=True)


def _text(value: Any) -> str | None:
    """An expression; Graph gives an object with its language version."""
    found = value.get("value") if isinstance(value, dict) else value
    return found if isinstance(found, str) and found else None


def _subjects(expression: str) -> Iterator[str | None]:
    """The subjects that an expression lets in; None: some of it is no claim that is compared."""
    at, told = 0, False
    while at < len(expression):
        found = _CLAIM.match(expression, at)
        if found is None:
            yield None
            return
        claim, _, value = found.groups()
        if claim.lower() in ("sub", "job_workflow_ref"):
            told = True
            yield value
        joined = _JOINED.match(expression, found.end())
        at = joined.end() if joined is not None else len(expression)
    if not told:
        return
