"""Environment -> frozen settings of agent."""

from lingxi_chassis.settings import OwnerSettings


class Settings(OwnerSettings):
    """What every owner has, and nothing more."""
