"""The clock on the wall."""

from collections.abc import Callable
from datetime import datetime

from lingxi_chassis.clock import utc_now


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return utc_now()

    def on_move(self, hear: Callable[[], None]) -> None:
        """Nobody moves it: it is read again at every look."""
