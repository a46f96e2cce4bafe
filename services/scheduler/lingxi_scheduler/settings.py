"""Environment -> frozen settings of scheduler; nothing else reads the environment."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from lingxi_chassis.settings import OwnerSettings


class Settings(OwnerSettings):
    """Scheduler's own: the model that decides, and how time passes."""

    openai_base_url: str = Field(default="https://api.openai.com/v1", alias="OPENAI_BASE_URL")
    openai_api_key: SecretStr = Field(default=SecretStr("none"), alias="OPENAI_API_KEY")
    """`none`: a provider that asks for no key."""
    openai_model: str = Field(default="gpt-4.1-mini", alias="OPENAI_MODEL")
    model_context_tokens: int = Field(default=8192, alias="MODEL_CONTEXT_TOKENS", ge=2048)
    model_concurrency: int = Field(default=16, alias="MODEL_CONCURRENCY", ge=1, le=1024)
    check_interval_minutes: float = Field(
        default=5, alias="SCHEDULER_CHECK_INTERVAL_MINUTES", gt=0, le=1440
    )
    """The longest time between two looks for sessions that are due."""
    time_scale: float = Field(default=1, alias="LINGXI_TIME_SCALE", ge=1, le=100_000)
    """Divides every silence that is waited for: for demonstrations, in local mode only."""
    local: bool = Field(default=False, alias="LINGXI_LOCAL")
    """Set by `make run`, and by nothing else."""

    @model_validator(mode="after")
    def _real_time_for_real_users(self) -> Self:
        if self.time_scale != 1 and not self.local:
            raise ValueError("LINGXI_TIME_SCALE is for local mode only")
        return self
