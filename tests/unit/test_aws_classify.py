"""Errors of AWS in the words of coverage, the transcript's details, and calls in flight."""

import pickle
import threading
from datetime import UTC, datetime

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from nhiscan.connector import Context, Failure, InputNotRead
from nhiscan.model import Call
from nhiscan_aws import CONNECTOR
from nhiscan_aws.failures import CannotAssume, LastAccessedNotGiven, ListCut, ReportIncomplete, ReportNotReady
from nhiscan_aws.fanout import ask_each
from nhiscan_aws.session import parse_time
from nhiscan_aws.transcript import SERVICE, endpoint, noting_into


def answer(
    code: str, operation: str, message: str = "words", retries: int = 0, service: str | None = None
) -> ClientError:
    metadata = {"RetryAttempts": retries, SERVICE: service}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, operation)  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (
            answer("AccessDenied", "ListAccessKeys", "User: x is not\n authorized"),
            Failure("denied", "AccessDenied", "iam:ListAccessKeys", "iam:ListAccessKeys", "User: x is not authorized"),
        ),
        (
            answer("AccessDeniedException", "ListPolicies", "no", service="organizations"),
            Failure(
                "denied",
                "AccessDeniedException",
                "organizations:ListPolicies",
                "organizations:ListPolicies",
                "no",
            ),
        ),
        (
            answer("AccessDenied", "ListPolicies", "no", service="iam"),
            Failure("denied", "AccessDenied", "iam:ListPolicies", "iam:ListPolicies", "no"),
        ),
        (
            LastAccessedNotGiven("ann", "was not ready"),
            Failure(
                "failed",
                "LastAccessedNotGiven",
                message="the service last accessed data of ann was not ready",
            ),
        ),
        (
            answer("Throttling", "GetAccountAuthorizationDetails", "Rate exceeded", 8),
            Failure(
                "failed",
                "Throttling",
                "iam:GetAccountAuthorizationDetails",
                None,
                "throttled, given up after 9 attempts: Rate exceeded",
            ),
        ),
        (
            answer("LimitExceeded", "GenerateCredentialReport", "no"),
            Failure(
                "failed",
                "LimitExceeded",
                "iam:GenerateCredentialReport",
                None,
                "throttled, given up after 1 attempt: no",
            ),
        ),
        (
            answer("ExpiredToken", "ListAccessKeys", "The token XYZ has expired"),
            Failure(
                "failed", "ExpiredToken", "iam:ListAccessKeys", None, "the credentials have expired (ExpiredToken)"
            ),
        ),
        (
            answer("SignatureDoesNotMatch", "GetCallerIdentity", "canonical request was: x-amz-security-token:IQoJb3"),
            Failure(
                "failed",
                "SignatureDoesNotMatch",
                "sts:GetCallerIdentity",
                None,
                "the credentials were not accepted (SignatureDoesNotMatch)",
            ),
        ),
        (
            answer("ServiceFailure", "GetAccountSummary"),
            Failure("failed", "ServiceFailure", "iam:GetAccountSummary", None, "words"),
        ),
        (
            CannotAssume("arn:aws:iam::1:role/scan", "AccessDenied", "not authorized", True),
            Failure(
                "denied",
                "AccessDenied",
                "sts:AssumeRole",
                "sts:AssumeRole",
                "cannot assume arn:aws:iam::1:role/scan: not authorized",
            ),
        ),
        (
            CannotAssume("arn:aws:iam::1:role/scan", "RegionDisabledException", "off", False),
            Failure(
                "failed",
                "RegionDisabledException",
                "sts:AssumeRole",
                None,
                "cannot assume arn:aws:iam::1:role/scan: off",
            ),
        ),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:41234/"),
            Failure(
                "failed",
                "EndpointConnectionError",
                message='Could not connect to the endpoint URL: "http://127.0.0.1/"',
            ),
        ),
        (
            CredentialRetrievalError(provider="custom-process", error_msg="printed hunter2"),
            Failure("failed", "CredentialRetrievalError", message="the credentials could not be fetched"),
        ),
        (
            NoCredentialsError(),
            Failure("failed", "NoCredentialsError", message="the credentials are missing or not complete"),
        ),
        (
            ReportNotReady(8),
            Failure(
                "failed",
                "ReportNotReady",
                message="the credential report was not ready after it was asked for 8 times",
            ),
        ),
        (
            InputNotRead("iam.x"),
            Failure("failed", "InputNotRead", message="rests on iam.x, which was not read"),
        ),
        (
            ReportIncomplete(("mfa_active",)),
            Failure(
                "failed",
                "ReportIncomplete",
                message="the credential report is not complete: it has no column mfa_active",
            ),
        ),
        (
            ReportIncomplete((), ("it has no row for root", "2 cells")),
            Failure(
                "failed",
                "ReportIncomplete",
                message="the credential report is not complete: it has no row for root; 2 cells",
            ),
        ),
        (
            ListCut("ListUsers"),
            Failure(
                "failed",
                "ListCut",
                message="the answer of ListUsers says that more follows, and names no next page",
            ),
        ),
        (
            ListCut("GetAccountSummary", "Users"),
            Failure("failed", "ListCut", message="the answer of GetAccountSummary lacks Users"),
        ),
        (KeyError("UserId"), Failure("failed", "KeyError", message="unexpected error: 'UserId'")),
    ],
)
def test_errors_become_coverage(error: Exception, failure: Failure) -> None:
    assert CONNECTOR.classify(error) == failure


