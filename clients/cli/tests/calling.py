"""Calling the command in this process, and a user to look at."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
import pytest
import structlog

from lingxi_cli.__main__ import main

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Result:
    """What the command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def complained(self, code: int, *words: str) -> bool:
        """Whether it ended with this code and one clear line on standard error."""
        lines = self.err.splitlines()
        assert self.code == code, self
        assert lines, self
        if code == 1:
            assert len(lines) == 1, self.err
            assert lines[0].startswith("lingxi: "), self.err
        assert "Traceback" not in self.err
        missing = [word for word in words if word not in lines[-1]]
        assert not missing, self.err
        return True


def call(
    argv: Sequence[str],
    stdin: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Result:
    """Run the command line here."""
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    capsys.readouterr()
    try:
        code = main(argv)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        structlog.reset_defaults()  # the command is quiet for its whole process, which is ours
    printed = capsys.readouterr()
    return Result(code, printed.out, printed.err)


@dataclass(frozen=True)
class Person:
    """A user of the running system, and what they are told over HTTP."""

    base_url: str
    user_id: UUID
    username: str
    access: str
    refresh: str

    @classmethod
    def registered(cls, http: httpx.Client) -> "Person":
        """A new account, logged in."""
        username = f"user-{uuid4()}"
        body = {"username": username, "password": PASSWORD}
        made = http.post("/api/auth/register/", json=body)
        assert made.status_code == 201, made.text
        tokens = http.post("/api/auth/login/", json=body).json()
        base_url = str(http.base_url)
        user_id = UUID(made.json()["id"])
        return cls(base_url, user_id, username, tokens["access"], tokens["refresh"])

    def get(self, path: str) -> httpx.Response:
        """GET with the access token."""
        headers = {"Authorization": f"Bearer {self.access}"}
        return httpx.get(self.base_url + path, headers=headers, timeout=30, trust_env=False)

    def post(self, path: str, body: object) -> httpx.Response:
        """POST JSON with the access token."""
        headers = {"Authorization": f"Bearer {self.access}"}
        url = self.base_url + path
        return httpx.post(url, json=body, headers=headers, timeout=30, trust_env=False)

    def say(self, text: str, session_id: str | None = None) -> dict[str, str]:
        """Say something to the default agent; the answer."""
        body = {"message": text} | ({"session_id": session_id} if session_id else {})
        answer = self.post("/api/chat/", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def log_in(self, password: str = PASSWORD) -> httpx.Response:
        """Log in anew."""
        body = {"username": self.username, "password": password}
        return self.post("/api/auth/login/", body)
