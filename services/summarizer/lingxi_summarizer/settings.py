"""Environment -> frozen settings of summarizer; nothing else reads the environment."""

from lingxi_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, and nothing more."""
