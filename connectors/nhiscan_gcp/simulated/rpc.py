"""The IAM API over gRPC and TLS: service accounts, keys and roles, as `IAMClient` of google-cloud-iam asks for them.

Imports gRPC and the message classes; nothing else of the package does.
"""

import base64
import json
from collections.abc import Callable, Sequence
from concurrent import futures
from typing import Any

import grpc
from google.cloud import iam_admin_v1 as iam
from google.protobuf import json_format

from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import CUT, DENY, THROTTLE, Attempt, Faults
from nhiscan_gcp.simulated.estate import Estate
from nhiscan_gcp.simulated.held import HeldAccount, HeldProject, Json
from nhiscan_gcp.simulated.tokens import Tokens

SERVICE = "google.iam.admin.v1.IAM"


class IamService:
    """Pages: accounts 20 by default and 100 at most, roles 300 and 1,000, keys in one answer."""

    def __init__(
        self, estate: Estate, tokens: Tokens, calls: CallCounts, faults: Faults, clock: Callable[[], int]
    ) -> None:
        self._estate = estate
        self._tokens = tokens
        self._calls = calls
        self._faults = faults
        self._clock = clock

    def handlers(self) -> grpc.GenericRpcHandler:
        table = {
            "ListServiceAccounts": _rpc(iam.ListServiceAccountsRequest, iam.ListServiceAccountsResponse, self.accounts),
            "ListServiceAccountKeys": _rpc(
                iam.ListServiceAccountKeysRequest, iam.ListServiceAccountKeysResponse, self.keys
            ),
            "GetServiceAccount": _rpc(iam.GetServiceAccountRequest, iam.ServiceAccount, self.account),
            "ListRoles": _rpc(iam.ListRolesRequest, iam.ListRolesResponse, self.roles),
        }
        return grpc.method_handlers_generic_handler(SERVICE, table)

    def accounts(self, request: Any, context: grpc.ServicerContext) -> Any:
        held = self._project(request.name.removeprefix("projects/"), "iam.serviceAccounts.list", context)
        accounts = list(self._estate.living(held))
        shown, token = self._page(request, f"accounts of {held.id}", accounts, 20, 100, context)
        answer = iam.ListServiceAccountsResponse.pb()()
        for account in shown:
            json_format.ParseDict(account.rest(), answer.accounts.add())
        answer.next_page_token = token
        return answer

    def account(self, request: Any, context: grpc.ServicerContext) -> Any:
        parts = request.name.split("/")
        if len(parts) != 4 or parts[::2] != ["projects", "serviceAccounts"]:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Invalid name.")
        held = self._project(parts[1], "iam.serviceAccounts.get", context)
        account = self._estate.account(held, parts[3])
        if account is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Service account {request.name} does not exist.")
        assert account is not None
        return json_format.ParseDict(account.rest(), iam.ServiceAccount.pb()())

    def keys(self, request: Any, context: grpc.ServicerContext) -> Any:
        parts = request.name.split("/")
        if len(parts) != 4 or parts[::2] != ["projects", "serviceAccounts"]:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Invalid name.")
        account: HeldAccount | None
        if parts[1] == "-":
            self._count("", "iam.serviceAccountKeys.list", context)
            account = next(
                (one for held in self._estate.projects.values() if (one := self._estate.account(held, parts[3]))), None
            )
            if account is None:  # with the wildcard a missing account looks like a forbidden one
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "Permission denied (or it may not exist).")
        else:
            held = self._project(parts[1], "iam.serviceAccountKeys.list", context)
            account = self._estate.account(held, parts[3])
            if account is None:
                context.abort(grpc.StatusCode.NOT_FOUND, f"Service account {request.name} does not exist.")
        assert account is not None
        answer = iam.ListServiceAccountKeysResponse.pb()()
        for held_key in account.keys:
            if not request.key_types or (1 if held_key.key.user_managed else 2) in request.key_types:
                json_format.ParseDict(held_key.rest(account, whole=False), answer.keys.add())
        return answer

    def roles(self, request: Any, context: grpc.ServicerContext) -> Any:
        parent = request.parent
        if parent.startswith("projects/"):
            self._project(parent.removeprefix("projects/"), "iam.roles.list", context)
        else:
            self._count(parent, "iam.roles.list", context)
            if parent and parent != self._estate.organization:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "Permission denied (or it may not exist).")
        roles = self._estate.custom_roles(parent) if parent else self._estate.predefined
        wanted = [role for role in roles if request.show_deleted or not role.deleted]
        shown, token = self._page(request, f"roles of {parent}", wanted, 300, 1000, context)
        answer = iam.ListRolesResponse.pb()()
        for role in shown:
            one: Json = self._estate.role_json(parent, role, permissions=request.view == 1)
            if one["stage"] == "ALPHA":  # the zero of the enumeration is left out of an answer
                del one["stage"]
            json_format.ParseDict(one, answer.roles.add())
        answer.next_page_token = token
        return answer

    def _project(self, name: str, permission: str, context: grpc.ServicerContext) -> HeldProject:
        held = self._estate.project(name)
        self._count(held.id if held else name, permission, context)
        if held is None:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, f"Permission '{permission}' denied (or it may not exist).")
        assert held is not None
        return held

    def _count(self, where: str, permission: str, context: grpc.ServicerContext) -> None:
        """Count and judge a call. Over gRPC the name of the permission stands for the method."""
        self._calls.add(where, permission)
        metadata = {str(name): str(value) for name, value in context.invocation_metadata()}
        caller = self._tokens.caller(metadata.get("authorization", ""), self._clock())
        if caller is None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "Request had invalid authentication credentials.")
        fault, _ = self._faults.judge(Attempt(where, permission, caller or ""))
        if fault is None:
            return
        if fault.kind == DENY:
            message = fault.message or f"Permission '{permission}' denied on resource '{where}' (or it may not exist)."
            context.abort(grpc.StatusCode.PERMISSION_DENIED, message)
        if fault.kind == THROTTLE:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, fault.message or "Quota exceeded.")
        if fault.kind == CUT or (fault.status or 503) == 503:
            context.abort(grpc.StatusCode.UNAVAILABLE, fault.message or "The service is currently unavailable.")
        code = grpc.StatusCode.INVALID_ARGUMENT if fault.status == 400 else grpc.StatusCode.INTERNAL
        context.abort(code, fault.message or "Refused.")

    def _page(
        self, request: Any, walk: str, items: Sequence[Any], default: int, most: int, context: grpc.ServicerContext
    ) -> tuple[list[Any], str]:
        size = min(request.page_size or default, most)
        start = 0
        if request.page_token:
            try:
                kept, start = json.loads(base64.urlsafe_b64decode(request.page_token.encode()))
            except ValueError:
                kept = ""
            if kept != walk:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Invalid page token.")
        shown = list(items[start : start + size])
        if start + size >= len(items):
            return shown, ""
        return shown, base64.urlsafe_b64encode(json.dumps([walk, start + size]).encode()).decode()


def _rpc(request: Any, response: Any, answer: Callable[..., Any]) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=request.pb().FromString,
        response_serializer=response.pb().SerializeToString,
    )


def serve(service: IamService, key: bytes, certificate: bytes) -> tuple[Any, int]:
    """A running server on the loopback and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(8, thread_name_prefix="nhiscan-simulated-iam"))
    server.add_generic_rpc_handlers((service.handlers(),))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    return server, port
