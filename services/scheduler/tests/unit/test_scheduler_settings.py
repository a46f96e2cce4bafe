"""What the scheduler does not start with."""

import pytest
from pydantic import ValidationError

from lingxi_scheduler.settings import Settings


def test_time_is_sped_up_in_local_mode_alone() -> None:
    given = {"NATS_URL": "nats://x", "DATABASE_URL": "postgres://x", "LINGXI_INTERNAL_PORT": 0}
    with pytest.raises(ValidationError, match="local mode only"):
        Settings.model_validate(given | {"LINGXI_TIME_SCALE": 60})
    with pytest.raises(ValidationError):
        Settings.model_validate(given | {"LINGXI_TIME_SCALE": 0.5, "LINGXI_LOCAL": "true"})
    local = Settings.model_validate(given | {"LINGXI_TIME_SCALE": 60, "LINGXI_LOCAL": "true"})
    assert local.time_scale == 60
    assert Settings.model_validate(given).time_scale == 1
