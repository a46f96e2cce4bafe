"""The snapshots this process appended last: a guess that saves a query, never an answer.

A command may decide on one; if the stream has moved on, its append meets a conflict and the command
loads and decides again. Nothing is read to a user from here.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from uuid import UUID

from lingxi_chassis.eventlog.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Recent[S]:
    """Snapshots by stream, at most `snapshots_max`; the least recently used is dropped first."""

    snapshots_max: int = 0
    _kept: OrderedDict[UUID, Snapshot[S]] = field(default_factory=OrderedDict[UUID, Snapshot[S]])

    def get(self, stream_id: UUID, user_id: UUID) -> Snapshot[S] | None:
        """What the stream was after our last append to it, if the user is its owner."""
        snapshot = self._kept.get(stream_id)
        return snapshot if snapshot is not None and snapshot.user_id == user_id else None

    def put(self, snapshot: Snapshot[S]) -> None:
        """This is the newest we know."""
        self._kept[snapshot.stream_id] = snapshot
        self._kept.move_to_end(snapshot.stream_id)
        if len(self._kept) > self.snapshots_max:
            self._kept.popitem(last=False)

    def drop(self, stream_id: UUID) -> None:
        """What we know is old."""
        self._kept.pop(stream_id, None)