@pytest.mark.parametrize(
    "error",
    [
        CannotAssume("r", "c", "s", True),
        ReportNotReady(3),
        ReportIncomplete(("a",), ("b",)),
        ListCut("x", "y"),
        InputNotRead("x"),
        LastAccessedNotGiven("x", "y"),
    ],
)
def test_errors_cross_a_process(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.args) == (type(error), str(error), error.args)


def test_messages_carry_no_token_and_no_user_name_of_a_proxy() -> None:
    token = "FwoGZXIvYXdzE" * 20
    denied = CONNECTOR.classify(answer("AccessDenied", "ListUsers", f"Encoded authorization failure message: {token}"))
    assert denied.message == "Encoded authorization failure message: (left out)"
    timeout = CONNECTOR.classify(ReadTimeoutError(endpoint_url="https://user:word@proxy.example:3128/x"))
    assert timeout.message is not None
    assert "word" not in timeout.message
    assert "https://proxy.example/x" in timeout.message


def test_endpoints_are_noted_without_port_user_or_path() -> None:
    assert endpoint("https://user:word@iam.amazonaws.com:443/path?x=y") == "https://iam.amazonaws.com"
    assert endpoint("") == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.250+01:00", datetime(2026, 1, 2, 2, 4, 5, 250000, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        (1767225600, datetime(2026, 1, 1, tzinfo=UTC)),
        (1767225600.0, datetime(2026, 1, 1, tzinfo=UTC)),
        ("1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Thu, 01 Jan 2026 00:00:00 GMT", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_of_answers_are_read_and_aware(value: object, expected: datetime) -> None:
    found = parse_time(value)
    assert found == expected
    assert found.tzinfo is not None


# --- calls in flight ---


def call(number: int) -> Call:
    return Call("iam", "ListAccessKeys", str(number), "", 1, None, None, 200, None, None, 1, 0, 0, None)


def context(notes: list[Call], fanout: int) -> Context:
    home = threading.get_ident()

    def note(one: Call) -> None:
        assert threading.get_ident() == home, "noted in a thread that belongs to no source"
        notes.append(one)

    return Context(clock=lambda: 0, sleep=lambda _: None, note=note, fanout=fanout)


def asking(notes: list[Call], fanout: int, fail_at: int | None = None) -> list[tuple[int, int]]:
    from nhiscan_aws import transcript

    where = context(notes, fanout)
    gate = threading.Barrier(min(fanout, 8)) if fail_at is None and fanout > 1 else None

    def question(number: int) -> int:
        if gate is not None:
            gate.wait(30)  # all workers are in a call at once
        (transcript._sink.get() or where.note)(call(number))
        if number == fail_at:
            raise ReportNotReady(number)
        return number * number

    return list(ask_each(where, question, range(32)))


@pytest.mark.parametrize("fanout", [1, 2, 8, 64])
def test_answers_and_notes_come_in_the_order_asked(fanout: int) -> None:
    notes: list[Call] = []
    assert asking(notes, fanout) == [(number, number * number) for number in range(32)]
    assert [note.parameters for note in notes] == [str(number) for number in range(32)]


@pytest.mark.parametrize("fanout", [1, 4])
def test_an_error_comes_where_its_answer_would_and_no_call_is_lost(fanout: int) -> None:
    notes: list[Call] = []
    with pytest.raises(ReportNotReady):
        asking(notes, fanout, fail_at=5)
    made = [int(note.parameters) for note in notes]
    assert made == sorted(made)
    assert set(range(6)) <= set(made)


def test_calls_of_a_worker_go_to_its_own_list() -> None:
    kept: list[Call] = []
    with noting_into(kept.append):
        from nhiscan_aws import transcript

        sink = transcript._sink.get()
        assert sink is not None
        sink(call(1))
    assert kept == [call(1)]
    assert transcript._sink.get() is None
