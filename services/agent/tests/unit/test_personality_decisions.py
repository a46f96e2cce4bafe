"""The decisions about the ledger of personalities, as given / when / then."""

import pytest

from lingxi_contracts.agent import ChangePersonality, PersonalityChanged, RollBackPersonality
from lingxi_contracts.errors import PersonalityVersionNotFound
from services.agent.tests.unit.specs import CREATED, FIRST, IDS, SECOND, given, when


def test_a_personality_by_hand_is_the_next_version() -> None:
    command = ChangePersonality(**IDS, personality_prompt="Blunt.")
    assert when(given(CREATED, FIRST), command) == (SECOND,)
    assert when(given(CREATED, FIRST, SECOND), command) == ()


def test_a_rollback_makes_an_old_text_the_newest_version() -> None:
    command = RollBackPersonality(**IDS, version=1)
    third = PersonalityChanged(
        version=3, personality_prompt="Kind.", source="rollback", restored_from=1
    )
    agent = given(CREATED, FIRST, SECOND)
    assert when(agent, command, "Kind.") == (third,)
    assert when(given(CREATED, FIRST, SECOND, third), command, "Kind.") == ()


def test_rolling_back_to_the_current_version_is_nothing_new() -> None:
    command = RollBackPersonality(**IDS, version=2)
    assert when(given(CREATED, FIRST, SECOND), command, "Blunt.") == ()


@pytest.mark.parametrize(("version", "restored"), [(3, None), (3, "Not yet."), (1, None)])
def test_there_is_no_rollback_to_a_version_that_never_was(
    version: int, restored: str | None
) -> None:
    with pytest.raises(PersonalityVersionNotFound):
        when(
            given(CREATED, FIRST, SECOND),
            RollBackPersonality(**IDS, version=version),
            restored,
        )
