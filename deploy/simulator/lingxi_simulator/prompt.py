"""What the simulator understands of a prompt: personality, remembered sections, history, name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

SPLIT_MARK = "<next>"
NAME_CHARS_MAX = 40
HEADING_CHARS_MAX = 80

_HEADING = re.compile(r"^(?:#+\s*|\*\*|\[|<|【)?([^\n:：]{2,60}?)(?:\*\*|\]|>|】)?\s*[:：]?\s*$")
_SECTIONS: dict[str, tuple[str, ...]] = {
    "personality": ("personality", "persona", "character", "人格", "性格", "角色", "人设"),
    "title": ("title", "标题"),
    "summary": ("summary", "so far", "摘要", "总结", "小结", "概要", "至今"),
    "recalled": ("recalled", "earlier", "related", "回忆", "想起", "此前", "相关"),
    "facts": ("fact", "remember", "memor", "know about", "事实", "记忆", "记得", "记住", "了解"),
    "other": ("now", "date", "time", "format", "reply", "answer", "rule", "instruction", "syntax",
              "现在", "时间", "日期", "格式", "回复", "规则", "说明"),
}  # fmt: skip
_NAME_CUES = ("my name is ", "call me ", "i am called ", "name's ", "我叫", "我的名字是", "叫我",
              "user's name is ", "named ", "name is ", "名字叫", "名叫", "名字是")  # fmt: skip
_NAME = re.compile(
    r"[\s\"“'「]*([A-Z][\w'-]*|[\u4e00-\u9fff]{1,4}(?=[\s，。！？,.!?、；;”」]|$)|\w+)"
)
_NOT_NAMES = frozenset({"a", "an", "the", "not", "什么", "啥", "什么名字", "when", "if", "back"})
_PARAGRAPHS = re.compile(r"\n\s*\n")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A chat request, read."""

    system: str
    turns: tuple[tuple[str, str], ...]
    sections: dict[str, str]

    @property
    def newest(self) -> tuple[str, ...]:
        """The user's messages that have no answer yet, oldest first (several after a burst)."""
        at = len(self.turns)
        while at and self.turns[at - 1][0] == "user":
            at -= 1
        return tuple(text for _, text in self.turns[at:]) or self.earlier_user[-1:]

    @property
    def earlier_user(self) -> tuple[str, ...]:
        """The user's messages before those."""
        at = len(self.turns)
        while at and self.turns[at - 1][0] == "user":
            at -= 1
        return tuple(text for role, text in self.turns[:at] if role == "user")

    @property
    def chinese(self) -> bool:
        """Whether to answer in Chinese: the language of the newest words there are."""
        for text in (*reversed([text for role, text in self.turns if role == "user"]), self.system):
            if _CJK.search(text):
                return True
            if _LETTER.search(text):
                return False
        return False

    @property
    def user_name(self) -> str | None:
        """What the user calls themself, newest first, else what was remembered."""
        said = "\n".join(text for role, text in self.turns if role == "user")
        remembered = (self.sections.get(key, "") for key in ("facts", "summary", "recalled"))
        return next(filter(None, map(_name_in, (said, *remembered))), None)


def read(messages: object) -> Prompt:
    """Reads the `messages` of a request; whatever is not text is passed over."""
    system: list[str] = []
    turns: list[tuple[str, str]] = []
    for message in cast(Sequence[object], messages) if isinstance(messages, list) else ():
        if isinstance(message, dict):
            entry = cast(dict[str, object], message)
            role, text = str(entry.get("role", "")), _text_of(entry.get("content"))
            if role in ("system", "developer"):
                system.append(text)
            else:
                turns.append((role, text))
    whole = "\n\n".join(system)
    return Prompt(whole, tuple(turns), _sections(whole))


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = cast(Sequence[object], content) if isinstance(content, list) else ()
    texts = (cast(dict[str, object], part).get("text") for part in parts if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def _sections(system: str) -> dict[str, str]:
    """What stands before the first heading is personality, but for what is no matter of
    character: paragraphs with a date, or about the split syntax."""
    found: dict[str, list[str]] = {}
    current = "personality"
    for paragraph in _PARAGRAPHS.split(system):
        passing = SPLIT_MARK in paragraph or _DATE.search(paragraph) is not None
        for line in paragraph.splitlines():
            named = _section_named(line)
            if named is not None:
                current = named
            elif line.strip() and not (passing and current == "personality"):
                found.setdefault(current, []).append(line.strip())
    return {key: "\n".join(lines) for key, lines in found.items()}


def _section_named(line: str) -> str | None:
    stripped = line.strip()
    marked = (
        stripped.endswith((":", "：")) or stripped[:1] in ("#", "【", "[") or stripped[:2] == "**"
    )
    if not marked or stripped.startswith(("-", "*  ")) or len(stripped) > HEADING_CHARS_MAX:
        return None
    heading = _HEADING.match(stripped)
    if heading is None:
        return None
    words = heading[1].lower()
    for section, cues in _SECTIONS.items():
        if any(cue in words for cue in cues):
            return section
    return "other" if stripped[0] in "#【" else None


def _name_in(text: str) -> str | None:
    """The name given last; a question ("what is my name?") gives none."""
    low, newest = text.lower(), (-1, "")
    for cue in _NAME_CUES:
        at = low.rfind(cue)
        while at > newest[0]:
            found = _NAME.match(text, at + len(cue))
            if found and found[1].lower() not in _NOT_NAMES:
                newest = (at, found[1][:NAME_CHARS_MAX])
            at = low.rfind(cue, 0, at)
    return newest[1] or None
