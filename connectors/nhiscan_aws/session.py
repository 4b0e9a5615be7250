"""The one boto3 session of a process: who reads, which accounts, and a client for each account."""

import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as ConnectionFailed
from botocore.handlers import json_decode_policies
from botocore.utils import parse_timestamp

from nhiscan.connector import Context, NoAccess, OptionError, Settings
from nhiscan.model import Scope
from nhiscan_aws import fanout
from nhiscan_aws.account import Account
from nhiscan_aws.classify import DENIED, classify, said
from nhiscan_aws.failures import CannotAssume
from nhiscan_aws.hierarchy import Parents, asked
from nhiscan_aws.organization import Answer, Membership, Organization, describe, organization_scope
from nhiscan_aws.transcript import attach

if TYPE_CHECKING:
    from mypy_boto3_sts.client import STSClient

ATTEMPTS = 9  # in total, a call; where AWS_MAX_ATTEMPTS or max_attempts of the profile does not say otherwise
CONNECTIONS = 16  # kept open to a service: with fewer than are in flight, the rest are made anew and told about
ORGANIZATION = ("auto", "yes", "no")  # values of the option
SESSION_NAME = "nhiscan"  # shows in the CloudTrail of the accounts read

_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE = re.compile(r"[\w+=,.@/-]{1,512}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_REMEDY = (
    "Give credentials in one of the ways the AWS command line reads them: AWS_PROFILE or --aws-profile, "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, aws sso login, or a role of the machine; "
    "then try: aws sts get-caller-identity"
)
_NETWORK = "Look at the network, at the proxy (HTTPS_PROXY, NO_PROXY) and at AWS_ENDPOINT_URL where that is set"


