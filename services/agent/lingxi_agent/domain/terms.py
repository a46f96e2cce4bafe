"""How texts are compared."""

import unicodedata


def normalised(text: str) -> str:
    """The text as it is compared: whatever its case, width, spaces and marks around it."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.strip(" .,;:!?\u3002\u3001\uff0c\uff1b\uff1a\uff01\uff1f")
