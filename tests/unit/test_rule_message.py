"""Messages and commands: facts in words, whatever names a cloud delivers."""

import json
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.rule import commands, sentence
from nhiscan.rule.message import TemplateError, placeholders
from nhiscan.text import visible

AS_OF = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86400


@pytest.mark.parametrize(
    ("template", "value", "text"),
    [
        ("{x:date}", AS_OF, "2026-01-01"),
        ("{x:time}", AS_OF + 3660, "2026-01-01 01:01 UTC"),
        ("{x:days}", AS_OF - 90 * DAY, "90"),
        ("{x:days}", AS_OF - 90 * DAY - DAY + 1, "90"),
        ("{x:days}", AS_OF + 2 * DAY, "-2"),
        ("{x:ago}", AS_OF - DAY, "1 day ago"),
        ("{x:ago}", AS_OF - 5 * DAY, "5 days ago"),
        ("{x:ago}", AS_OF - 5, "today"),
        ("{x:ago}", AS_OF + 3 * DAY, "in 3 days"),
        ("{x:duration}", 14 * DAY, "14 days"),
        ("{x:duration}", 3600, "1 hour"),
        ("{x:duration}", 119, "1 minute"),
        ("{x:duration}", 5, "5 seconds"),
        ("{x}", 12, "12"),
        ("{x}", None, "unknown"),
        ("{x:date}", None, "unknown"),
        ("{x:date}", 10**17, "unknown"),
        ("{x:date}", "no time", "no time"),
        ("{{{x}}}", "a", "{a}"),
        ("{missing}", None, "unknown"),
        ("{x:words}", "needs_resource", "needs resource"),
        ("{x:list}", '["aws:SourceIp"]', "aws:SourceIp"),
        ("{x:list}", '["aws:SourceIp","aws:RequestedRegion"]', "aws:SourceIp and aws:RequestedRegion"),
        ("{x:list}", "iam:createuser,iam:passrole,sts:assumerole", "iam:createuser, iam:passrole and sts:assumerole"),
        ("{x:list}", "a,b,c,d,e", "a, b, c, d and e"),
        ("{x:list}", "a,b,c,d,e,f,g", "a, b, c, d, e and 2 more"),
        ("{x:list}", "[broken", "[broken"),
        ("{x:list}", "[" * 100_000, "[" * 100_000),
        ("{x:list}", "", ""),
        ("{x:list}", "[1]", ""),
        ("{x:list}", None, "unknown"),
        ("{x:doubts}", "scp-unread", "the policies of the organisation were not read"),
        (
            "{x:doubts}",
            "boundary-unread,odd",
            "the permissions boundary was not read; odd",
        ),
        ("{x:steps}", '[{"why":"it may write its own policy."}]', "it may write its own policy"),
        ("{x:steps}", '[{"why":"a becomes b"},{"method":"iam-x"},{}]', "1. a becomes b; 2. iam-x; 3. a step"),
        ("{x:steps}", "not json", "not json"),
        ("{x:steps}", '{"why":"no list"}', '{"why":"no list"}'),
        ("{x}", "a\u202eb\x1b[31m\n", "a<U+202E>b<U+001B>[31m<U+000A>"),
    ],
)
def test_styles(template: str, value: str | int | None, text: str) -> None:
    assert sentence(template, {"x": value, "as_of": AS_OF}) == text


@given(st.text(), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_no_fact_breaks_a_message(name: str, moment: int, as_of: int) -> None:
    facts: dict[str, str | int | None] = {"name": name, "at": moment, "as_of": as_of}
    for style in ("date", "time", "days", "ago", "duration"):
        text = sentence(f"{{name}} {{at:{style}}}", facts)
        assert text == visible(text)


@given(
    st.text(),
    st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)),
)
def test_no_text_breaks_a_style_of_texts(name: str, tree: object) -> None:
    for fact in (name, json.dumps(tree), json.dumps([tree]), json.dumps([{"why": tree}])):
        for style in ("words", "list", "doubts", "steps"):
            text = sentence(f"{{fact:{style}}}", {"fact": fact})
            assert text == visible(text)


@given(st.text().filter(lambda text: "\x00" not in text))
def test_a_name_stays_one_word_of_the_shell(name: str) -> None:
    (command,) = commands(["aws iam delete-user --user-name {name}"], {"name": name})
    words = shlex.split(command)
    assert len(words) == 5
    if name == visible(name):
        assert words[-1] == name


@pytest.mark.parametrize("name", ["$(touch x)", "`id`", "a; rm -rf ~", "it's", "-o", "a b", "!!", "", "*"])
def test_a_shell_takes_hostile_names_as_they_are(name: str) -> None:
    (command,) = commands(["printf %s {name}"], {"name": name})
    assert subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout == name


def test_a_command_about_what_is_not_there_is_left_out() -> None:
    assert commands(["a {x}", "b {y}", "c"], {"x": None, "y": 1}) == ("b 1", "c")


@pytest.mark.parametrize("template", ["{x!r}", "{x.y}", "{x[0]}", "{}", "{0}", "{x:nope}", "{x", "x}"])
def test_templates_that_are_no_use(template: str) -> None:
    with pytest.raises(TemplateError):
        list(placeholders(template))