def parse_time(value: Any) -> datetime:
    """A time of an answer, always aware. ISO 8601 is read quickly, anything else as botocore reads it."""
    try:
        parsed = datetime.fromisoformat(value)
    except (TypeError, ValueError):  # epoch numbers, RFC 822 dates
        parsed = parse_timestamp(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


class AwsSession:
    """Implements `nhiscan.connector.Session`."""

    def __init__(self, settings: Settings, context: Context) -> None:
        """Raises OptionError for settings that cannot work and NoAccess without credentials, before any call."""
        self._context = context
        self._accounts = tuple(dict.fromkeys(str(account) for account in settings.get("account") or ()))
        self._role: str | None = settings.get("role-name") or None
        self._external_id: str | None = settings.get("external-id") or None
        self._planning = str(settings.get("organization") or "auto")
        self._check()
        self._described: Answer[Membership | None] | None = None  # of the caller's own account
        self._organization: Organization | None = None
        self._caller: dict[str, str] | None = None
        self._making = threading.Lock()  # making clients is not thread-safe; using them is
        core = botocore.session.Session(profile=settings.get("profile") or None)
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_time)
        try:
            # IAM is global: outside GovCloud and China the region only signs
            self._region = settings.get("region") or core.get_config_variable("region") or "us-east-1"
            own = "AWS_MAX_ATTEMPTS" in os.environ or "max_attempts" in core.get_scoped_config()
            self._retries: Any = {"mode": "standard"} if own else {"mode": "standard", "total_max_attempts": ATTEMPTS}
            self._session = boto3.Session(botocore_session=core)
            if self._session.get_credentials() is None:
                raise NoAccess("no AWS credentials were found", _REMEDY)
            self._sts: STSClient = self._client("sts", context.threads)
        except ProfileNotFound as error:
            raise OptionError("profile", f"{error}; see: aws configure list-profiles") from error
        except InvalidRegionError as error:
            raise OptionError("region", f"{self._region!r} is not the name of a region") from error
        except ConfigParseError as error:
            raise NoAccess("the AWS configuration file cannot be read", f"Mend it: {error}") from error
        except ValueError as error:  # of botocore, which checks the address of an endpoint when it makes a client
            raise NoAccess(f"the AWS configuration cannot be used: {error}", "Mend AWS_ENDPOINT_URL") from error
        except BotoCoreError as error:
            raise NoAccess(f"the AWS credentials cannot be used: {classify(error).message}", _REMEDY) from error

    def _check(self) -> None:
        for account in self._accounts:
            if not _ACCOUNT.fullmatch(account):
                raise OptionError("account", f"{account!r} is not an account id: 12 digits are expected")
        if self._role is None:
            if self._external_id is not None:
                raise OptionError("external-id", "is only used with role-name, which is not set")
            if len(self._accounts) > 1:
                raise OptionError("account", "several accounts are named: set role-name, the role to assume in them")
        else:
            if not self._accounts:
                raise OptionError("role-name", "is assumed in the accounts named by account, and none is named")
            if not _ROLE.fullmatch(self._role) or self._role.startswith("/"):
                raise OptionError("role-name", f"{self._role!r} is not the name of a role (give the name, not the ARN)")
        if self._planning not in ORGANIZATION:
            raise OptionError("organization", f"{self._planning!r} is none of {', '.join(ORGANIZATION)}")
        if self._external_id is not None and not _EXTERNAL_ID.fullmatch(self._external_id):
            raise OptionError("external-id", "is not an external id: 2 to 1224 of letters, digits and +=,.@:/-")

    def _client(self, service: str, connections: int, **keys: str) -> Any:
        config = Config(
            retries=self._retries,
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=max(CONNECTIONS, connections),
            user_agent_extra=f"nhiscan/{self._context.version}" if self._context.version else "nhiscan",
        )
        session: Any = self._session  # the stubs know a client by the literal name of its service only
        with self._making:
            client = session.client(service, region_name=self._region, config=config, **keys)
        # it would read policy texts into dicts, and one that is nested without end would end the whole answer
        client.meta.events.unregister("after-call.iam", json_decode_policies)
        attach(client, self._context)
        return client

    def caller(self) -> dict[str, str]:
        """Principal, account, partition and user id of the caller, from sts:GetCallerIdentity (asked once)."""
        if self._caller is None:
            try:
                identity = self._sts.get_caller_identity()
            except NoCredentialsError as error:
                raise NoAccess("no AWS credentials were found", _REMEDY) from error
            except (HTTPClientError, ConnectionFailed) as error:
                raise NoAccess(f"AWS cannot be reached: {classify(error).message}", _NETWORK) from error
            except (ClientError, BotoCoreError) as error:
                failure = classify(error)
                raise NoAccess(f"AWS does not say who is asking: {failure.message or failure.code}", _REMEDY) from error
            self._caller = {
                "principal": identity["Arn"],
                "account": identity["Account"],
                "partition": identity["Arn"].split(":")[1],
                "user_id": identity["UserId"],
            }
        return dict(self._caller)

    def scopes(self) -> Iterator[Scope]:
        """The accounts named, else the caller's own. OptionError where one cannot be entered for want of role-name."""
        caller = self.caller()
        accounts = self._accounts or (caller["account"],)
        for account in accounts:
            if account != caller["account"] and self._role is None:
                raise OptionError(
                    "account",
                    f"{account} is not the caller's own ({caller['account']}): set role-name, the role to assume in it",
                )
        native_ids = [f"{caller['partition']}:{account}" for account in accounts]
        planned = [Scope(f"aws/account/{native_id}", "aws", "account", native_id) for native_id in native_ids]
        organization = self._planned_organization(own=caller["account"] in accounts)
        if organization is not None:
            parents = Parents(self._organizations, caller["partition"], organization)
            joined = list(parents.scopes(planned))
            if any(scope.parent for scope in joined):
                assert self._described is not None
                self._organization = Organization(
                    organization, caller["partition"], self._organizations, self._described, parents.ended
                )
                planned = [*joined, organization]
        yield from planned

    def _planned_organization(self, *, own: bool) -> Scope | None:
        """The organisation, when it is to be read. ``own``: the caller's own account is planned.

        Where DescribeOrganization fails nobody knows whether the caller may read the organisation, nor its id. The
        source ``organizations.membership`` of the caller's own account tells of that; where that account is not
        planned, or the organisation was asked for by name, an organisation called after the caller's account does.
        """
        if self._planning == "no":
            return None
        caller = self.caller()
        self._described = asked(lambda: describe(self._organizations))
        found, error = self._described.value, self._described.error
        if self._planning == "yes":
            if error is None and found is None:
                raise OptionError(
                    "organization", f"the account {caller['account']} is in no organisation: set it to auto"
                )
        elif error is not None:
            if own or classify(error).state == "denied":
                return None
        elif found is None or found.management_account != caller["account"]:
            return None
        if found is None:
            return organization_scope(caller["partition"], caller["account"], f"organisation of {caller['account']}")
        return organization_scope(caller["partition"], found.id)

    @cached_property
    def _organizations(self) -> Any:
        """The client of AWS Organizations with the caller's credentials."""
        return self._client("organizations", 2)

    def enter(self, scope: Scope) -> Account | Organization:
        """Open an account: the caller's own with the caller's credentials, any other through the role.

        The organisation is read with the caller's credentials. Raises CannotAssume where the role cannot be assumed.
        """
        if scope.kind == "organization":
            assert self._organization is not None
            return self._organization
        partition, _, account_id = scope.native_id.partition(":")
        own = account_id == self.caller()["account"]
        keys = {} if own else self._assume(partition, account_id)
        return Account(
            scope=scope,
            account_id=account_id,
            partition=partition,
            iam=self._client("iam", fanout.workers(self._context), **keys),
            client=lambda service: self._client(service, 2, **keys),
            context=self._context,
            opened_at=self._context.clock(),
            described=self._described if own else None,
        )

    def _assume(self, partition: str, account_id: str) -> dict[str, str]:
        """Credentials of the role in an account, as arguments of a client."""
        role = f"arn:{partition}:iam::{account_id}:role/{self._role}"
        external = {"ExternalId": self._external_id} if self._external_id is not None else {}
        try:
            answer = self._sts.assume_role(RoleArn=role, RoleSessionName=SESSION_NAME, **external)  # type: ignore[arg-type]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise CannotAssume(role, code, said(error), code in DENIED) from error
        return {
            "aws_access_key_id": answer["Credentials"]["AccessKeyId"],
            "aws_secret_access_key": answer["Credentials"]["SecretAccessKey"],
            "aws_session_token": answer["Credentials"]["SessionToken"],
        }

    def close(self) -> None:
        self._sts.close()
        if "_organizations" in self.__dict__:
            self._organizations.close()
