"""The IAM API over gRPC: service accounts, keys and roles, as google-cloud-iam's `IAMClient` reads them.

The answers come out in the shape of the REST resources, so that one reading serves both. What could hold a secret
(``private_key_data``) is not taken over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import iam_admin_v1 as admin

from nhiscan.connector import BadAnswer, Context
from nhiscan_gcp.failures import NotCredible, Refused
from nhiscan_gcp.noting import Note
from nhiscan_gcp.retry import RETRIED, Patience

TIMEOUT = 30.0  # seconds an attempt; the deadline of a call is that of `Patience`
ACCOUNTS, ROLES = 100, 1000  # the most on a page
Json = Mapping[str, Any]


class Iam:
    """One channel, for any number of threads."""

    def __init__(self, credentials: Any, address: str, context: Context, quota_project: str | None) -> None:
        options = ClientOptions(api_endpoint=address, quota_project_id=quota_project)
        self._client = admin.IAMClient(credentials=credentials, client_options=options)
        self._address = address
        self._context = context

    def close(self) -> None:
        transport: Any = self._client.transport
        transport.close()

    def accounts(self, project: str) -> Iterator[Json]:
        """The living accounts of a project."""
        for page in self._pages(
            "ListServiceAccounts", self._client.list_service_accounts, {"name": f"projects/{project}"}, ACCOUNTS
        ):
            yield from map(_account, page.accounts)

    def account(self, project: str, name: str) -> Json:
        """One account by e-mail or unique id."""
        request = {"name": f"projects/{project}/serviceAccounts/{name}"}
        return _account(self._one("GetServiceAccount", self._client.get_service_account, request)[0])

    def keys(self, project: str, name: str) -> list[Json]:
        """All keys of an account, user-managed and system-managed. There are no pages."""
        request = {"name": f"projects/{project}/serviceAccounts/{name}"}
        answer, _ = self._one("ListServiceAccountKeys", self._client.list_service_account_keys, request, "keys")
        return [_key(key) for key in answer.keys]

    def roles(self, parent: str) -> Iterator[Json]:
        """Roles with their permissions: predefined ones for the parent "", custom ones of a project or organisation."""
        request = {"parent": parent, "view": admin.RoleView.FULL}
        for page in self._pages("ListRoles", self._client.list_roles, request, ROLES):
            yield from map(_role, page.roles)

    def _pages(self, operation: str, method: Callable[..., Any], request: Json, size: int) -> Iterator[Any]:
        token, number = "", 0
        while True:
            number += 1
            asked = {**request, "page_size": size, "page_token": token}
            answer, following = self._one(operation, method, asked, paged=number)
            yield answer
            if not following:
                return
            if following == token:
                raise BadAnswer(operation, "names itself as the next page")
            token = following

    def _one(
        self, operation: str, method: Callable[..., Any], request: Json, items: str = "", *, paged: int = 0
    ) -> tuple[Any, str]:
        """One answer as the bare message (five times cheaper than through proto-plus), and the token it names."""
        note = Note(self._context, "iam", operation, self._address, **{**request, "pageSize": request.get("page_size")})
        note.page = max(1, paged)
        patience = Patience(self._context)
        while True:
            patience.attempts += 1
            try:
                answer = method(request=request, retry=None, timeout=TIMEOUT)
                if paged:
                    answer = next(iter(answer.pages))  # the page that came; the pager is not asked for more
                break
            except GoogleAuthError as error:
                note.done(patience.attempts, error=type(error).__name__)
                raise NotCredible(type(error).__name__) from error
            except (GoogleAPICallError, RetryError) as error:
                status = int(getattr(error, "code", None) or 503)
                if status in RETRIED and patience.wait():
                    continue
                problem = _refused(operation, status, error, patience.attempts)
                note.done(patience.attempts, status=status, error=problem.code)
                raise problem from error
        message = type(answer).pb(answer)
        following = message.next_page_token if paged else ""
        listed: Sequence[Any] | None = None
        for name in (items, "accounts", "roles"):
            if name and hasattr(message, name):
                listed = getattr(message, name)
                break
        note.done(
            patience.attempts,
            status=200,
            items=None if listed is None else len(listed),
            more=bool(following) if paged else None,
            digest=sha256(message.SerializeToString(deterministic=True)).hexdigest(),
        )
        return message, following


def _refused(operation: str, status: int, error: Any, attempts: int) -> Refused:
    code = getattr(getattr(error, "grpc_status_code", None), "name", None) or str(status)
    info = getattr(error, "error_info", None)
    permission = dict(getattr(info, "metadata", {}) or {}).get("permission")
    said = str(getattr(error, "message", "") or code)
    return Refused(operation, status, code, said, getattr(info, "reason", None) or None, permission, attempts)


def _account(message: Any) -> Json:
    return {
        "name": message.name,
        "uniqueId": message.unique_id,
        "email": message.email,
        "displayName": message.display_name,
        "description": message.description,
        "oauth2ClientId": message.oauth2_client_id,
        "disabled": message.disabled,
    }


def _key(message: Any) -> Json:
    """``disabled`` is always told: over gRPC false is sent as nothing. Times are epoch seconds."""
    return {
        "name": message.name,
        "keyType": admin.ListServiceAccountKeysRequest.KeyType(message.key_type).name if message.key_type else "",
        "keyOrigin": admin.ServiceAccountKeyOrigin(message.key_origin).name,
        "validAfterTime": message.valid_after_time.seconds if message.HasField("valid_after_time") else None,
        "validBeforeTime": message.valid_before_time.seconds if message.HasField("valid_before_time") else None,
        "disabled": message.disabled,
    }


def _role(message: Any) -> Json:
    return {
        "name": message.name,
        "title": message.title,
        "stage": admin.Role.RoleLaunchStage(message.stage).name,
        "includedPermissions": list(message.included_permissions),
        "deleted": message.deleted,
    }
