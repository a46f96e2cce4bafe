"""Environment -> frozen settings of summarizer; nothing else reads the environment."""

from pydantic import Field, SecretStr

from lingxi_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Summarizer's own: the model that is asked."""

    openai_base_url: str = Field(default="https://api.openai.com/v1", alias="OPENAI_BASE_URL")
    openai_api_key: SecretStr = Field(default=SecretStr("none"), alias="OPENAI_API_KEY")
    """`none`: a provider that asks for no key."""
    openai_model: str = Field(default="gpt-4.1-mini", alias="OPENAI_MODEL")
    model_context_tokens: int = Field(default=8192, alias="MODEL_CONTEXT_TOKENS", ge=2048)
    model_concurrency: int = Field(default=16, alias="MODEL_CONCURRENCY", ge=1, le=1024)
    settle_ms: int = Field(default=2_000, alias="LINGXI_SUMMARY_SETTLE_MS", ge=0, le=60_000)
    """Nobody misses a summary so soon; a burst of messages gets one."""
