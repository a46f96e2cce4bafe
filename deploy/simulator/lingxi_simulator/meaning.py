"""What a structured answer says about a conversation, by the name of the field.

The conversation may come as chat messages or, as a summarizer sends it, as lines of text in one
message ("user: ..."), possibly with an id in each line; an id is passed on as evidence.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lingxi_simulator.answers import SENTENCE_ENDS, answer, one_line
from lingxi_simulator.prompt import Prompt
from lingxi_simulator.words import Words, words_for

SAID_MAX = 200
LINE_CHARS_MAX = 200
SUMMARY_CHARS_MAX = 1_000
TITLE_CHARS_MAX = 60
TALK_MESSAGES_MIN = 3
CONFIDENCES = (0.2, 0.6, 0.9)

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBERED = re.compile(r"(\d{1,6})[.)]")
_INDEX = re.compile(r"^\W{0,2}(\d{1,6})\W")
_LINE = re.compile(
    r"^(?P<head>[\W\da-fTZ]{0,80}?)\b(?:user|human|用户)\b(?P<tail>[^:：\n]{0,60})[:：]\s*(?P<said>.+)$",
    re.IGNORECASE | re.MULTILINE,
)
_FACT_CUES = ("my name is", "call me", "i like", "i love", "i hate", "i prefer", "i live",
              "i work", "i am a", "i'm a", "i have", "my ", "我叫", "我喜欢", "我爱", "我讨厌",
              "我住", "我在", "我是", "我有", "我的")  # fmt: skip
_ONE_AT_A_TIME = (("my name is", "call me", "我叫", "叫我"), ("i live", "我住"),
                  ("i work", "我在"))  # fmt: skip
"""Of what these tell, the newest is right and replaces what was known."""
_WISH_CUES = ("be more", "be less", "you should", "could you be", "please be", "don't be",
              "stop being", "i wish you", "be shorter", "be briefer", "希望你", "请你", "能不能",
              "你应该", "不要这么", "一点")  # fmt: skip
_BYE_CUES = ("good night", "bye", "talk later", "leave me", "晚安", "再见", "回头聊", "别打扰")


@dataclass(frozen=True)
class Said:
    """One thing the user said, with the ids that stood on its line."""

    text: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Meaning:
    """A conversation as fields can be answered from it; `about` narrows it to one thing said.

    `decides`: it is asked whether to write first.
    """

    prompt: Prompt
    about: Said | None = None
    decides: bool = False

    @cached_property
    def said(self) -> tuple[Said, ...]:
        """What the user said, oldest first."""
        if self.about is not None:
            return (self.about,)
        users = [text for role, text in self.prompt.turns if role == "user"]
        lines = [_said(found) for text in users for found in _LINE.finditer(text)]
        return tuple((lines or [Said(text) for text in users])[-SAID_MAX:])

    @property
    def _words(self) -> Words:
        return words_for(self.prompt.chinese)

    def _with(self, cues: Sequence[str]) -> list[Said]:
        return [one for one in self.said if any(cue in one.text.lower() for cue in cues)]

    def text(self, name: str) -> str:
        """What a text field of that name says."""
        low = name.lower()
        if self.about is not None:
            named = low.endswith(("id", "ids", "evidence", "source", "sources"))
            return self.about.ids[0] if named and self.about.ids else self._line(self.about)
        for part, told in _TOLD.items():
            if part in low:
                return told(self)
        return self._line(self.said[-1]) if self.said else "…"

    def title(self) -> str:
        """The title it has, else how the conversation began."""
        if title := self.prompt.sections.get("title"):
            return title
        return one_line(self.said[0].text, TITLE_CHARS_MAX) if self.said else "…"

    def summary(self) -> str:
        """The summary there was, then what the user said since; the newest part of it."""
        told = "; ".join(map(self._clause, self.said))
        before = self.prompt.sections.get("summary", "")
        both = f"{before} {self._words.summary.format(told)}".strip()
        return both if len(both) <= SUMMARY_CHARS_MAX else "…" + both[1 - SUMMARY_CHARS_MAX :]

    def _wishes(self) -> list[Said]:
        """What the user wished of the agent and does not have yet."""
        now = self.prompt.sections.get("personality", "")
        return [one for one in self._with(_WISH_CUES) if self._clause(one) not in now]

    def personality(self) -> str:
        """The personality there is, with what the user wished for."""
        wishes = "; ".join(map(self._clause, self._wishes()))
        now = self.prompt.sections.get("personality", "")
        return f"{now}\n{self._words.asked_to.format(wishes)}".strip() if wishes else now

    def reason(self) -> str:
        """Why to write or not to; else why the personality should change, or should not."""
        if self.decides:
            return self._decided(self._words.because)
        wishes = [self._line(one) for one in self._wishes()]
        if not wishes:
            return self._words.nothing_asked
        return self._words.asked_to.format(self._words.quoted(*wishes))

    def reply(self) -> str:
        """What the agent would say next, or first."""
        if self.decides:
            return self._decided(self._words.first)
        return answer(self.prompt)

    def _decided(self, words: Mapping[str, str]) -> str:
        newest = self._line(self.said[-1]) if self.said else "…"
        return words[self._decision()].format(self._words.quoted(newest))

    def _decision(self) -> str:
        """A goodbye waits, a bare conversation gets a new topic, else go on."""
        newest = self.said[-1].text.lower() if self.said else ""
        if any(cue in newest for cue in _BYE_CUES):
            return "wait"
        return "new_topic" if len(self.said) < TALK_MESSAGES_MIN else "continue"

    @staticmethod
    def _line(said: Said) -> str:
        return one_line(said.text, LINE_CHARS_MAX)

    def _clause(self, said: Said) -> str:
        """A line as a part of a sentence."""
        return self._line(said).rstrip(SENTENCE_ENDS)

    def items(self, name: str) -> list["Meaning"]:
        """What a list of that name lists: facts, or what stood behind a wish, or what was said."""
        low = name.lower()
        if self.about is not None:
            ids = self.about.ids
            return [replace(self, about=replace(self.about, ids=(one,))) for one in ids]
        if any(part in low for part in ("fact", "memor")):
            chosen = self._with(_FACT_CUES)
        elif any(part in low for part in ("evidence", "source", "ids")):
            wishes = self._wishes()
            chosen = [Said(one.text, (found,)) for one in wishes for found in one.ids]
        else:
            return [] if low else [replace(self, about=one) for one in self.said]
        return [replace(self, about=one) for one in chosen]

    def flag(self, name: str) -> bool:
        """A yes or no: whether there was a wish for change (`should_...`); else yes if anything."""
        if "update" in name.lower() or "should" in name.lower() or "change" in name.lower():
            return bool(self._wishes())
        return bool(self.said)

    def lacks(self, name: str) -> bool:
        """Whether there is nothing to say in a field of that name, if it may be empty."""
        return "replace" in name.lower() and self._replaced() is None

    def _replaced(self) -> int | None:
        """The number of the known fact that tells the same of the user in other words."""
        said = "" if self.about is None else self.about.text.lower()
        for cues in _ONE_AT_A_TIME:
            if any(cue in said for cue in cues):
                for line in self.prompt.sections.get("facts", "").lower().splitlines():
                    numbered = _NUMBERED.match(line)
                    if numbered and any(cue in line for cue in cues):
                        return int(numbered[1])
        return None

    def number(self, name: str) -> float:
        """A confidence grows with the number of wishes; a number of something known or said is
        its own; others count what was said."""
        low = name.lower()
        if "confidence" in low or "score" in low:
            return CONFIDENCES[min(len(self._wishes()), len(CONFIDENCES) - 1)]
        if "replace" in low:
            return float(self._replaced() or 0)
        if self.about is not None and self.about.ids and self.about.ids[0].isdigit():
            return float(self.about.ids[0])
        return float(len(self.said))

    def choice(self, name: str, choices: Sequence[object]) -> object:
        """One of the choices: the decision if it is among them, else the first."""
        decision = self._decision()
        if decision in choices:
            return decision
        return choices[0] if choices else name


_TOLD: dict[str, Callable[[Meaning], str]] = {
    "title": Meaning.title,
    "summary": Meaning.summary,
    "personality": Meaning.personality,
    "reason": Meaning.reason,
    "message": Meaning.reply,
    "reply": Meaning.reply,
    "response": Meaning.reply,
    "text": Meaning.reply,
    "content": Meaning.reply,
}


def _said(found: re.Match[str]) -> Said:
    index = _INDEX.match(found["head"])
    ids = _UUID.findall(found["head"] + found["tail"]) or ([index[1]] if index else [])
    return Said(found["said"].strip(), tuple(ids))
