"""Pages by number, for lists of agents and sessions."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Query
from starlette.requests import Request

from lingxi_gateway.entrypoints.http.links import same_url
from lingxi_gateway.entrypoints.http.wire.base import Page

PAGE_SIZE_MAX = 100
PAGE_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page is asked for."""

    page: int
    page_size: int

    @property
    def offset(self) -> int:
        """How many come before it."""
        return (self.page - 1) * self.page_size


async def _page_query(
    page: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 1,
    page_size: Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)] = PAGE_SIZE_MAX,
) -> PageQuery:
    return PageQuery(page, page_size)


Paging = Annotated[PageQuery, Depends(_page_query)]


class Listed[T](Protocol):
    """An owner's page, which may end early at its byte bound."""

    @property
    def count(self) -> int: ...
    @property
    def results(self) -> Sequence[T]: ...
    @property
    def next_offset(self) -> int | None: ...


async def whole_page[T](
    ask: Callable[[int, int], Awaitable[Listed[T]]], query: PageQuery
) -> tuple[int, list[T]]:
    """The count of the whole list and one full page; `ask(offset, limit)` the owner for it."""
    listed = await ask(query.offset, query.page_size)
    results = list(listed.results)
    while listed.next_offset is not None and listed.results and len(results) < query.page_size:
        listed = await ask(listed.next_offset, query.page_size - len(results))
        results += listed.results
    return listed.count, results


def page_of[T](request: Request, query: PageQuery, count: int, results: list[T]) -> Page[T]:
    """The page with the URLs of its neighbours. A page behind the end is empty."""
    more = query.offset + query.page_size < count
    next_url = same_url(request, page=query.page + 1) if more else None
    previous = None
    if query.page > 1:
        # As the original product: the first page's URL names no page.
        previous = same_url(request, page=query.page - 1 if query.page > 2 else None)  # noqa: PLR2004
    page: Page[Any] = Page(count=count, next=next_url, previous=previous, results=results)
    return page
