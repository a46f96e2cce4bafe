"""Who calls agent."""
