"""How many of a session's newest messages a prompt is made of."""

from uuid import UUID

import pytest

from lingxi_chat.application.look_up import MESSAGES_MAX, VERBATIM_MESSAGES, messages_wanted
from lingxi_chat.domain.marks import Marks
from lingxi_chat.domain.session import Answered, Placed, Session, Turn

LONG = 100_000


def session(covers_up_to: int = 0, pending: tuple[int, ...] = ()) -> Session:
    waiting = tuple(Placed(UUID(int=seq), seq) for seq in pending)
    return Session(last_seq=LONG, pending=waiting, marks=Marks(bounds=(covers_up_to,)))


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (session(covers_up_to=LONG - 3), VERBATIM_MESSAGES),
        (session(covers_up_to=LONG - 60), 60),
        (session(), MESSAGES_MAX),  # its writer is away, or it was never written
        (session(LONG, pending=(LONG,)), VERBATIM_MESSAGES),
        (session(LONG, pending=(LONG - 70, LONG)), 71),
    ],
    ids=["summarised", "behind", "no summary", "one waits", "many wait, though summarised"],
)
def test_what_no_summary_tells_and_what_waits_is_in_it(state: Session, wanted: int) -> None:
    assert messages_wanted(state, LONG) == wanted


def test_what_is_to_be_answered_again_waits_too() -> None:
    """Guards `waiting` in `messages_wanted`: a summary may tell of it already."""
    of_old = Placed(UUID(int=1), LONG - 80)
    state = Session(
        last_seq=LONG,
        marks=Marks(bounds=(LONG,)),
        answered=Answered(UUID(int=2), (of_old,), (Placed(UUID(int=3), LONG),)),
        turn=Turn(UUID(int=4), regenerates=UUID(int=2)),
    )
    assert messages_wanted(state, LONG) == 81
