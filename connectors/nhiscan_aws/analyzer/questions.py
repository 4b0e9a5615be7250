"""What ``nhiscan access`` asks: can this principal do that, who can, what can it become, what has it used."""

from collections.abc import Iterator, Sequence

from nhiscan.analyzer import Deciding, Decision
from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.accessrow import OPEN
from nhiscan_aws.analyzer.estate import Answer, Estate
from nhiscan_aws.analyzer.principal import Principal
from nhiscan_aws.analyzer.rightsize import right_sized
from nhiscan_aws.analyzer.trusting import ASSUME
from nhiscan_aws.analyzer.ways import Ways

# fmt: off
RESOURCE_POLICIES = frozenset({
    "backup", "codeartifact", "dynamodb", "ecr", "elasticfilesystem", "es", "events", "execute-api", "glacier", "glue",
    "iot", "kinesis", "kms", "lambda", "logs", "mediastore", "s3", "s3-outposts", "s3express", "s3tables",
    "secretsmanager", "ses", "sns", "sqs", "sts", "vpc-lattice-svcs",
})
# fmt: on
"""Services whose resources can have a policy of their own (IAM User Guide, "AWS services that work with IAM")."""
_BY_RESOURCE = ("kms",)
"""Services where the policy of the resource has to allow, too, or to hand the question to the account (KMS Developer
Guide, "Key policies")."""
_BLIND = frozenset({"document-unread", "document-unreadable", "membership-unread"})
_WORDS = {
    "condition": "a condition decides",
    "unknown-condition-key": "a condition that nobody knows decides",
    "scp-unread": "the policies of the organisation were not read",
    "boundary-unread": "the permissions boundary was not read",
    "document-unread": "a policy document was not read",
    "document-unreadable": "a policy document cannot be read",
    "unknown-action": "the action data does not have the action",
    "resource-policy-unread": "the policy of the resource was not read",
    "membership-unread": "the members of groups were not read",
}


class Questions:
    """Implements `nhiscan.analyzer.Access`."""

    def __init__(self, estate: Estate, ways: Ways) -> None:
        self.estate = estate
        self._ways = ways

    def decide(self, principal: str, action: str, resource: str) -> Decision:
        """Can the identity with the key ``principal`` do ``action`` on ``resource`` ("*": on some resource)?"""
        asking = self.estate.principals.get(principal) or self.estate.groups.get(principal)
        if asking is None:
            return Decision("unknown", (), (), f"nothing is known of what {principal} may do")
        return self._decide(asking, action, resource)

    def who_can(self, action: str, resource: str) -> Iterator[tuple[str, Decision]]:
        """Every user and role for which `decide` says allowed or conditional, sorted by key."""
        bit = self.estate.table.bit(action)
        by_trust = action.lower() == ASSUME
        for key, principal in self.estate.principals.items():
            if not bit or bit & principal.possible or by_trust:
                decision = self._decide(principal, action, resource)
                if decision.verdict in ("allowed", "conditional"):
                    yield key, decision

    def reaches(self, principal: str) -> Sequence[str]:
        return self._ways.reaches(principal)

    def reached_by(self, identity: str) -> Sequence[str]:
        return self._ways.reached_by(identity)

    def right_sized(self, principal: str) -> str | None:
        asking = self.estate.principals.get(principal)
        return None if asking is None else right_sized(self.estate, asking)

    def _decide(self, principal: Principal, action: str, resource: str) -> Decision:
        answer, trusted = self._answer(principal, action, resource)
        reasons = set(answer.reasons)
        if not trusted and self._hangs_on_resource(principal, action, resource, answer):
            reasons.add("resource-policy-unread")
        if not self.estate.table.knows(action):
            reasons.add("unknown-action")
        if answer.state == "denied":
            verdict = "unknown" if reasons & _BLIND and not answer.limited_by else "denied"
        else:
            verdict = "conditional" if reasons else "allowed"
        statements = tuple(self._deciding(answer, reasons))
        return Decision(
            verdict,
            statements,
            tuple(sorted(reasons)),
            _sentence(principal, action, resource, verdict, answer, reasons),
        )

    def _answer(self, principal: Principal, action: str, resource: str) -> tuple[Answer, bool]:
        """(the answer, whether the policy of the resource had its say)."""
        if action.lower() == ASSUME and principal.identity.kind in ("user", "role"):
            for key in self.estate.find(resource):
                if key in self.estate.trusts:
                    return self.estate.assumes(principal.key, key), True
        return principal.check(action, resource), False

    def _hangs_on_resource(self, principal: Principal, action: str, resource: str, answer: Answer) -> bool:
        """Whether the policy of the resource, which nobody read, may turn the answer round."""
        service = patterns.service_of(action.lower())
        typed = self.estate.table.works_on_resources(action)
        parts = resource.split(":", 5)
        foreign = len(parts) > 5 and parts[4].isdigit() and parts[4] != principal.account
        if answer.possible:
            return foreign or (service in _BY_RESOURCE and typed)
        return not answer.limited_by and service in RESOURCE_POLICIES and typed

    def _deciding(self, answer: Answer, reasons: set[str]) -> Iterator[Deciding]:
        for allow in answer.allows:
            yield Deciding(allow.layer, "allow", allow.grant, allow.name, allow.statement, allow.conditions)
        for limit in answer.limited_by:
            layer, _, rest = limit.partition("|")
            grant, _, statement = rest.rpartition("|")
            yield Deciding(layer, "deny" if statement else "no-allow", grant, self._name(grant), statement)
        if not answer.possible and not answer.limited_by:
            yield Deciding("identity", "no-allow", "no policy allows it", "", "")
        for reason, layer in (("scp-unread", "service_control_policy"), ("boundary-unread", "permissions_boundary")):
            if reason in reasons:
                yield Deciding(layer, "no-allow", _WORDS[reason], "", "")

    def _name(self, grant: str) -> str:
        identity = self.estate.identities.get(grant)
        return identity.name if identity is not None else self.estate.names_of_grants.get(grant, "")


def _sentence(principal: Principal, action: str, resource: str, verdict: str, answer: Answer, reasons: set[str]) -> str:
    on = "some resource" if resource == "*" else resource
    start = f"{principal.identity.name} "
    why = "; ".join(_WORDS[reason] for reason in sorted(reasons) if reason in _WORDS)
    if answer.conditions and reasons & OPEN:
        why += f" ({', '.join(answer.conditions)})"
    if verdict == "allowed":
        return f"{start}can do {action} on {on}."
    if verdict == "conditional":
        return f"{start}can do {action} on {on} as far as is known: {why}."
    if verdict == "unknown":
        return f"Whether {principal.identity.name} can do {action} on {on} is not known: {why}."
    by = "an explicit Deny or a limit takes it away" if answer.limited_by else "no policy of its own allows it"
    return f"{start}cannot do {action} on {on}: {by}{'; ' + why if why else ''}."
