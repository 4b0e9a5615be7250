"""Values of Microsoft Graph as records hold them: odd dates, thumbprints, durations, and answers that are none."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.connector import BadAnswer, InputNotRead
from nhiscan.testing.clock import at
from nhiscan_azure import principals
from nhiscan_azure.classify import classify, clean
from nhiscan_azure.credentials import claims
from nhiscan_azure.failures import ForeignOrigin, NotGranted, Refused
from nhiscan_azure.sources.activity import WINDOW, Seen
from nhiscan_azure.sources.policies import days
from nhiscan_azure.values import NEVER, moment, odd, thumbprint, truth

TENANT = "azure/tenant/1a2b3c4d-0000-4000-a000-000000000001"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-02T03:04:05Z", at("2026-01-02T03:04:05")),
        ("2026-01-02T03:04:05.1234567Z", at("2026-01-02T03:04:05")),
        ("2026-01-02T03:04:05+02:00", at("2026-01-02T01:04:05")),
        ("2021-03-18T00:00:00-8:00", at("2021-03-18T08:00:00")),
        ("2021-03-18T00:00:00-800", at("2021-03-18T08:00:00")),
        ("2026-01-02", at("2026-01-02T00:00:00")),
        ("0001-01-01T00:00:00Z", None),
        ("soon", None),
        ("", None),
        (None, None),
        (17, None),
    ],
)
def test_times(text: Any, seconds: int | None) -> None:
    assert moment(text) == seconds


def test_none_recorded_is_not_the_same_as_unreadable() -> None:
    assert [odd(one) for one in (None, "", "0001-01-01T00:00:00Z", "2026-01-02T03:04:05Z")] == [False] * 4
    assert odd("yesterday")
    assert moment("2299-12-31T00:00:00Z") == NEVER + 86_400


@given(ANYTHING)
def test_no_value_breaks_a_reader(value: Any) -> None:
    for read in (moment, thumbprint, days, truth, odd):
        read(value)


def test_thumbprints() -> None:
    hexed = "0F0E0D0C0B0A09080706050403020100FFEEDDCC"
    assert thumbprint(hexed.lower()) == hexed
    assert thumbprint("Dw4NDAsKCQgHBgUEAwIBAP/u3cw=") == hexed
    assert thumbprint("label of a password") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("P90D", 90), ("P1Y6M", 545), ("P2W", 14), ("PT8H", 1), ("P1DT1H", 2), ("P", None), ("90", None), (90, None)],
)
def test_durations(text: Any, number: int | None) -> None:
    assert days(text) == number


def test_a_row_whose_dates_cannot_be_read_says_nothing() -> None:
    seen = Seen()
    seen.add(("a",), {"lastSignInDateTime": "not a date"})
    seen.add(("b",), {"lastSignInDateTime": "0001-01-01T00:00:00Z"})
    seen.add(("c",), {"lastSignInDateTime": "not a date"}, {"lastSignInDateTime": "2026-01-02T03:04:05Z"})
    seen.add(("d",), None, [], {"lastSignInDateTime": None})
    assert seen.facts(("a",)) == (None, None)
    assert seen.facts(("b",)) == (None, WINDOW)
    assert seen.facts(("c",)) == (at("2026-01-02T03:04:05"), WINDOW)
    assert seen.facts(("d",)) == seen.facts(("nobody",)) == (None, WINDOW)


def test_an_object_without_an_id_ends_the_source() -> None:
    with pytest.raises(BadAnswer):
        principals.application(TENANT, {"displayName": "x"}, "s")
    holder = principals.application(TENANT, {"id": "A"}, "s")
    assert (holder.native_id, holder.name) == ("a", "a")
    with pytest.raises(BadAnswer):
        list(principals.credentials(holder, {"passwordCredentials": [{"displayName": "x"}]}, "s"))


def test_the_value_of_a_secret_is_never_taken_over() -> None:
    holder = principals.application(TENANT, {"id": "a", "displayName": "x"}, "s")
    shown = {
        "passwordCredentials": [{"keyId": "K1", "hint": "abc", "secretText": "canary-secret"}],
        "keyCredentials": [{"keyId": "K2", "usage": "Verify", "type": "AsymmetricX509Cert", "key": "canary-key"}],
    }
    found = list(principals.credentials(holder, shown, "s"))
    assert "canary" not in str(found)
    assert sorted(one.name for one in found) == ["abc...", "k2"]


def test_the_same_key_id_twice_is_one_credential() -> None:
    holder = principals.application(TENANT, {"id": "a"}, "s")
    found = list(principals.credentials(holder, {"passwordCredentials": [{"keyId": "k"}, {"keyId": "K"}]}, "s"))
    assert [one.key for one in found] == [f"{TENANT}/client_secret/a/k"]


def test_tags_are_words_or_pairs() -> None:
    tags = ["HideApp", "owner:ann@example.com", "team=payments"]
    shown = {"id": "a", "tags": tags, "serviceManagementReference": "7"}
    assert principals.application(TENANT, shown, "s").tags == (
        '{"HideApp":"","owner":"ann@example.com","serviceManagementReference":"7","team":"payments"}'
    )


FIELDS = (
    *("tags", "keyCredentials", "passwordCredentials", "appRoles", "alternativeNames", "verifiedPublisher", "appId"),
    *("notes", "servicePrincipalType"),
)


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING))
def test_no_answer_breaks_a_principal(shown: dict[str, Any]) -> None:
    """At worst the answer is called a bad one."""
    shown = {**shown, "id": "a"}
    for make in (principals.application, principals.service_principal):
        identity = make(TENANT, shown, "s")
        list(principals.aliases(identity, shown, "s"))
        list(principals.app_roles(TENANT, shown, "s"))
        with suppress(BadAnswer):
            list(principals.credentials(identity, shown, "s"))


def test_claims_of_what_is_no_token() -> None:
    assert claims("opaque") == claims("a.b.c") == claims("a.W10.c") == {}
    assert claims("x.eyJ0aWQiOiAidCJ9.y") == {"tid": "t"}


def test_words_of_gaps() -> None:
    missing = classify(NotGranted("graph.users", "User.Read.All"))
    assert (missing.state, missing.permission) == ("denied", "User.Read.All")
    assert classify(InputNotRead("graph.owners")).code == "InputNotRead"
    assert classify(ForeignOrigin("graph.users", "evil.example")).code == "ForeignOrigin"
    denied = classify(Refused("graph.owners", 403, "Authorization_RequestDenied", "no"))
    assert (denied.state, denied.permission) == ("denied", "Application.Read.All")
    assert classify(Refused("graph.owners", 401, "InvalidAuthenticationToken", "x")).state == "failed"
    assert classify(ZeroDivisionError("x")).code == "ZeroDivisionError"
    token = "eyJ0eXAiOiJKV1QifQ.eyJ0aWQiOiJ0In0.c2lnbmF0dXJl"
    assert clean(f"https://u:p@host:8443/x {token}") == "https://host/x (left out)"
