"""Zones that a user may name."""

from lingxi_chassis.zones import zone_named


def test_an_unknown_zone_is_utc() -> None:
    assert zone_named("Middle/Earth").key == "UTC"
    assert zone_named("../../etc/passwd").key == "UTC"
    assert zone_named("Asia/Kathmandu").key == "Asia/Kathmandu"
