"""What summarizer and scheduler ask of chat."""

import asyncio

from lingxi_chassis.rpc import RpcServer
from lingxi_chat.application.get_proactive_work import get_proactive_work
from lingxi_chat.application.get_review_work import get_review_work
from lingxi_chat.application.get_summary_work import get_summary_work
from lingxi_chat.application.parts import Live, SessionLog
from lingxi_chat.application.record_summary import record_summary
from lingxi_chat.application.send_proactive import send_proactive
from lingxi_contracts import chat


async def serve(server: RpcServer, log: SessionLog, live: Live) -> None:
    """Answer them."""
    await asyncio.gather(
        server.serve(chat.GetSummaryWork, lambda question: get_summary_work(question, log)),
        server.serve(chat.RecordSummary, lambda command: record_summary(command, log)),
        server.serve(chat.GetReviewWork, lambda question: get_review_work(question, log)),
        server.serve(
            chat.GetProactiveWork, lambda question: get_proactive_work(question, log, live)
        ),
        server.serve(chat.SendProactive, lambda command: send_proactive(command, log)),
    )
