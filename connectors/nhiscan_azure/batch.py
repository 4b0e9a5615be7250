"""Twenty reads of Microsoft Graph in one call: ``$batch``.

Each inner answer has a status of its own: a 429 can sit inside a 200. It is asked again alone, after the pause that it
names. An inner page that is not the last is followed by itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from nhiscan.connector import BadAnswer, Context, ask_each
from nhiscan_azure.failures import Refused
from nhiscan_azure.noting import error_of
from nhiscan_azure.service import Json, Service, items

MOST = 20
ATTEMPTS = 9
LONGEST = 60.0
_RETRIED = frozenset({429, 500, 502, 503, 504})
_EVENTUAL = {"ConsistencyLevel": "eventual"}


class Ask(NamedTuple):
    """One read of a batch. ``name`` says to whom it belongs; ``path`` has no leading slash and no version."""

    name: str
    path: str


def lists(
    graph: Service, context: Context, operation: str, asks: Iterable[Ask]
) -> Iterator[tuple[Ask, list[Json] | None]]:
    """What each list holds, all of its pages, in the order asked. None: what it belongs to is gone by now."""
    for ask, answer in objects(graph, context, operation, asks):
        if answer is None:
            yield ask, None
            continue
        found = items(operation, answer)
        if answer.get("@odata.nextLink"):
            for page, _ in graph.pages(operation, "", link=answer["@odata.nextLink"]):
                found = [*found, *page]
        yield ask, found


def objects(graph: Service, context: Context, operation: str, asks: Iterable[Ask]) -> Iterator[tuple[Ask, Json | None]]:
    """The answer to each read, in the order asked. None: it is gone by now. Raises Refused for every other error."""

    def question(part: tuple[Ask, ...]) -> list[Json | None]:
        return _batch(graph, context, operation, part)

    for part, answers in ask_each(context, question, _parts(asks)):
        yield from zip(part, answers, strict=True)


def _parts(asks: Iterable[Ask]) -> Iterator[tuple[Ask, ...]]:
    remaining = iter(asks)
    while part := tuple(islice(remaining, MOST)):
        yield part


def _batch(graph: Service, context: Context, operation: str, part: tuple[Ask, ...]) -> list[Json | None]:
    answers: dict[int, Json | None] = {}
    waiting = list(range(len(part)))
    for attempt in range(1, ATTEMPTS + 1):
        got = _post(graph, operation, {number: part[number].path for number in waiting}, attempt)
        again: list[int] = []
        pause = 0.0
        for number in waiting:
            status, headers, body = got[number]
            if status == 200:
                answers[number] = body
            elif status == 404:
                answers[number] = None
            elif status in _RETRIED and attempt < ATTEMPTS:
                again.append(number)
                pause = max(pause, _pause(headers, attempt))
            else:
                code, said = error_of(body)
                raise Refused(operation, status, code or str(status), said or code or str(status), attempts=attempt)
        if not again:
            break
        waiting = again
        context.sleep(pause)
    return [answers[number] for number in range(len(part))]


def _post(graph: Service, operation: str, paths: Mapping[int, str], attempt: int) -> dict[int, tuple[int, Json, Json]]:
    """Status, headers and body by number: answers come in any order."""
    asked = [
        {"id": str(number), "method": "GET", "url": f"/{path}", "headers": _EVENTUAL} for number, path in paths.items()
    ]
    told = {"requests": len(asked), "attempt": attempt}
    answer = graph.post(operation, "v1.0/$batch", {"requests": asked}, told=told)
    responses = answer.get("responses")
    found: dict[int, tuple[int, Json, Json]] = {}
    for one in responses if isinstance(responses, list) else ():
        if not isinstance(one, dict) or not str(one.get("id")).isdigit() or not isinstance(one.get("status"), int):
            raise BadAnswer(operation, "has an inner answer that is none")
        found[int(str(one["id"]))] = one["status"], _object(one.get("headers")), _object(one.get("body"))
    if not found.keys() >= paths.keys():
        raise BadAnswer(operation, "leaves an inner answer out")
    return found


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _pause(headers: Json, attempt: int) -> float:
    """Seconds: what the inner answer asks for, else 1, 2, 4 ..."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return min(LONGEST, max(0.5, float(str(value))))
            except ValueError:
                break
    return min(LONGEST, 2.0 ** (attempt - 1))
