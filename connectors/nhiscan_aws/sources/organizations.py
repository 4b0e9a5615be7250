"""Sources of AWS Organizations: the membership of an account, and what stands above it and limits it.

``organizations.membership`` is asked in each account with the account's own credentials. The other two run on the
organisation, with the credentials of the caller: only its management account and delegated administrators are answered.
"""

from collections.abc import Iterator

from nhiscan.connector import Reader
from nhiscan.model import Grant, Policy, Record, Setting
from nhiscan_aws.account import Account
from nhiscan_aws.documents import from_text
from nhiscan_aws.failures import ListCut
from nhiscan_aws.organization import Organization, describe, target_key, walk

MEMBERSHIP, PARENTS, POLICIES = "organizations.membership", "organizations.parents", "organizations.policies"
TYPES = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


def membership(account: Account, reader: Reader) -> Iterator[Record]:
    """DescribeOrganization as settings ``organization.*``; ``organization.member`` alone, 0, where there is none."""
    del reader
    found = describe(account.organizations) if account.described is None else account.described.get()
    yield Setting(
        f"{account.key}|organization.member",
        account.key,
        "organization.member",
        int(found is not None),
        None,
        MEMBERSHIP,
    )
    if found is not None:
        for name, text in (
            ("id", found.id),
            ("management_account", found.management_account),
            ("features", found.features),
        ):
            full = f"organization.{name}"
            yield Setting(f"{account.key}|{full}", account.key, full, None, text, MEMBERSHIP)


def parents(organization: Organization, reader: Reader) -> Iterator[Record]:
    """Stands for the ListParents calls that planned the scopes: gives nothing, and raises the error that ended them."""
    del reader
    organization.described.get()
    organization.parents.get()
    yield from ()


def policies(organization: Organization, reader: Reader) -> Iterator[Record]:
    """Which types of policies are enabled (ListRoots), then every SCP and RCP with its text and its targets.

    Where a type is not enabled its policies are attached to nothing. Where it is, AWS holds one at least attached to
    the root: an answer without it lacks something, and ends as ListCut.
    """
    del reader
    organization.described.get()
    client = organization.client
    roots = list(walk(client, "list_roots", "Roots"))
    if not roots:
        raise ListCut("ListRoots", "a root")
    enabled = {
        one.get("Type") for root in roots for one in root.get("PolicyTypes") or () if one.get("Status") == "ENABLED"
    }
    for policy_type in TYPES:
        name = f"organization.{_plural(policy_type)}"
        key = f"{organization.key}|{name}"
        yield Setting(key, organization.key, name, int(policy_type in enabled), None, POLICIES)
    given: set[str] = set()
    for policy_type in TYPES:
        try:
            listed = list(walk(client, "list_policies", "Policies", Filter=policy_type))
        except (
            client.exceptions.PolicyTypeNotEnabledException,
            client.exceptions.PolicyTypeNotAvailableForOrganizationException,
        ):  # the API's ways to say that there are none
            continue
        attached: set[str] = set()
        for summary in listed:
            for record in _policy(organization, policy_type.lower(), summary["Id"], given):
                if isinstance(record, Grant):
                    attached.add(record.principal)
                yield record
        if policy_type in enabled and not any(
            target_key(organization.partition, str(root.get("Id"))) in attached for root in roots
        ):
            raise ListCut("ListTargetsForPolicy", f"what is attached to the root of type {policy_type}")


def _policy(organization: Organization, kind: str, policy_id: str, given: set[str]) -> Iterator[Record]:
    """One policy with its targets; nothing of one that is gone by now."""
    client = organization.client
    try:
        found = client.describe_policy(PolicyId=policy_id)["Policy"]
        targets = list(walk(client, "list_targets_for_policy", "Targets", PolicyId=policy_id))
    except client.exceptions.PolicyNotFoundException:
        return
    summary, content = found.get("PolicySummary") or {}, found.get("Content")
    if content is None:
        raise ListCut("DescribePolicy", "Content")
    document = from_text(content)
    if document.digest not in given:
        given.add(document.digest)
        yield document
    policy = Policy(
        key=f"{organization.key}/{kind}/{policy_id}",
        scope=organization.key,
        kind=kind,
        native_id=policy_id,
        name=str(summary.get("Name") or policy_id),
        arn=summary.get("Arn"),
        document=document.digest,
        attachments=len(targets),
        source=POLICIES,
    )
    yield policy
    for target in targets:
        principal = target_key(organization.partition, str(target["TargetId"]))
        yield Grant(
            key=f"{principal}|{kind}|{policy_id}",
            scope=organization.key,
            kind=kind,
            principal=principal,
            name=policy.name,
            policy=policy.key,
            document=document.digest,
            source=POLICIES,
        )


def _plural(policy_type: str) -> str:
    return policy_type.lower().removesuffix("y") + "ies"
