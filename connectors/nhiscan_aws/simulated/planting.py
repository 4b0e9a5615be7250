"""Put declared things into a running account: the world at its start, and changes while it runs."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nhiscan_aws.simulated import stock
from nhiscan_aws.simulated.ids import GROUP, POLICY, PROFILE, ROLE, USER
from nhiscan_aws.simulated.state import AccountState, UserFacts
from nhiscan_aws.simulated.world import (
    Account,
    Group,
    Key,
    ManagedPolicy,
    PasswordPolicy,
    PolicyDocument,
    Role,
    Use,
    User,
)


def text_of(document: PolicyDocument) -> str:
    """A policy document as the text that IAM keeps."""
    return document if isinstance(document, str) else json.dumps(document)


def plant_account(state: AccountState, account: Account) -> None:
    """Everything that was declared, in an order in which references are there already."""
    for policy in account.policies:
        plant_policy(state, policy)
    for group in account.groups:
        plant_group(state, group)
    for role in account.roles:
        plant_role(state, role)
    for user in account.users:
        plant_user(state, user)
    if account.password_policy is not None:
        plant_password_policy(state, account.password_policy)


def plant_policy(state: AccountState, spec: ManagedPolicy) -> None:
    """A customer-managed policy with all its versions."""
    policy = stock.ManagedPolicy(
        spec.name, account_id=state.id, region=_region(state), document=text_of(spec.documents[0]), path=spec.path
    )
    policy.id = state.ids.make(POLICY, state.id, spec.name, spec.created_at)
    policy.create_date = stock.moment(spec.created_at)
    policy.versions = [
        stock.PolicyVersion(
            policy.arn,
            text_of(document),
            number == len(spec.documents),
            f"v{number}",
            stock.moment(spec.created_at + 60 * (number - 1)),
        )
        for number, document in enumerate(spec.documents, 1)
    ]
    policy.default_version_id = policy.versions[-1].version_id
    policy.next_version_num = len(policy.versions) + 1
    policy.update_date = policy.versions[-1].create_date
    state.backend.managed_policies[policy.arn] = policy
    state.settled[policy.id] = policy.arn


def plant_group(state: AccountState, spec: Group) -> None:
    """A group, without members."""
    group = stock.Group(state.id, _region(state), spec.name, spec.path)
    group.id = state.ids.make(GROUP, state.id, spec.name, spec.created_at)
    group.create_date = stock.moment(spec.created_at)
    _grant(state, group, spec.attached, spec.inline)
    state.backend.groups[spec.name] = group
    state.settled[group.id] = group.arn


def plant_role(state: AccountState, spec: Role) -> None:
    """A role, with an instance profile of its name where it was asked for."""
    role = stock.Role(
        account_id=state.id,
        partition=state.partition,
        role_id=state.ids.make(ROLE, state.id, spec.name, spec.created_at),
        name=spec.name,
        assume_role_policy_document=text_of(spec.trust),
        path=spec.path,
        permissions_boundary=None if spec.boundary is None else policy_arn(state, spec.boundary),
        description=spec.description,
        tags=[{"Key": key, "Value": value} for key, value in spec.tags.items()],
        max_session_duration=spec.max_session,
    )
    role.create_date = stock.moment(spec.created_at)
    if spec.used is not None:
        state.role_uses[role.id] = [spec.used]
    state.accessed[role.id] = spec.accessed
    if spec.boundary is not None:
        _policy(state, spec.boundary)
    _grant(state, role, spec.attached, spec.inline)
    state.backend.roles[role.id] = role
    state.settled[role.id] = role.arn
    if spec.instance_profile:
        profile = stock.InstanceProfile(
            account_id=state.id,
            region_name=_region(state),
            instance_profile_id=state.ids.make(PROFILE, state.id, spec.name, spec.created_at),
            name=spec.name,
            path=spec.path,
            roles=[role],
        )
        profile.create_date = role.create_date
        state.backend.instance_profiles[spec.name] = profile
        state.settled[profile.id] = profile.arn


def plant_user(state: AccountState, spec: User) -> None:
    """A user with keys, password, devices, groups and grants."""
    user = stock.User(state.id, _region(state), spec.name, spec.path)
    user.id = spec.id or state.ids.make(USER, state.id, spec.name, spec.created_at)
    user.create_date = stock.moment(spec.created_at)
    state.users[user.id] = UserFacts(
        password_changed_at=spec.password.changed_at if spec.password else None, more_credentials=spec.more_credentials
    )
    state.accessed[user.id] = spec.accessed
    if spec.password is not None:
        user.password = "simulated"  # noqa: S105 moto only asks whether there is one
        if spec.password.used_at is not None:
            user.password_last_used = stock.moment(spec.password.used_at)
    if spec.mfa:
        serial = f"arn:{state.partition}:iam::{state.id}:mfa/{spec.name}"
        device = stock.MFADevice(serial, "000000", "000000")
        device.enable_date = user.create_date
        user.mfa_devices[serial] = device
    for number, certificate in enumerate(spec.certificates, 1):
        made = stock.SigningCertificate(state.ids.make(USER, state.id, "certificate", spec.name, number), spec.name, "")
        made.upload_date, made.status = stock.moment(certificate.created_at), certificate.status
        user.signing_certificates[made.id] = made
    if spec.tags:
        state.backend.tagger.tag_resource(user.arn, [{"Key": key, "Value": value} for key, value in spec.tags.items()])
    if spec.boundary is not None:
        set_boundary(user, _policy(state, spec.boundary).arn)
    _grant(state, user, spec.attached, spec.inline)
    state.backend.users[spec.name] = user
    state.settled[user.id] = user.arn
    for group in spec.groups:
        state.backend.groups[group].users.append(user)
    for key in spec.keys:
        plant_key(state, spec.name, key)


def plant_key(state: AccountState, user_name: str, spec: Key) -> str:
    """An access key of a user. Returns its id."""
    user = state.backend.users[user_name]
    key = stock.AccessKey(user_name, prefix="AKIA", account_id=state.id, status=spec.status)
    number = len(user.access_keys)
    key.access_key_id = state.ids.key(state.id, user_name, number, spec)
    while spec.id is None and key.access_key_id in state.settled:
        number += 1
        key.access_key_id = state.ids.key(state.id, user_name, number, spec)
    key.secret_access_key = state.ids.secret(key.access_key_id)
    key.create_date = stock.moment(spec.created_at)
    user.access_keys.append(key)
    state.backend.access_keys[key.access_key_id] = key
    state.settled[key.access_key_id] = user_name
    if spec.used is not None:
        state.uses[key.access_key_id] = [spec.used]
    return str(key.access_key_id)


def plant_password_policy(state: AccountState, spec: PasswordPolicy | None) -> None:
    """Set the account's password policy, or take it away."""
    state.backend.account_password_policy = spec and stock.PasswordPolicy(
        allow_change_password=spec.users_may_change,
        hard_expiry=spec.hard_expiry,
        max_password_age=spec.max_age_days,
        minimum_password_length=spec.minimum_length,
        password_reuse_prevention=spec.reuse_prevention,
        require_lowercase_characters=spec.lowercase,
        require_numbers=spec.numbers,
        require_symbols=spec.symbols,
        require_uppercase_characters=spec.uppercase,
    )


