"""`POST /v1/chat/completions`: reads the request, asks for an answer, writes it as JSON or SSE."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import cast

import orjson

from lingxi_chassis.clock import utc_now
from lingxi_simulator import failing, http
from lingxi_simulator.answers import answer
from lingxi_simulator.faults import Asked, Faults, Rule
from lingxi_simulator.meaning import Meaning
from lingxi_simulator.prompt import Prompt, read
from lingxi_simulator.structured import generate
from lingxi_simulator.tokens import MESSAGE_TOKENS, count_tokens, cut_to, pieces

type Json = Mapping[str, object]
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer before it is written."""

    text: str
    finish_reason: str | None
    model: str
    prompt_tokens: int

    def usage(self) -> dict[str, object]:
        """Token usage as the API words it."""
        said = count_tokens(self.text)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": said,
            "total_tokens": self.prompt_tokens + said,
        }


def complete(request: http.Request, body: Json, faults: Faults, pace: Rule | None) -> http.Answer:
    """Answers one chat request, well or with the fault that is due; `pace` slows good streams."""
    prompt = read(body.get("messages"))
    if not prompt.turns and not prompt.system:
        return failing.error_reply(400, "messages must be a list with at least one message")
    streamed, model = body.get("stream") is True, str(body.get("model", ""))
    newest = prompt.turns[-1][1] if prompt.turns else ""
    rule = faults.next_for(Asked(request.path, model, newest, streamed))
    if rule is not None and (reply := failing.refused(rule, model, streamed)) is not None:
        return reply
    said = _say(prompt, body, model, rule)
    played = rule if rule is not None and rule.do in failing.PLAYED else pace
    if not streamed:
        reply = http.Reply(body=orjson.dumps(_completion(said)))
        return reply if played is None else failing.played_whole(played, reply)
    options = cast(Json, body.get("stream_options") or {})
    events = _events(said, include_usage=options.get("include_usage") is True)
    if played is not None:
        return failing.played(played, events)
    return http.STREAM_HEAD + http.chunk(b"".join(events)) + http.STREAM_END


def _say(prompt: Prompt, body: Json, model: str, rule: Rule | None) -> Said:
    tokens = sum(MESSAGE_TOKENS + count_tokens(text) for _, text in prompt.turns)
    if prompt.system:
        tokens += MESSAGE_TOKENS + count_tokens(prompt.system)
    if rule is not None and rule.do in ("empty", "raw", "refuse"):
        text = rule.content if rule.do == "raw" else ""
        reason = "content_filter" if rule.do == "refuse" else rule.finish_reason
        return Said(text, reason, model, tokens)
    text = _text(prompt, body)
    tokens_max = body.get("max_completion_tokens") or body.get("max_tokens")
    if isinstance(tokens_max, int) and tokens_max > 0 and count_tokens(text) > tokens_max:
        return Said(cut_to(text, tokens_max), "length", model, tokens)
    return Said(text, "stop", model, tokens)


def _text(prompt: Prompt, body: Json) -> str:
    wanted = body.get("response_format")
    if not isinstance(wanted, dict):
        return answer(prompt)
    form = cast(Json, wanted)
    if form.get("type") == "json_schema":
        schema = cast(Json, form.get("json_schema") or {}).get("schema")
        return orjson.dumps(generate(schema, Meaning(prompt))).decode()
    if form.get("type") == "json_object":
        return orjson.dumps({"text": answer(prompt)}).decode()
    return answer(prompt)


def _completion(said: Said) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{next(_numbers)}",
        "object": "chat.completion",
        "created": int(utc_now().timestamp()),
        "model": said.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": said.text, "refusal": None},
                "finish_reason": said.finish_reason,
            }
        ],
        "usage": said.usage(),
    }


def _events(said: Said, *, include_usage: bool) -> list[bytes]:
    """The stream's events: the opening one, the text, then finish reason, usage and end."""
    head: dict[str, object] = {
        "id": f"chatcmpl-{next(_numbers)}",
        "object": "chat.completion.chunk",
        "created": int(utc_now().timestamp()),
        "model": said.model,
    }
    # Every event but the last shares these bytes: encoding them once keeps a stream cheap.
    start = b"data: " + orjson.dumps(head)[:-1]
    text_start = start + b',"choices":[{"index":0,"delta":{"content":'
    text_end = b'},"finish_reason":null}]}\n\n'
    opening = b',"choices":[{"index":0,"delta":{"role":"assistant","content":""}'
    events = [start + opening + b',"finish_reason":null}]}\n\n']
    events += [text_start + orjson.dumps(piece) + text_end for piece in pieces(said.text)]
    reason = orjson.dumps(said.finish_reason)
    events.append(
        start + b',"choices":[{"index":0,"delta":{},"finish_reason":' + reason + b"}]}\n\n"
    )
    if include_usage:
        events.append(start + b',"choices":[],"usage":' + orjson.dumps(said.usage()) + b"}\n\n")
    events.append(failing.DONE)
    return events
