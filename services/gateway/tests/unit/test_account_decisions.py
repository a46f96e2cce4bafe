"""What an account decides."""

import pytest

from lingxi_chassis.clock import utc_now
from lingxi_contracts.gateway import PasswordChanged, UserChanged, UserRegistered
from lingxi_gateway.domain.account import Account, AccountEvent, change, evolve, register

LIN = Account("lin@example.org", "Asia/Shanghai")


def after(*events: AccountEvent) -> Account:
    state = Account()
    for event in events:
        state = evolve(state, event, utc_now())
    return state


def test_registering() -> None:
    events = register("lin", "lin@example.org")
    assert events == (UserRegistered(username="lin", email="lin@example.org", timezone="UTC"),)
    assert after(*events) == Account("lin@example.org", "UTC")


@pytest.mark.parametrize("wanted", [LIN, Account(None, "UTC"), Account(LIN.email, "UTC")])
def test_a_change_is_in_effect_afterwards(wanted: Account) -> None:
    registered = register("lin", LIN.email)
    events = change(wanted, after(*registered), new_password=False)
    assert after(*registered, *events) == wanted


def test_what_changes_nothing_is_no_event() -> None:
    assert change(LIN, LIN, new_password=False) == ()


def test_a_new_password_is_always_an_event() -> None:
    assert change(LIN, LIN, new_password=True) == (PasswordChanged(),)
    both = change(LIN, Account(), new_password=True)
    assert both == (UserChanged(email=LIN.email, timezone=LIN.timezone), PasswordChanged())
    assert after(*both) == LIN
