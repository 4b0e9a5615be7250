"""Identity providers: what their subjects look like, and when a pattern of subjects lets in more than one workload.

Sources, by provider: GitHub Docs "OpenID Connect reference" (repo:OWNER/REPO:...); GitLab Docs "ID token
authentication" (project_path:GROUP/PROJECT:ref_type:TYPE:ref:NAME); HCP Terraform "Dynamic provider credentials"
(organization:O:project:P:workspace:W:run_phase:R); Bitbucket "Integrate pipelines with resource servers using OIDC"
({repository}:{environment}:{step}); CircleCI "OpenID Connect tokens" (org/O/project/P/user/U); Amazon EKS "IAM roles
for service accounts" (system:serviceaccount:NAMESPACE:NAME); Buildkite "OIDC" (organization:O:pipeline:P:...); Vercel
"OIDC federation" (owner:O:project:P:environment:E); IAM User Guide "Available keys for AWS OIDC federation".
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nhiscan_aws.analyzer import patterns

COGNITO = "cognito-identity.amazonaws.com"


class Provider(NamedTuple):
    """How the subjects of a provider are made."""

    issuer: str  # pattern of its host name and path
    subject: str  # one subject, with {} for each part that has to be named in full
    sure: int  # how many of these parts say which workload it is; what follows may vary
    claims: tuple[str, ...] = ()  # claims besides "sub" that tell the workload as well


_PROVIDERS = (
    Provider(
        "token.actions.githubusercontent.com*",
        "repo:{}/{}:{}",
        3,
        ("job_workflow_ref", "repository", "repository_id", "workflow_ref"),
    ),
    Provider("gitlab.*", "project_path:{}/{}:ref_type:{}:ref:{}", 4, ("project_path", "project_id")),
    Provider("app.terraform.io*", "organization:{}:project:{}:workspace:{}:run_phase:{}", 3),
    Provider("api.bitbucket.org/2.0/workspaces/*", "{}:{}", 1),
    Provider("oidc.circleci.com/org/*", "org/{}/project/{}/user/{}", 2, ("project-id",)),
    Provider("oidc.eks.*.amazonaws.com*", "system:serviceaccount:{}:{}", 2),
    Provider("agent.buildkite.com*", "organization:{}:pipeline:{}:ref:{}", 2),
    Provider("oidc.vercel.com*", "owner:{}:project:{}:environment:{}", 3),
    Provider("accounts.google.com*", "{}", 1),
    Provider(COGNITO, "{}", 1, ("amr",)),
)
_OTHER = Provider("*", "{}", 1)


def provider_of(issuer: str) -> Provider:
    """The provider of an issuer, by host name and path; one that is not known has subjects of one part."""
    lower = issuer.lower()
    return next((one for one in _PROVIDERS if patterns.matches(one.issuer, lower)), _OTHER)


def issuer_of(principal: str) -> str:
    """Host name and path of the issuer of a federated principal; "" of a SAML provider."""
    if not principal.startswith("arn:"):
        return principal
    _, found, issuer = principal.partition(":oidc-provider/")
    return issuer if found else ""


def breadth(provider: Provider, subject: str) -> str | None:
    """TRUST_WIDTHS of one subject pattern: "any-subject", "wide-subject" or None."""
    if not patterns.has_wildcard(subject):
        return None
    if _matches_any(provider, subject):
        return "any-subject"
    named = subject.partition("*")[0].partition("?")[0]
    return "wide-subject" if _parts_named(provider, named) < provider.sure else None


def _matches_any(provider: Provider, subject: str) -> bool:
    """Whether the pattern names nothing but what every subject has: ``*``, ``repo:*``, ``repo:*/*:*``."""
    return patterns.covers(subject, provider.subject.replace("{}", "*"))


def _parts_named(provider: Provider, text: str) -> int:
    """How many parts of a subject the text names in full, that is with what follows them."""
    count = 0
    fixed = provider.subject.split("{}")
    if not text.startswith(fixed[0]):
        return 0
    at = len(fixed[0])
    for following in fixed[1:]:
        if not following:
            return count  # the last part ends where the subject ends, and a pattern goes on
        end = text.find(following, at)
        if end < 0:
            return count
        count += 1
        at = end + len(following)
    return count


def width_of(issuer: str, claims: Mapping[str, Sequence[str]]) -> str | None:
    """TRUST_WIDTHS of a federated principal; ``claims``: claim -> the values that are let in, as written.

    Only claims that are demanded count: a key that may be absent, or that must not match, leaves the door open.
    """
    provider = provider_of(issuer)
    if issuer == COGNITO:
        if any(patterns.matches(value, "unauthenticated") for value in claims.get("amr", ("*",))):
            return "unauthenticated"
        return None if named(claims.get("aud")) else "no-audience"
    if not any(named(claims.get(claim)) for claim in provider.claims):
        subjects = claims.get("sub")
        if not subjects:
            return "no-subject"
        found = {breadth(provider, subject) for subject in subjects}
        for width in ("any-subject", "wide-subject"):
            if width in found:
                return width
    return None if named(claims.get("aud")) else "no-audience"


def named(values: Sequence[str] | None) -> bool:
    """Whether a claim is demanded, and with more than a pattern of wildcards."""
    return bool(values) and not any(set(value) <= {"*", "?"} for value in values or ())
