"""One running chat a module, with a new user for each test."""

from services.chat.tests.component.conftest import chat, settings_of_module, shared_chat

__all__ = ["chat", "settings_of_module", "shared_chat"]
