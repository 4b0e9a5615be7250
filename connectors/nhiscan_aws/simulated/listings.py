"""The other IAM calls whose answers moto gives without pages, without facts, or too slowly."""

from typing import Any

from nhiscan_aws.simulated import stock
from nhiscan_aws.simulated.details import profile, role_last_used
from nhiscan_aws.simulated.paging import Page, by_name, page
from nhiscan_aws.simulated.planting import encoded, set_boundary
from nhiscan_aws.simulated.state import AccountState, root_keys
from nhiscan_aws.simulated.wire import Form, no_such_entity


def list_users(state: AccountState, form: Form) -> dict[str, Any]:
    """Without tags and boundaries, as AWS."""
    return _listing("Users", _page(state, "users", form, state.backend.users.values()), _user)


def list_groups(state: AccountState, form: Form) -> dict[str, Any]:
    return _listing("Groups", _page(state, "groups", form, state.backend.groups.values()), _group)


def list_roles(state: AccountState, form: Form) -> dict[str, Any]:
    """Without RoleLastUsed, tags and boundaries, as AWS."""
    return _listing("Roles", _page(state, "roles", form, state.backend.roles.values()), _role)


def list_instance_profiles(state: AccountState, form: Form) -> dict[str, Any]:
    profiles = state.backend.instance_profiles.values()
    return _listing("InstanceProfiles", _page(state, "instance profiles", form, profiles), profile)


def get_user(state: AccountState, form: Form) -> dict[str, Any]:
    user = _named(state, form)
    tags = state.backend.tagger.tags.get(user.arn, {})
    detail = _user(user) | (
        {"Tags": [{"Key": key, "Value": value or ""} for key, value in tags.items()]} if tags else {}
    )
    return {"User": detail | _boundary(state, user)}


def get_role(state: AccountState, form: Form) -> dict[str, Any]:
    name = form.need("RoleName")
    role = next((role for role in state.backend.roles.values() if role.name.lower() == name.lower()), None)
    if role is None:
        raise no_such_entity(f"The role with name {name} cannot be found.")
    detail = _role(role) | {"RoleLastUsed": role_last_used(state, role)}
    if role.tags:
        detail["Tags"] = [dict(tag) for tag in role.tags]
    return {"Role": detail | _boundary(state, role)}


def list_access_keys(state: AccountState, form: Form) -> dict[str, Any]:
    """The keys of one user, in order of creation; never a secret."""
    user = _named(state, form)
    shown = page(state, f"keys {user.id}", form, user.access_keys, _key_order)
    return _listing(
        "AccessKeyMetadata",
        shown,
        lambda key: {
            "UserName": user.name,
            "AccessKeyId": key.access_key_id,
            "Status": key.status,
            "CreateDate": stock.epoch(key.create_date),
        },
    )


def get_access_key_last_used(state: AccountState, form: Form) -> dict[str, Any]:
    key_id = form.need("AccessKeyId")
    found = state.find_key(key_id)
    if found is None:
        raise no_such_entity(f"The Access Key with id {key_id} cannot be found.")
    use = state.key_use(key_id)
    last = (
        {"ServiceName": "N/A", "Region": "N/A"}
        if use is None
        else {"LastUsedDate": use.at, "ServiceName": use.service, "Region": use.region}
    )
    return {"UserName": found[0].name, "AccessKeyLastUsed": last}


def get_login_profile(state: AccountState, form: Form) -> dict[str, Any]:
    user = _named(state, form)
    if not user.password:
        raise no_such_entity(f"Login Profile for User {user.name} cannot be found.")
    created = state.facts(user).password_changed_at
    return {
        "LoginProfile": {
            "UserName": user.name,
            "CreateDate": stock.epoch(user.create_date) if created is None else created,
            "PasswordResetRequired": user.password_reset_required,
        }
    }


def put_user_permissions_boundary(state: AccountState, form: Form) -> None:
    set_boundary(_named(state, form), form.need("PermissionsBoundary"))


def delete_user_permissions_boundary(state: AccountState, form: Form) -> None:
    set_boundary(_named(state, form), None)


def get_account_summary(state: AccountState, form: Form) -> dict[str, Any]:
    """Counts, quotas, and the flags of root in step with the credential report."""
    del form
    backend = state.backend
    root = state.root
    customer = [arn for arn in backend.managed_policies if ":iam::aws:" not in arn]
    summary: dict[str, int] = dict(backend.account_summary.summary_map)
    devices = sum(len(user.mfa_devices) for user in backend.users.values()) + int(root.mfa)
    summary |= {
        "Users": len(backend.users),
        "Groups": len(backend.groups),
        "Roles": len(backend.roles),
        "Policies": len(customer),
        "InstanceProfiles": len(backend.instance_profiles),
        "MFADevices": devices,
        "MFADevicesInUse": devices,
        "AccountMFAEnabled": int(root.mfa),
        "AccountPasswordPresent": int(root.password is not None),
        "AccountAccessKeysPresent": sum(key.status == "Active" for _, key in root_keys(state)),
        "AccountSigningCertificatesPresent": int(bool(root.certificates)),
    }
    for name, more in state.summary_extra.items():
        summary[name] += more
    return {"SummaryMap": summary}


def _page(state: AccountState, walk: str, form: Form, things: Any) -> Page:
    prefix = form.get("PathPrefix") or "/"
    chosen = [thing for thing in things if thing.path.startswith(prefix)]
    return page(state, f"{walk} {prefix}", form, chosen, by_name)


def _listing(name: str, shown: Page, make: Any) -> dict[str, Any]:
    result: dict[str, Any] = {name: [make(item) for item in shown.items], "IsTruncated": shown.marker is not None}
    if shown.marker is not None:
        result["Marker"] = shown.marker
    return result


def _user(user: Any) -> dict[str, Any]:
    detail = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": stock.epoch(user.create_date),
    }
    if user.password and user.password_last_used:
        detail["PasswordLastUsed"] = stock.epoch(user.password_last_used)
    return detail


def _group(group: Any) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": stock.epoch(group.create_date),
    }


def _role(role: Any) -> dict[str, Any]:
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": stock.epoch(role.create_date),
        "AssumeRolePolicyDocument": encoded(role.assume_role_policy_document),
        "Description": role.description or None,
        "MaxSessionDuration": int(role.max_session_duration or 3600),
    }


def _boundary(state: AccountState, thing: Any) -> dict[str, Any]:
    arn = state.boundary(thing)
    if arn is None:
        return {}
    return {"PermissionsBoundary": {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}}


def _named(state: AccountState, form: Form) -> Any:
    name = form.need("UserName")
    user = state.user(name)
    if user is None:
        raise no_such_entity(f"The user with name {name} cannot be found.")
    return user


def _key_order(key: Any) -> str:
    return f"{stock.epoch(key.create_date):012d}{key.access_key_id}"
