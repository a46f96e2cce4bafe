"""Read a session's messages: as many as were asked for, however many pages that takes."""

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.chat import ListMessages, MessagePage


async def list_messages(rpc: RpcClient, question: ListMessages) -> MessagePage:
    """Up to `question.limit` messages; chat's own pages may end earlier, at their byte bound.

    Raises:
        SessionNotFound: unknown, deleted or another user's.
    """
    page = await rpc.call(question)
    forward = question.after is not None
    results = list(page.results)
    older, newer = page.older, page.newer
    while results and len(results) < question.limit and (newer if forward else older):
        limit = question.limit - len(results)
        if forward:
            place: dict[str, object] = {"after": results[-1].seq, "limit": limit}
        else:
            place = {"before": results[0].seq, "limit": limit}
        more = await rpc.call(question.model_copy(update=place))
        if not more.results:
            break
        if forward:
            results, newer = [*results, *more.results], more.newer
        else:
            results, older = [*more.results, *results], more.older
    return MessagePage(results=tuple(results), older=older, newer=newer)