def remove_user(state: AccountState, name: str) -> None:
    """A user and everything of its own."""
    user = state.backend.users.pop(name)
    for key in user.access_keys:
        state.backend.access_keys.pop(key.access_key_id, None)
    for group in state.backend.groups.values():
        group.users = [member for member in group.users if member is not user]
    for policy in user.managed_policies.values():
        policy.attachment_count -= 1
    state.backend.tagger.delete_all_tags_for_resource(user.arn)


def remove_key(state: AccountState, key_id: str) -> None:
    """An access key; KeyError when there is none."""
    key = state.backend.access_keys.pop(key_id)
    user = state.backend.users[key.user_name]
    user.access_keys = [other for other in user.access_keys if other is not key]


def remove_role(state: AccountState, name: str) -> None:
    """A role and its instance profiles."""
    role_id = next(known for known, role in state.backend.roles.items() if role.name == name)
    role = state.backend.roles.pop(role_id)
    for policy in role.managed_policies.values():
        policy.attachment_count -= 1
    for profile in state.backend.instance_profiles.values():
        profile.roles = [other for other in profile.roles if other is not role]


def use_key(state: AccountState, key_id: str, use: Use) -> None:
    """A key is used. It shows after the account's delay."""
    state.uses.setdefault(key_id, []).append(use)


def set_boundary(user: Any, arn: str | None) -> None:
    """The permissions boundary of one of moto's users."""
    user.permissions_boundary = (
        None if arn is None else {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    )


def policy_arn(state: AccountState, reference: str) -> str:
    """The ARN of a policy that is named by its ARN or, in this account, by its name."""
    if reference.startswith("arn:"):
        return reference
    for arn, policy in state.backend.managed_policies.items():
        if policy.name == reference and f"::{state.id}:" in arn:
            return str(arn)
    raise KeyError(f"no policy {reference} in account {state.id}")


def encoded(text: str) -> str:
    """A policy document as it stands in an answer."""
    return quote(text, safe="")


def _policy(state: AccountState, reference: str) -> Any:
    arn = policy_arn(state, reference)
    if f":iam::{state.id}:" in arn:
        return state.backend.managed_policies[arn]
    policy = stock.use_provider_policy(state.backend, arn)
    policy.id = state.ids.make(POLICY, "aws", arn)
    state.settled[policy.id] = arn
    return policy


def _grant(state: AccountState, holder: Any, attached: tuple[str, ...], inline: Mapping[str, PolicyDocument]) -> None:
    for reference in attached:
        _policy(state, reference).attach_to(holder)
    for name, document in inline.items():
        holder.policies[name] = text_of(document)


def _region(state: AccountState) -> str:
    return {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(state.partition, "us-east-1")
