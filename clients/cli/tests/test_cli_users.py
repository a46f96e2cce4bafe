"""`lingxi users`, and what it means to the user over HTTP."""

import json
from uuid import uuid4

import pytest

from clients.cli.tests.calling import PASSWORD, Person
from clients.cli.tests.conftest import Lingxi, published
from tests.fixtures.system import RunningSystem


def test_a_user_made_here_can_log_in(lingxi: Lingxi, person: Person) -> None:
    """Guards `create`: the account is whole, and shown as it was written."""
    name = f"Lin 林 {uuid4()}"
    made = lingxi("users", "create", name, "--email", "lin@example.org", stdin="battery staple\n")
    assert made.code == 0, made.err
    assert made.out.startswith(f"{name} is made: ")
    body = {"username": name.upper(), "password": "battery staple"}
    assert person.post("/api/auth/login/", body).status_code == 200
    [listed] = [
        user
        for user in map(json.loads, lingxi("users", "list", "--json").lines)
        if user["username"] == name
    ]
    assert made.out.split()[-1] == listed["user_id"]
    assert listed["email"] == "lin@example.org"
    assert listed["disabled"] is False


def test_a_disabled_user_is_out_until_enabled(lingxi: Lingxi, person: Person) -> None:
    """Guards `disable`: tokens from before end, new ones are refused with a code of its own."""
    assert person.get("/api/me/").status_code == 200
    assert lingxi("users", "disable", person.username).out == f"{person.username} is disabled\n"
    assert person.get("/api/me/").status_code == 401
    refreshed = person.post("/api/auth/refresh/", {"refresh": person.refresh})
    assert refreshed.json()["code"] == "token_invalid"
    refused = person.log_in()
    assert (refused.status_code, refused.json()["code"]) == (403, "account_disabled")
    assert person.log_in("a wrong password").json()["code"] == "credentials_invalid"
    row = next(line for line in lingxi("users", "list").lines if str(person.user_id) in line)
    assert row.endswith("disabled")
    assert lingxi("users", "disable", "--id", str(person.user_id)).code == 0  # a repeat is harmless
    assert lingxi("users", "enable", "--id", str(person.user_id)).code == 0
    assert person.log_in().status_code == 200
    assert person.get("/api/me/").status_code == 401  # what has ended stays ended


def test_a_new_password_ends_all_logins(lingxi: Lingxi, person: Person) -> None:
    """Guards `password`: the old one and its tokens are worth nothing any more."""
    changed = lingxi("users", "password", person.username, stdin="battery staple\n")
    assert changed.out == f"{person.username} has a new password\n"
    assert person.log_in().status_code == 401
    assert person.get("/api/me/").status_code == 401
    assert person.log_in("battery staple").status_code == 200


def test_a_deleted_user_is_gone(lingxi: Lingxi, person: Person) -> None:
    """Guards `delete`: it asks, and then account, tokens and conversations are no more."""
    person.say("something of mine")
    unsure = lingxi("users", "delete", person.username, stdin="no\n")
    assert (unsure.code, unsure.out) == (1, "")
    assert unsure.err.splitlines()[-1] == "lingxi: nothing was deleted."
    assert person.get("/api/me/").status_code == 200
    deleted = lingxi("users", "delete", person.username, stdin=f"{person.username}\n")
    assert deleted.code == 0, deleted.err
    assert person.get("/api/me/").status_code == 401
    assert person.log_in().json()["code"] == "credentials_invalid"
    assert str(person.user_id) not in lingxi("users", "list").out
    published(lingxi)
    told = lingxi("events", "tail", "--since", "all", "--no-follow", "--type", "user_deleted")
    assert str(person.user_id) in told.out
    gone = lingxi("users", "delete", "--id", str(person.user_id), "--yes")
    assert gone.complained(1, "no such user")
    assert lingxi("users", "disable", "--id", str(person.user_id)).complained(1, "no such user")


def test_more_users_than_a_page_holds_are_all_listed(
    lingxi: Lingxi, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the walk through the pages."""
    all_lines = lingxi("users", "list", "--json").lines
    ids = [json.loads(line)["user_id"] for line in all_lines]
    assert str(person.user_id) in ids
    assert ids == sorted(set(ids))
    from lingxi_cli import users

    class ShortPage(users.ListUsers):
        limit: int = 1

    monkeypatch.setattr(users, "ListUsers", ShortPage)
    assert lingxi("users", "list", "--json").lines == all_lines


def test_passwords_are_in_no_argument_event_or_log(
    lingxi: Lingxi, person: Person, system: RunningSystem
) -> None:
    """Guards that a secret given here is found nowhere but as a hash."""
    secret = f"secret-{uuid4()}"
    assert lingxi("users", "password", person.username, stdin=f"{secret}\n").code == 0
    assert lingxi("users", "create", f"x-{uuid4()}", stdin=f"{secret}\n").code == 0
    everything = lingxi("events", "tail", "--since", "all", "--no-follow", "--json").out
    assert "password_changed" in everything
    assert secret not in everything
    assert secret not in system.output
    refused = lingxi("users", "create", f"x-{uuid4()}", secret)
    assert refused.complained(2, "unrecognized arguments")


def test_unfit_users_are_refused_in_one_line(lingxi: Lingxi, person: Person) -> None:
    """Guards what is said when it cannot be done."""
    name = f"x-{uuid4()}"
    assert lingxi("users", "create", name).complained(1, "no password was given")
    assert lingxi("users", "create", name, stdin="short\n").complained(1, "password", "8")
    assert lingxi("users", "create", " ", stdin=PASSWORD).complained(1, "username", "blank")
    assert lingxi("users", "create", name, "--email", "no", stdin=PASSWORD).complained(1, "e-mail")
    assert lingxi("users", "create", person.username.upper(), stdin=PASSWORD).complained(1, "name")
    assert lingxi("users", "password", person.username, stdin="short\n").complained(1, "password")
    assert person.log_in().status_code == 200
    for verb in ("disable", "enable", "password"):
        assert lingxi("users", verb, name, stdin=PASSWORD).complained(1, "no such user")
        unknown = lingxi("users", verb, "--id", str(uuid4()), stdin=PASSWORD)
        assert unknown.complained(1, "no such user")
        assert lingxi("users", verb).complained(2, "--id is required")
        assert lingxi("users", verb, "--id", "7").complained(2, "UUID")
