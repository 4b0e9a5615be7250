"""Lists of Microsoft.Authorization through azure-mgmt-authorization, on the pipeline of all other calls.

The package is used for its paths and its paging. What a page holds is taken from its JSON: the models of version 4 drop
fields that they do not know, such as the condition of a role definition. Versions 4 and 5 differ in their defaults, so
api-versions are given with every call, and filters by keyword.
"""

from collections.abc import Callable, Iterator
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    ContentDecodePolicy,
    CustomHookPolicy,
    HeadersPolicy,
    ProxyPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.mgmt.authorization import AuthorizationManagementClient

from nhiscan.connector import BadAnswer, Context, Redirected
from nhiscan_azure.failures import NotCredible, Unreachable
from nhiscan_azure.noting import NAMED, PAGE, Attempts, attempts, json_object
from nhiscan_azure.pipeline import Again, OriginPin, Transport, call_policies, user_agent
from nhiscan_azure.service import Json, host, items, refused

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Stands for the subscription where a list names its scope itself."""
Listing = Callable[[Any, dict[str, Any]], Any]
"""``listing(client, options)`` starts a list of a client; the options go into the call."""


class Authorization:
    """Asks with one set of credentials. Any number of threads may ask at once.

    Each list has a client of its own: those of version 4 keep the api-version of the operations used last.
    """

    def __init__(self, base_url: str, credential: TokenCredential, context: Context) -> None:
        self._base_url = base_url
        self._credential = credential
        self._context = context
        self._transport = Transport(context)

    def close(self) -> None:
        self._transport.close()

    def listed(self, operation: str, version: str, listing: Listing, subscription: str = NOBODY) -> Iterator[Json]:
        """What a list holds, page by page, up to the last one. Raises what `nhiscan_azure.failures` has."""
        pages: list[list[Json]] = []
        told: list[PipelineResponse[Any, Any]] = []

        def heard(response: PipelineResponse[Any, Any]) -> None:
            told[:] = [response]
            if response.http_response.status_code == 200:
                answer = json_object(response.http_response.body())
                pages.append(items(operation, answer))
                if not isinstance(answer.get("nextLink"), str | None):  # the models make a text of anything
                    raise BadAnswer(operation, "names no page as the next that could be one")

        client = self._client(subscription, version)
        paged = listing(client, {"api_version": version, "raw_response_hook": heard, NAMED: operation}).by_page()
        links: set[str] = set()
        while True:
            told.clear()
            try:
                next(paged)
            except StopIteration:
                return
            except HttpResponseError as error:
                raise _refused(operation, error, told) from error
            except AzureError as error:
                raise Unreachable(operation, type(error).__name__) from error
            except (AttributeError, KeyError, TypeError, ValueError) as error:  # the models on what is none
                raise BadAnswer(operation, f"is not what the API promises ({type(error).__name__})") from error
            yield from pages.pop()
            link = paged.continuation_token
            if link is not None and link in links:
                raise BadAnswer(operation, "names no page as the next that could be one")
            links.add(str(link))

    def _client(self, subscription: str, version: str) -> AuthorizationManagementClient:
        """A client with policies of our own.

        With its own ones it would follow redirects, write what it sends into logs, and register a resource provider in
        the subscription where one is missing, which is no reading.
        """
        policies: list[Any] = [
            HeadersPolicy(),
            UserAgentPolicy(base_user_agent=user_agent(self._context)),
            ProxyPolicy(),
            ContentDecodePolicy(),
            _Pages(),
            *call_policies("arm", self._context),
            Again(),
            BearerTokenCredentialPolicy(self._credential, f"{self._base_url}/.default"),
            Attempts(),
            CustomHookPolicy(),
        ]
        return AuthorizationManagementClient(
            self._credential,
            subscription,
            api_version=version,
            base_url=self._base_url,
            transport=self._transport,
            policies=policies,
            per_retry_policies=[OriginPin(self._base_url)],
        )


def _refused(operation: str, error: HttpResponseError, told: list[PipelineResponse[Any, Any]]) -> Exception:
    """What an error means. Without an answer of Resource Manager it is about the token, whose text is not passed on."""
    if not told:
        kind = type(error).__name__
        return (NotCredible if isinstance(error, ClientAuthenticationError) else Unreachable)(operation, kind)
    response: Any = told[0].http_response
    if 300 <= response.status_code < 400:
        return Redirected(operation, host(response.headers.get("Location", "")))
    return refused(operation, response.status_code, response.body(), attempts(told[0]))


class _Pages(SansIOHTTPPolicy[Any, Any]):
    """Numbers the pages of one list for the transcript."""

    def __init__(self) -> None:
        super().__init__()
        self._page = 0

    def on_request(self, request: PipelineRequest[Any]) -> None:
        self._page += 1
        request.context.options[PAGE] = self._page
