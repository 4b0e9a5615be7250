"""Who comes in through workload identity pools: how wide a provider's door is, and how wide a set of subjects.

Sources: "Workload Identity Federation", "Best practices for using Workload Identity Federation" (issuers that many
tenants share) and "Principal identifiers" of Google's documentation; the documents on tokens of GitHub Actions, GitLab,
HCP Terraform, Bitbucket, CircleCI, Buildkite, Vercel and Kubernetes.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from nhiscan.model import Credential
from nhiscan_gcp.analyzer.cel import Call, Expression, Literal, Many, Name
from nhiscan_gcp.analyzer.conditions import condition_of


class Issuer(NamedTuple):
    """An issuer whose tokens anybody can get who signs up with the service."""

    host: str  # pattern of its host name and path
    owners: frozenset[str]  # claims that tell whose the workload is
    workloads: frozenset[str]  # claims that tell which workload it is
    subject: str  # what a subject says before it names anybody


_SHARED = (
    Issuer(
        r"token\.actions\.githubusercontent\.com.*",
        frozenset({"repository_owner", "repository_owner_id", "enterprise", "enterprise_id"}),
        frozenset({"repository", "repository_id", "job_workflow_ref", "workflow_ref", "sub"}),
        "repo:",
    ),
    Issuer(
        r"gitlab\.com",
        frozenset({"namespace_id", "namespace_path", "user_id", "user_login", "user_email"}),
        frozenset({"project_id", "project_path", "sub"}),
        "project_path:",
    ),
    Issuer(
        r"app\.terraform\.io",
        frozenset({"terraform_organization_id", "terraform_organization_name"}),
        frozenset(
            {"terraform_project_id", "terraform_project_name", "terraform_workspace_id", "terraform_workspace_name"}
        )
        | {"sub"},
        "organization:",
    ),
    Issuer(r"app\.eu\.terraform\.io", frozenset({"terraform_organization_id"}), frozenset({"sub"}), "organization:"),
    Issuer(r"api\.bitbucket\.org/.*", frozenset({"workspaceuuid"}), frozenset({"repositoryuuid", "sub"}), "{"),
    Issuer(r"oidc\.circleci\.com/.*", frozenset({"aud"}), frozenset({"oidc.circleci.com/project-id", "sub"}), "org/"),
    Issuer(
        r"agent\.buildkite\.com",
        frozenset({"organization_slug", "organization_id"}),
        frozenset({"pipeline_slug", "pipeline_id", "sub"}),
        "organization:",
    ),
    Issuer(
        r"oidc\.vercel\.com.*", frozenset({"owner", "owner_id"}), frozenset({"project", "project_id", "sub"}), "owner:"
    ),
    Issuer(r"accounts\.google\.com", frozenset({"hd"}), frozenset({"sub", "email", "azp"}), ""),
    Issuer(
        r"(?:login\.microsoftonline\.com|sts\.windows\.net)/(?:common|organizations)/.*",
        frozenset({"tid"}),
        frozenset({"sub", "oid", "appid"}),
        "",
    ),
    Issuer(r"login\.salesforce\.com|.*\.auth0\.com/?|securetoken\.google\.com/.*", frozenset(), frozenset({"sub"}), ""),
    Issuer(
        r"pipelines\.actions\.githubusercontent\.com.*", frozenset({"repository_owner"}), frozenset({"sub"}), "repo:"
    ),
)
_OWN = Issuer("", frozenset(), frozenset({"sub"}), "")
_CLAIM = re.compile(r"assertion\.([A-Za-z0-9_.]+)|assertion\[(['\"])(.+?)\2\]")


class Provider(NamedTuple):
    """A provider of a pool, read."""

    credential: Credential
    kind: str  # "oidc" | "aws" | "saml" | "x509" | "unknown"
    issuer: str  # address of the issuer, number of the AWS account, "" of others
    shared: Issuer | None  # where anybody can get a token of the issuer
    condition: str
    mapping: Mapping[str, str]  # attribute -> expression over the assertion

    def width(self) -> str | None:
        """TRUST_WIDTHS: "any-subject" where anybody with an account at the issuer comes in, "wide-subject" where all of
        a whole outside issuer do, None where the condition ties it to somebody.
        """
        tree = condition_of(self.condition).tree if self.condition.strip() else None
        if self.shared is not None:
            return None if ties(tree, self._tells_whose) else "any-subject"
        return None if ties(tree, lambda *_: True) else "wide-subject"

    def _tells_whose(self, name: str, value: str, whole: bool) -> bool:
        """Whether a test demands a claim that tells whose the workload is. ``whole``: not only how it begins."""
        shared = self.shared or _OWN
        left = value.removeprefix(shared.subject)
        named = bool(left.strip("*/:")) and (whole or "/" in left.rstrip("*") or ":" in left.rstrip("*"))
        return named and any(claim in shared.owners | shared.workloads for claim in self.claims_of(name))

    def claims_of(self, name: str) -> Iterator[str]:
        """The claims behind an attribute (``attribute.repository``, ``google.subject``, ``assertion.sub``)."""
        if name.startswith("assertion."):
            yield name.removeprefix("assertion.")
            return
        for found in _CLAIM.finditer(self.mapping.get(name, "")):
            yield found[1] or found[3]


def provider_of(credential: Credential) -> Provider:
    """What the restrictions of a provider say; those that cannot be read restrict nothing."""
    found = _object(credential.restrictions)
    mapping = {str(name): str(value) for name, value in _dict(found.get("attributeMapping")).items()}
    condition = found.get("attributeCondition")
    kind = next((one for one in ("oidc", "aws", "saml", "x509") if isinstance(found.get(one), dict)), "unknown")
    about = _dict(found.get(kind))
    issuer = str(about.get("issuerUri") or about.get("accountId") or "")
    return Provider(
        credential,
        kind,
        issuer,
        _shared(issuer) if kind == "oidc" else None,
        condition if isinstance(condition, str) else "",
        mapping,
    )


def _shared(issuer: str) -> Issuer | None:
    host = re.sub(r"^https?://", "", issuer.strip().lower()).rstrip("/")
    return next((one for one in _SHARED if re.fullmatch(one.host, host) or re.fullmatch(one.host, host + "/")), None)


Test = Callable[[str, str, bool], bool]


def ties(tree: Expression | None, test: Test) -> bool:
    """Whether nobody comes in without passing some comparison for which ``test(name, value, whole)`` says yes.

    Of a conjunction one part has to demand it, of an alternative every part.
    """
    if not isinstance(tree, Call):
        return False
    if tree.function == "&&":
        return any(ties(part, test) for part in tree.arguments)
    if tree.function == "||":
        return all(ties(part, test) for part in tree.arguments)
    arguments = tree.arguments
    if tree.function == "==" and len(arguments) == 2:
        first, second = arguments
        return _passes(first, second, test, whole=True) or _passes(second, first, test, whole=True)
    if tree.function == "in" and len(arguments) == 2:
        items = arguments[1].items if isinstance(arguments[1], Many) else ()
        if items:
            return all(_passes(arguments[0], item, test, whole=True) for item in items)
        return _passes(arguments[1], arguments[0], test, whole=True)  # 'x' in assertion.groups
    if tree.function in ("startsWith", "matches") and tree.target is not None and arguments:
        return _passes(tree.target, arguments[0], test, whole=False)
    return False


def _passes(name: Expression, value: Expression, test: Test, *, whole: bool) -> bool:
    if not isinstance(value, Literal) or not isinstance(value.value, str):
        return False
    path = _path(name)
    return path is not None and test(path, value.value.removeprefix("^"), whole)


def _path(name: Expression) -> str | None:
    """``assertion.sub``, also where it is written ``assertion['sub']``."""
    if isinstance(name, Name):
        return name.path
    if isinstance(name, Call) and name.function == "[]" and len(name.arguments) == 2:
        of, key = name.arguments
        if isinstance(of, Name) and isinstance(key, Literal) and isinstance(key.value, str):
            return f"{of.path}.{key.value}"
    return None


def subject_width(subjects: str, providers: list[Provider]) -> str | None:
    """TRUST_WIDTHS of the part of a pool that a member names (``*``, ``subject/x``, ``attribute.repository/o/r``)."""
    if subjects == "*":
        widths = {one.width() for one in providers}
        return "any-subject" if "any-subject" in widths or not providers else "wide-subject"
    kind = subjects.partition("/")[0]
    if not kind.startswith("attribute."):
        return "wide-subject" if kind == "group" else None
    claims = {claim for one in providers for claim in one.claims_of(kind)}
    if not claims:
        return None
    workloads = {claim for one in providers for claim in (one.shared or _OWN).workloads}
    owners = {claim for one in providers for claim in (one.shared or _OWN).owners}
    if claims & workloads:
        return None
    if claims & owners:
        return "wide-subject"
    return "no-subject" if any(one.width() == "any-subject" for one in providers) else "wide-subject"


def _object(text: str | None) -> Mapping[str, Any]:
    try:
        return _dict(json.loads(text or "{}"))
    except (ValueError, RecursionError):
        return {}


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
