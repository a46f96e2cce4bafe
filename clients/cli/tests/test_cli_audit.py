"""`lingxi audit`: who did what to which account, without a name or a secret."""

import json

from clients.cli.tests.calling import PASSWORD, Person
from clients.cli.tests.conftest import Lingxi


def test_what_was_done_to_an_account(lingxi: Lingxi, person: Person) -> None:
    """Guards the order and the bound, for one user and for all, also once the user is gone."""
    assert person.log_in("a wrong password").status_code == 401
    told = [json.loads(line) for line in lingxi("audit", person.username, "--json").lines]
    assert [one["action"] for one in told] == ["login_failed", "logged_in", "registered"]
    assert {one["user_id"] for one in told} == {str(person.user_id)}
    assert {one["address"] for one in told} == {"127.0.0.1"}
    newest = lingxi("audit", person.username, "--last", "1")
    assert len(newest.lines) == 2
    assert "login_failed" in newest.lines[1]
    assert "older ones" in newest.err
    assert str(person.user_id) in lingxi("audit").out
    assert lingxi("users", "delete", person.username, "--yes").code == 0
    assert lingxi("audit", person.username).code == 1
    gone = lingxi("audit", "--id", str(person.user_id))
    assert gone.lines[1].split()[3:] == ["deleted_by_operator", "1", "-", gone.lines[1].split()[-1]]
    assert "127.0.0.1" not in gone.out
    for secret in (person.username, PASSWORD, "a wrong password"):
        assert secret not in gone.out


def test_a_bound_that_is_none(lingxi: Lingxi) -> None:
    for wrong in ("0", "-1", "many"):
        assert lingxi("audit", "--last", wrong).code == 2
