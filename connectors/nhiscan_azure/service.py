"""One API of Microsoft as the sources ask it: objects, and pages up to the last one."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from azure.core import PipelineClient
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import HttpRequest

from nhiscan.connector import BadAnswer, Redirected
from nhiscan_azure.failures import ForeignOrigin, NotCredible, Refused, Unreachable
from nhiscan_azure.noting import NAMED, PAGE, TOLD, answer_of, attempts, error_of, json_object
from nhiscan_azure.pipeline import origin

Json = Mapping[str, Any]
_LINKS = ("@odata.nextLink", "nextLink")


class Service:
    """Graph or Resource Manager with one set of credentials. Any number of threads may ask at once."""

    def __init__(self, base_url: str, client: PipelineClient[Any, Any]) -> None:
        self.base_url = base_url
        self._client = client

    def close(self) -> None:
        self._client.close()

    def url(self, path: str, query: Mapping[str, str]) -> str:
        """An absolute address: a relative one is taken for one without TLS."""
        asked = urlencode(query, quote_via=quote, safe="$,/'")
        return f"{self.base_url}/{path.lstrip('/')}{'?' if asked else ''}{asked}"

    def get(self, operation: str, path: str, query: Mapping[str, str] | None = None) -> Json:
        """One answer that has no pages."""
        return self._ask(operation, HttpRequest("GET", self.url(path, query or {})), 1, None)

    def number(self, operation: str, path: str) -> int:
        """A count: an answer that is a number, as text."""
        got = self._response(operation, HttpRequest("GET", self.url(path, {})), 1, None)
        found = got.http_response.content.decode("utf-8", "replace")
        try:
            return int(found.strip().lstrip("\ufeff"))
        except ValueError as error:
            raise BadAnswer(operation, "is no number") from error

    def post(
        self,
        operation: str,
        path: str,
        body: Json,
        query: Mapping[str, str] | None = None,
        *,
        page: int = 1,
        told: Json | None = None,
        heard: Callable[[Mapping[str, str]], None] | None = None,
    ) -> Json:
        """One answer of a reading method that wants a body. ``told`` is what the transcript shall say of it.

        ``heard`` is given the headers of the answer.
        """
        request = HttpRequest("POST", self.url(path, query or {}), json=dict(body))
        return self._ask(operation, request, page, told, heard)

    def pages(
        self, operation: str, path: str, query: Mapping[str, str] | None = None, *, link: str | None = None
    ) -> Iterator[tuple[list[Json], Json]]:
        """The items of each page with the whole answer, up to the page that names no next one.

        ``link`` is a next link that another answer named: the pages from there on. BadAnswer where a page is not one,
        or names itself as the next; ForeignOrigin where the next one is elsewhere.
        """
        url = self._next(operation, link, "") if link else self.url(path, query or {})
        number = 1 if link is None else 2
        while True:
            answer = self._ask(operation, HttpRequest("GET", url), number, None)
            yield items(operation, answer), answer
            following = next((answer[name] for name in _LINKS if answer.get(name)), None)
            if following is None:
                return
            url = self._next(operation, following, url)
            number += 1

    def _next(self, operation: str, link: Any, now: str) -> str:
        if not isinstance(link, str) or link == now:
            raise BadAnswer(operation, "names no page as the next that could be one")
        if origin(link) != origin(self.base_url):
            raise ForeignOrigin(operation, host(link))
        return link

    def _ask(
        self,
        operation: str,
        request: HttpRequest,
        page: int,
        told: Json | None,
        heard: Callable[[Mapping[str, str]], None] | None = None,
    ) -> Json:
        """The answer as an object. Raises what `nhiscan_azure.failures` has for everything else."""
        answer = answer_of(self._response(operation, request, page, told, heard))
        if not answer:
            raise BadAnswer(operation, "is no JSON object")
        return answer

    def _response(
        self,
        operation: str,
        request: HttpRequest,
        page: int,
        told: Json | None,
        heard: Callable[[Mapping[str, str]], None] | None = None,
    ) -> Any:
        """The answer with the context of its pipeline."""
        options: dict[str, Any] = {NAMED: operation, PAGE: page, TOLD: told}
        try:
            found: Any = self._client.send_request(request, _return_pipeline_response=True, **options)
        except ClientAuthenticationError as error:
            raise NotCredible(operation, type(error).__name__) from error
        except AzureError as error:
            raise Unreachable(operation, type(error).__name__) from error
        response = found.http_response
        if 300 <= response.status_code < 400:
            raise Redirected(operation, host(urljoin(self.base_url, response.headers.get("Location", ""))))
        if response.status_code != 200:
            raise refused(operation, response.status_code, response.content, attempts(found))
        if heard is not None:
            heard(response.headers)
        return found


def items(operation: str, answer: Json) -> list[Json]:
    """What a page of a list holds. BadAnswer where that is no list of objects."""
    found = answer.get("value")
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise BadAnswer(operation, "has something else than a list of objects as value")
    return found


def refused(operation: str, status: int, raw: bytes, attempts: int = 1) -> Refused:
    """An error of an API, in Microsoft's shape or in any other."""
    code, said = error_of(json_object(raw))
    return Refused(operation, status, code or str(status), said or code or str(status), attempts=attempts)


def host(url: str) -> str:
    """The host of an address; '' where it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
