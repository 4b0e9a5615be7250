"""Policy texts from strangers: equal policies give one digest, and no text ends the reading of the others."""

import json
import time
from urllib.parse import quote

import pytest

from nhiscan_aws.documents import DEEPEST, from_iam, from_text


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def test_equal_policies_have_one_digest_however_they_are_written() -> None:
    one = from_text('{"Version": "2012-10-17",\n "Statement": []}')
    other = from_iam(quote('{"Statement":[], "Version":"2012-10-17"}', safe=""))
    assert one == other
    assert one.text == '{"Statement":[],"Version":"2012-10-17"}'
    assert one.kind == "policy"


def test_a_percent_sign_is_a_percent_sign_in_a_policy_of_an_organisation() -> None:
    assert json.loads(from_text('{"Resource": "a%2Fb"}').text) == {"Resource": "a%2Fb"}
    assert json.loads(from_iam(quote('{"Resource": "a%2Fb"}', safe="")).text) == {"Resource": "a%2Fb"}


@pytest.mark.parametrize(
    "text",
    [
        "{no json",
        "",
        nested(DEEPEST + 1),
        "[" * 100_000,
        "[" * 5_000 + "]" * 5_000,
        '{"a": ' + "1" * 6_000 + "}",
        '{"a": "' + '\\"[' * 2_000,
    ],
)
def test_what_is_no_json_or_too_deep_stays_as_it_is(text: str) -> None:
    assert from_text(text).text == text
    assert from_iam(quote(text, safe="")).text == text


@pytest.mark.parametrize(
    "text",
    [
        nested(DEEPEST),
        json.dumps({"Resource": ["[" * 200, "{" * 200, '"[' * 200, "\\"]}),
        json.dumps([{"Action": "s3:*"}] * 500),
    ],
)
def test_brackets_in_strings_and_beside_each_other_do_not_count(text: str) -> None:
    assert json.loads(from_text(text).text) == json.loads(text)
    assert " " not in from_text(text).text


def test_what_a_database_cannot_hold_is_replaced() -> None:
    assert from_text("{\0\ud800").text == "{\ufffd?"


def test_the_time_grows_with_the_length_and_no_faster() -> None:
    start = time.process_time()
    for text in ('"\\' * 300_000 + "[" * 100, '"' * 300_001 + "[" * 100, '["\\"' * 150_000):
        from_text(text)
    assert time.process_time() - start < 5
