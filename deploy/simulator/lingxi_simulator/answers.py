"""What the simulator says: the same prompt, the same words; another personality, other words.

An answer is built of parts (opening and reaction, memory, the personality's own phrases, a
question back), each from something visible in the prompt. Phrases that a personality puts in
quotation marks are said word for word.
"""

import re
from collections.abc import Sequence
from zlib import crc32

from lingxi_simulator.prompt import SPLIT_MARK, Prompt
from lingxi_simulator.words import Words, words_for

QUOTE_CHARS_MAX = 120
ROLE_CHARS_MAX = 60
PHRASES_MAX = 3
FACTS_TOLD_MAX = 20

_SPACE = re.compile(r"\s+")
_ROLE = re.compile(
    r"(?:you are|you're|act as|你是一[个位名只]|你是|扮演)\s*([^\n.。!！;；]+)", re.IGNORECASE
)
_PHRASE = re.compile(r"[\"“「]([^\"”」\n]{1,60})[\"”」]")
_BULLET = re.compile(r"^(?:[-*•]|\d+[.)、])\s*")
SENTENCE_ENDS = ".。!！;； "

_WISHES_SPLIT = ("several messages", "separate messages", "split", "bubbles", "分开说", "几条")
_SHORT = ("short", "brief", "concise", "简短")
_PLAYFUL = ("playful", "俏皮", "活泼")
_ASKS_LAST = (
    "did i just say",
    "i just said",
    "said before this",
    "刚才说",
    "刚刚说",
    "之前说了什么",
)
_ASKS_NAME = ("my name?", "who am i", "know my name", "remember my name",
              "我叫什么", "我的名字是什么", "我是谁")  # fmt: skip
_ASKS_KNOWN = ("know about me", "remember about me", "remember me", "tell me about me",
               "记得什么", "关于我", "了解我", "还记得我")  # fmt: skip


def answer(prompt: Prompt) -> str:
    """The whole reply, with split marks if the prompt asks for them and there is cause."""
    words = words_for(prompt.chinese)
    direct = _direct(prompt, words)
    brief = direct is not None or _is(prompt, _SHORT)
    parts = [_opening(prompt, words) + (direct or _reaction(prompt, words))]
    if not brief:
        parts.append(_memory(prompt, words))
    parts.append(_phrases(prompt))
    if not brief:
        parts.append(words.follow_ups[(_seed(prompt) + len(prompt.turns)) % len(words.follow_ups)])
    said = [part for part in parts if part]
    if SPLIT_MARK in prompt.system and len(said) > 1 and _splits(" ".join(prompt.newest)):
        return f"\n{SPLIT_MARK}\n".join(said)
    return words.space.join(said)


def one_line(text: str, chars_max: int) -> str:
    """The text on one line, shortened."""
    flat = _SPACE.sub(" ", text[: chars_max * 4]).strip()
    return flat if len(flat) <= chars_max else flat[: chars_max - 1] + "…"


def _splits(newest: str) -> bool:
    if any(wish in newest.lower() for wish in _WISHES_SPLIT):
        return True
    return crc32(newest.encode("utf-8", "replace")) % 3 == 0


def _seed(prompt: Prompt) -> int:
    return crc32(prompt.sections.get("personality", "").encode("utf-8", "replace"))


def _opening(prompt: Prompt, words: Words) -> str:
    personality = prompt.sections.get("personality", "")
    opener = words.openers[_seed(prompt) % len(words.openers)]
    name = prompt.user_name
    greeting = f"{opener}{words.comma}{name}" if name else opener
    found = _ROLE.search(personality)
    role = one_line(found[1] if found else personality.partition("\n")[0], ROLE_CHARS_MAX)
    speaking = words.speaking_as.format(role.rstrip(SENTENCE_ENDS)) if role else ""
    playful = words.playful if _is(prompt, _PLAYFUL) else ""
    return f"{playful}{greeting}{words.stop}{speaking}"


def _is(prompt: Prompt, cues: Sequence[str]) -> bool:
    """Whether the personality is of that kind."""
    personality = prompt.sections.get("personality", "").lower()
    return any(cue in personality for cue in cues)


def _direct(prompt: Prompt, words: Words) -> str | None:
    """The answer to a question about the history; None if it was not one."""
    low = " ".join(prompt.newest).lower()
    if any(cue in low for cue in _ASKS_LAST):
        before = (*prompt.earlier_user, *prompt.newest[:-1])[-1:]
        if not before:
            return words.said_nothing_before
        return words.said_before.format(words.quoted(one_line(before[0], QUOTE_CHARS_MAX)))
    if any(cue in low for cue in _ASKS_NAME):
        name = prompt.user_name
        return words.name.format(name) if name else words.no_name
    if any(cue in low for cue in _ASKS_KNOWN):
        known = [*_facts(prompt)[:FACTS_TOLD_MAX], *_summary(prompt)]
        return words.know.format("; ".join(known)) if known else words.know_nothing
    return None


def _reaction(prompt: Prompt, words: Words) -> str:
    newest = prompt.newest
    asked = bool(newest) and newest[-1].rstrip().endswith(("?", "？"))
    form = words.question if asked else words.heard
    return form.format(words.quoted(*(one_line(text, QUOTE_CHARS_MAX) for text in newest)))


def _memory(prompt: Prompt, words: Words) -> str:
    said: list[str] = []
    facts = _facts(prompt)
    if facts:
        newest = set(" ".join(prompt.newest).lower())
        nearest = max(facts, key=lambda fact: (len(newest & set(fact.lower())), fact))
        said.append(words.know.format(one_line(nearest, QUOTE_CHARS_MAX)))
    said += [words.so_far.format(summary) for summary in _summary(prompt)]
    if prompt.earlier_user and not said:
        earlier = words.quoted(one_line(prompt.earlier_user[-1], ROLE_CHARS_MAX))
        said.append(words.earlier.format(earlier))
    return words.space.join(said)


def _phrases(prompt: Prompt) -> str:
    found = _PHRASE.findall(prompt.sections.get("personality", ""))
    return one_line(" ".join(found[:PHRASES_MAX]), QUOTE_CHARS_MAX)


def _facts(prompt: Prompt) -> list[str]:
    lines = prompt.sections.get("facts", "").splitlines()
    return [_BULLET.sub("", line).strip().rstrip(SENTENCE_ENDS) for line in lines]


def _summary(prompt: Prompt) -> list[str]:
    summary = one_line(prompt.sections.get("summary", ""), QUOTE_CHARS_MAX).rstrip(SENTENCE_ENDS)
    return [summary] if summary else []
