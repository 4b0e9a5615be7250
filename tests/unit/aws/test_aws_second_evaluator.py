"""The evaluator against a second one, slow and obvious: no bits, no caches, no patterns compared with patterns.

The second evaluator decides one request of which everything is known. What the first one says without knowing
everything must hold for every way to fill in what it does not know.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nhiscan_aws.sketch import ACCOUNT, AS_OF, Sketch, policy

Statement = dict[str, Any]
Request = Mapping[str, tuple[str, ...]]  # key in lower case -> values; not in it: absent

# Every pattern below has a resource that no narrower one covers, so that "some resource" has a witness here.
RESOURCES = [
    "arn:aws:s3:::b/x",
    "arn:aws:s3:::b/y",
    "arn:aws:s3:::b/z",
    "arn:aws:s3:::b/long",
    "arn:aws:s3:::c/x",
    "arn:aws:s3:::c/w",
    "arn:aws:s3:::d/ann/1",
    "arn:aws:s3:::e/q",
    f"arn:aws:s3:eu-west-1:{ACCOUNT}:accesspoint/a/object/x",
]
RESOURCE_PATTERNS = [
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/x",
    "arn:aws:s3:::b/?",
    "arn:aws:s3:::c/*",
    "arn:aws:s3:::c/x",
    "arn:aws:s3:::d/${aws:username}/*",
    "arn:aws:s3:::d/${aws:PrincipalTag/none}/*",
    "arn:aws:s3:::e/${aws:SourceVpc}",
]
ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:GetObjectTagging", "s3:NoSuchThing"]
ACTION_PATTERNS = [
    "*",
    "s3:*",
    "s3:Get*",
    "s3:?etObject",
    "S3:PUTOBJECT",
    "s3:*Object",
    "s3:NoSuchThing",
    "iam:*",
    "s3:N*",
]

KNOWN: Request = {
    "aws:username": ("ann",),
    "aws:principaltag/team": ("red",),
    "aws:principaltag/size": ("7",),
    "aws:principalaccount": (ACCOUNT,),
    "aws:principaltype": ("User",),
    "aws:currenttime": ("2026-09-21T13:33:20Z",),
    "aws:epochtime": (str(AS_OF),),
    "aws:principalisawsservice": ("false",),
    "aws:principalarn": (f"arn:aws:iam::{ACCOUNT}:user/ann",),
}
OPEN: dict[str, list[tuple[str, ...] | None]] = {
    "aws:sourceip": [None, ("10.0.0.1",), ("192.0.2.1",)],
    "aws:sourcevpc": [None, ("q",), ("red",)],
    "aws:multifactorauthpresent": [None, ("true",), ("false",)],
    "aws:tagkeys": [None, ("red",), ("red", "blue"), ("blue",)],
}
VALUES = ["red", "RED", "blue", "r*", "?ed", "*", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/none}", "7", "true"]
KEYS = [
    "aws:PrincipalTag/team",
    "aws:PrincipalTag/none",
    "aws:SourceVpc",
    "aws:TagKeys",
    "aws:username",
    "aws:SourceARN",
]


# --- the second evaluator ---


def glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return glob(pattern[1:], text) or (bool(text) and glob(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


def filled(text: str, request: Request) -> str | None:
    """A text with its variables; None where one has no value."""
    while "${" in text:
        before, _, rest = text.partition("${")
        name, _, after = rest.partition("}")
        values = request.get(name.lower(), ())
        if len(values) != 1:
            return None
        text = before + values[0] + after
    return text


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def compare(operator: str, value: str, wanted: str) -> bool:
    if operator == "stringequals":
        return value == wanted
    if operator == "stringequalsignorecase":
        return value.lower() == wanted.lower()
    if operator == "stringlike":
        return glob(wanted, value)
    if operator == "bool":
        return value.lower() == wanted.lower()
    raise AssertionError(operator)


def condition(operator: str, key: str, values: list[str], request: Request) -> bool:
    name = operator.lower()
    quantifier, _, rest = name.rpartition(":")
    if_exists = rest.endswith("ifexists")
    rest = rest.removesuffix("ifexists")
    negated = "not" in rest
    rest = rest.replace("not", "")
    present = request.get(key.lower(), ())
    if rest == "null":
        return str(not present).lower() in [str(one).lower() for one in values]
    if not present:
        if if_exists or quantifier == "forallvalues":
            return True
        return negated and not quantifier
    wanted = [text for one in values if (text := filled(one, request)) is not None]
    hits = [any(compare(rest, value, one) for one in wanted) for value in present]
    if quantifier == "forallvalues":
        return all(not hit for hit in hits) if negated else all(hits)
    if quantifier == "foranyvalue":
        return any(not hit for hit in hits) if negated else any(hits)
    return not any(hits) if negated else any(hits)


def applies(statement: Statement, action: str, resource: str, request: Request) -> bool:
    names = [one.lower() for one in listed(statement.get("Action", statement.get("NotAction")))]
    if any(glob(one, action.lower()) for one in names) is ("NotAction" in statement):
        return False
    texts = [filled(one, request) for one in listed(statement.get("Resource", statement.get("NotResource")))]
    if any(one is not None and glob(one, resource) for one in texts) is ("NotResource" in statement):
        return False
    return all(
        condition(operator, key, listed(values), request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def decides(layers: Sequence[Sequence[Statement]], action: str, resource: str, request: Request) -> bool:
    found = [[one for one in layer if applies(one, action, resource, request)] for layer in layers]
    if any(one["Effect"] == "Deny" for layer in found for one in layer):
        return False
    return all(any(one["Effect"] == "Allow" for one in layer) for layer in found)


def requests() -> list[Request]:
    """Every way to fill in what is not known."""
    return [
        {**KNOWN, **{key: value for key, value in zip(OPEN, choice, strict=True) if value is not None}}
        for choice in product(*OPEN.values())
    ]


REQUESTS = requests()

# --- policies ---

operators = st.builds(
    lambda quantifier, name, exists: quantifier + name + exists,
    st.sampled_from(["", "", "ForAnyValue:", "ForAllValues:"]),
    st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]),
    st.sampled_from(["", "", "IfExists"]),
)
blocks = st.one_of(
    st.tuples(operators, st.sampled_from(KEYS), st.lists(st.sampled_from(VALUES), min_size=1, max_size=2)),
    st.tuples(st.just("Null"), st.sampled_from(KEYS), st.sampled_from([["true"], ["false"]])),
    st.tuples(
        st.sampled_from(["Bool", "BoolIfExists"]),
        st.just("aws:MultiFactorAuthPresent"),
        st.sampled_from([["true"], ["false"]]),
    ),
)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    found: Statement = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    negated = draw(st.integers(0, 5)) == 0
    found["NotAction" if negated else "Action"] = draw(
        st.lists(st.sampled_from(ACTION_PATTERNS), min_size=1, max_size=2)
    )
    negated = draw(st.integers(0, 4)) == 0
    found["NotResource" if negated else "Resource"] = draw(
        st.lists(st.sampled_from(RESOURCE_PATTERNS), min_size=1, max_size=2)
    )
    if draw(st.booleans()):
        operator, key, values = draw(blocks)
        found["Condition"] = {operator: {key: values}}
    return found


layer = st.lists(statements(), min_size=1, max_size=4)


def estate(sketch: Sketch, identity: Sequence[Statement], boundary: Sequence[Statement] | None) -> str:
    half = len(identity) // 2
    key = sketch.user("ann", policy(*identity[:half]), policy(*identity[half:]), tags={"team": "red", "size": "7"})
    if boundary is not None:
        sketch.bound(key, policy(*boundary))
    return key


@settings(max_examples=150, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(identity=layer, boundary=st.none() | layer)
def test_what_is_said_without_knowing_everything_holds_for_all_that_is_not_known(
    new_sketch: Callable[[], Sketch], identity: list[Statement], boundary: list[Statement] | None
) -> None:
    sketch = new_sketch()
    principal = sketch.principal(estate(sketch, identity, boundary))
    layers = [identity] if boundary is None else [identity, boundary]
    bits = sketch.estate().table
    for action in ACTIONS:
        outcomes = {
            resource: {decides(layers, action, resource, request) for request in REQUESTS} for resource in RESOURCES
        }
        for resource, found in outcomes.items():
            state = principal.check(action, resource).state
            if state != "conditional":
                assert found == {state == "allowed"}, (action, resource)
        anywhere = principal.check(action, "*").state
        if anywhere == "denied":
            assert not any(True in found for found in outcomes.values()), action
        if anywhere == "allowed" or principal.sure & bits.bit(action):
            assert {True} in outcomes.values(), (action, anywhere)
        if bits.bit(action) and any(True in found for found in outcomes.values()):
            assert principal.possible & bits.bit(action), action
        if principal.everywhere & bits.bit(action) == 0 and bits.bit(action):
            assert not all(found == {True} for found in outcomes.values()), action


@settings(max_examples=100)
@given(identity=layer)
def test_conditions_that_hang_on_a_request_are_answered_once_it_is_given(
    new_sketch: Callable[[], Sketch], identity: list[Statement]
) -> None:
    sketch = new_sketch()
    principal = sketch.principal(estate(sketch, identity, None))
    for request in REQUESTS[::7]:
        given_keys = {key: request.get(key, ()) for key in OPEN}
        for resource in RESOURCES[:2]:
            state = principal.check("s3:GetObject", resource, given_keys).state
            assert state == ("allowed" if decides([identity], "s3:GetObject", resource, request) else "denied")


@settings(max_examples=60)
@given(identity=layer, data=st.data())
def test_the_order_of_statements_and_policies_changes_nothing(
    new_sketch: Callable[[], Sketch], identity: list[Statement], data: st.DataObject
) -> None:
    def answers(order: Sequence[Statement]) -> list[str]:
        sketch = new_sketch()
        principal = sketch.principal(estate(sketch, order, None))
        power = principal.power
        states = [principal.check(action, resource).state for action in ACTIONS for resource in [*RESOURCES, "*"]]
        return [*map(hex, power), *states]

    assert answers(identity) == answers(data.draw(st.permutations(identity)))
