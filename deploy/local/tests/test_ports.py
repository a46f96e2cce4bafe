"""Free ports: none twice, none that the system gives to somebody else meanwhile."""

import socket

import pytest

from lingxi_local import ports
from lingxi_local.ports import LOOPBACK, NoPortFree, unused_port

ASKED = 200


def test_no_port_is_handed_out_twice() -> None:
    found = [unused_port() for _ in range(ASKED)]

    assert len(set(found)) == ASKED


def test_a_port_is_not_one_of_those_given_to_outgoing_connections() -> None:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))

        assert probe.getsockname()[1] > ports.LAST_PORT
        assert ports.FIRST_PORT <= unused_port() <= ports.LAST_PORT


def test_a_port_somebody_listens_on_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as busy:
        busy.bind((LOOPBACK, 0))
        busy.listen()
        monkeypatch.setattr(ports, "FIRST_PORT", busy.getsockname()[1])
        monkeypatch.setattr(ports, "LAST_PORT", busy.getsockname()[1])

        with pytest.raises(NoPortFree):
            unused_port()
