"""Talk to an agent and show its words as they come. Python's own library is all it takes.

    python examples/chat.py "Good morning!" "And what else?"

`LINGXI_URL` says where (http://127.0.0.1:8000), `LINGXI_USER` and `LINGXI_PASSWORD` who; whoever
isn't known yet is registered. Each line is said in the same session.
"""

import json
import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

URL = os.environ.get("LINGXI_URL", "http://127.0.0.1:8000")
USER = os.environ.get("LINGXI_USER", "example")
PASSWORD = os.environ.get("LINGXI_PASSWORD", "correct horse battery")
CONFLICT = 409


def post(path: str, body: dict[str, Any], access: str = "") -> Any:
    """The answer to a POST, still to be read."""
    headers = {"Content-Type": "application/json"}
    if access:
        headers["Authorization"] = f"Bearer {access}"
    return urlopen(Request(URL + path, json.dumps(body).encode(), headers))  # noqa: S310


def log_in() -> str:
    """An access token; an account is made at the first time."""
    account = {"username": USER, "password": PASSWORD}
    try:
        post("/api/auth/register/", account).close()
    except HTTPError as error:
        if error.code != CONFLICT:
            raise
    with post("/api/auth/login/", account) as answer:
        return json.load(answer)["access"]


def frames(answer: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and data of each server-sent event."""
    event, data = "", ""
    for raw in answer:
        line = raw.decode().rstrip("\n")
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
        elif not line and data:
            yield event, json.loads(data)
            event, data = "", ""


def say(access: str, message: str, session_id: str | None) -> str | None:
    """Say something, print the answer as it comes; the session it belongs to."""
    body: dict[str, Any] = {"message": message, "stream": True}
    if session_id:
        body["session_id"] = session_id
    printed = (0, 0)  # attempt, bubble
    with post("/api/chat/", body, access) as answer:
        for event, data in frames(answer):
            match event:
                case "accepted":
                    session_id = data["session_id"]
                case "delta":
                    # A new bubble is a new line; a new attempt starts all over.
                    if printed not in ((0, 0), (data["attempt"], data["bubble"])):
                        print()
                    printed = (data["attempt"], data["bubble"])
                    print(data["text"], end="", flush=True)
                case "done":
                    # Whoever got no pieces (it was said before) has it here as a whole.
                    text = data.get("response", "(the answer takes longer)")
                    print("" if printed != (0, 0) else text)
                case "error":
                    print(f"\n{data['code']}: {data['detail']}", file=sys.stderr)
                case _:
                    pass  # `message`: each bubble as it is kept
    return session_id


def main() -> None:
    """Say every argument, or every line of the input."""
    access, session_id = log_in(), None
    for message in sys.argv[1:] or (line.strip() for line in sys.stdin):
        print(f"> {message}")
        session_id = say(access, message, session_id)


if __name__ == "__main__":
    main()
