"""Environment -> frozen settings of chat; nothing else reads the environment."""

from pathlib import Path

from pydantic import Field, SecretStr

from lingxi_chassis.settings import OwnerSettings


class Settings(OwnerSettings):
    """Chat's own: the model that speaks for the agents."""

    openai_base_url: str = Field(default="https://api.openai.com/v1", alias="OPENAI_BASE_URL")
    openai_api_key: SecretStr = Field(default=SecretStr("none"), alias="OPENAI_API_KEY")
    """`none`: a provider that asks for no key."""
    openai_model: str = Field(default="gpt-4.1-mini", alias="OPENAI_MODEL")
    openai_embedding_model: str = Field(default="", alias="OPENAI_EMBEDDING_MODEL")
    """Empty: messages are recalled by their words alone."""
    model_context_tokens: int = Field(default=8192, alias="MODEL_CONTEXT_TOKENS", ge=2048)
    model_concurrency: int = Field(default=16, alias="MODEL_CONCURRENCY", ge=1, le=1024)
    turn_deadline_seconds: float = Field(default=120, alias="TURN_DEADLINE_SECONDS", gt=0)
    safety_rules_file: Path | None = Field(default=None, alias="SAFETY_RULES_FILE")
    """What the operator watches for in messages; none: nothing."""
    moderation_model: str = Field(default="", alias="MODERATION_MODEL")
    """Looks at what users say, beside the reply; empty: none does."""
    burst_settle_ms: int = Field(default=0, alias="LINGXI_BURST_SETTLE_MS", ge=0, le=60_000)
    """How long a turn waits after the newest message, so that a burst gets one answer."""
