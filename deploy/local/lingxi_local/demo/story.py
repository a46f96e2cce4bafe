"""Nine steps with a companion, each printed as it happens and checked.

A real model may see things otherwise than the simulator: it may find no reason for a change, or
none to write, or say nothing. Then the step says so, and the story goes on.
"""

import textwrap
from collections.abc import Callable
from typing import TextIO

from lingxi_local.demo.api import Api, Json, wait_for

PERSONALITY = "You are Robin, a cheerful pirate."
TALK = (
    "Hello! My name is Ada.",
    "I live in Bremen, close to the river.",
    "My dog is called Pixel, he is afraid of ducks.",
    "I work at night, in a bakery.",
    "I like green tea and very old maps.",
)
WISH = "Please be shorter from now on."
SHORTER = f"{PERSONALITY} You say little: a few words are enough."
SMALL_TALK = (
    "The river is high today.",
    "Pixel has found a feather.",
    "We made two hundred rolls last night.",
    "Somebody left a map in the bakery.",
    "It shows an island that I do not know.",
    "It smells of salt, and of tea.",
    "Pixel sleeps on it now.",
    "The baker says that it is from his grandfather.",
    "The sun comes up over the river.",
    "I think I will keep the map.",
)
QUESTION = "I found an old map today!"
SUMMARY_EVERY, REVIEW_EVERY = 10, 20
INACTIVITY_MINUTES = 5
BACKGROUND_SECONDS_MAX = 60.0
REAL_MODEL_SECONDS_MAX = 180.0
REPLY_TOKENS_MAX = 48
"""Of a real model, so that the story takes minutes."""
WIDTH_CHARS = 96


class Story:
    """Ada, and her agent Robin."""

    def __init__(self, api: Api, out: TextIO, *, simulated: bool) -> None:
        self._api = api
        self._out = out
        self._simulated = simulated
        self._wait_seconds = BACKGROUND_SECONDS_MAX if simulated else REAL_MODEL_SECONDS_MAX
        parameters: Json = {
            "personality_prompt": PERSONALITY,
            "proactive_behavior": "aggressive",
            "auto_apply_confidence": None,  # however sure the model is, Ada decides
        }
        if not simulated:
            parameters["max_tokens"] = REPLY_TOKENS_MAX
        agent = {
            "name": "Robin",
            "parameters": parameters,
            "timings": {"inactivity_check_minutes": INACTIVITY_MINUTES},
        }
        self._agent = f"/api/agents/{api.post('/api/agents/', agent)['id']}"
        self._agent_id = self._agent.rpartition("/")[2]
        self._session_id = ""
        self._length_before = 0

    def tell(self) -> bool:
        """Whether every step came true."""
        steps: tuple[tuple[str, Callable[[], bool]], ...] = (
            ("they talk", self._talk),
            ("a summary is written", self._summary),
            ("a fact is recalled in another conversation", self._recall),
            ("a change of personality is suggested, with its evidence", self._suggestion),
            ("the change is applied", self._apply),
            ("the tone has changed", self._tone),
            ("silence, and the agent writes first", self._silence),
            ("why did you write?", self._why),
            ("back to the first personality", self._roll_back),
        )
        results: list[bool] = []
        for number, (name, step) in enumerate(steps, 1):
            self._print(f"\n{number}. {name}")
            results.append(step())
            self._print(f"   {'[ok]' if results[-1] else '[not this time]'} {name}")
        self._print(f"\n{sum(results)} of {len(steps)} steps came true.")
        if not all(results) and not self._simulated:
            self._print("The others were up to the model: a larger one sees more (OPENAI_API_KEY).")
        return all(results)

    def _talk(self) -> bool:
        answers = [self._say(text) for text in TALK]
        return all(answers)

    def _summary(self) -> bool:
        for text in SMALL_TALK:
            if self._messages() >= SUMMARY_EVERY:
                break
            self._say(text)
        path = f"{self._session}/summary/"

        def written() -> Json | None:
            told = self._api.get(path)
            return told if told["covers_up_to"] else None

        told = wait_for(written, self._wait_seconds)
        if told is None:
            return False
        self._note(f"title: {told['title']}")
        self._note(f"summary of {told['covers_up_to']} messages: {told['summary']}")
        for memory in self._api.get(f"{self._agent}/memories/")["results"]:
            self._note(f"remembered: {memory['text']}")
        return True

    def _recall(self) -> bool:
        answer = self._say("What do you remember about me?", elsewhere=True)
        return "Bremen" in answer

    def _suggestion(self) -> bool:
        self._length_before = len(self._say(QUESTION))
        looked_at = self._looked_at()
        self._say(WISH)
        wished_at = self._messages()
        for text in SMALL_TALK[::-1]:
            if self._messages() // REVIEW_EVERY > wished_at // REVIEW_EVERY:
                break
            self._say(text)

        def looked() -> bool | None:
            return self._looked_at() != looked_at or None

        if wait_for(looked, self._wait_seconds) is None:
            return False
        found = self._suggested()
        if found is None:
            self._note("the model sees no reason for another personality")
            return False
        self._note(f"reason: {found['reason']}")
        self._note(f"suggested: {found['suggested_personality']}")
        self._note(f"confidence: {found['confidence']:.1f}")
        said = {one["id"]: one["message"] for one in self._newest()}
        evidence = [said.get(one["message_id"], "") for one in found["evidence"]]
        for text in evidence:
            self._note(f"evidence: {text}")
        return WISH in evidence

    def _apply(self) -> bool:
        if self._suggested() is None:
            self._note("nothing is suggested, so Ada writes it herself")
            changed = self._api.put(f"{self._agent}/personality/", {"personality_prompt": SHORTER})
        else:
            changed = self._api.post(f"{self._session}/personality-update/")
        newest = self._ledger()[0]
        self._note(f"version {newest['version']}: {newest['personality_prompt']}")
        is_applied = newest["personality_prompt"] == changed["personality_prompt"] != PERSONALITY
        return is_applied and self._suggested() is None

    def _tone(self) -> bool:
        length = len(self._say(QUESTION))
        self._note(f"{length} characters; the same took {self._length_before} before")
        return 0 < length < self._length_before

    def _silence(self) -> bool:
        said_at = max(one["seq"] for one in self._newest() if one["is_user"])
        self._note(f"{INACTIVITY_MINUTES} minutes pass, faster than usual")

        def decided() -> Json | None:
            mine = (one for one in self._newest() if one["is_agent_growth"])
            message = next((one for one in mine if one["seq"] > said_at), None)
            against = (one for one in self._decisions() if one.get("gate") == "model")
            return message or next(against, None)

        decision = wait_for(decided, self._wait_seconds)
        if decision is None or "message" not in decision:
            self._note("the model would rather wait")
            return False
        self._line("Robin", decision["message"])
        return True

    def _why(self) -> bool:
        def settled() -> bool | None:
            """The message is there a moment before the log of decisions says so."""
            return any(one["outcome"] == "sent" for one in self._decisions()) or None

        wrote_first = any(one["is_agent_growth"] for one in self._newest())
        is_sent = wait_for(settled, self._wait_seconds if wrote_first else 0)
        for one in self._decisions():
            gate = f" by {one['gate']}" if one.get("gate") else ""
            self._note(f"{one['outcome']}{gate}: {one['reason']}")
        return is_sent is not None

    def _roll_back(self) -> bool:
        self._api.post(f"{self._agent}/personality/rollback/", {"version": 1})
        ledger = self._ledger()
        for one in ledger:
            self._note(f"version {one['version']} ({one['source']}): {one['personality_prompt']}")
        self._say(QUESTION)
        return ledger[0]["personality_prompt"] == PERSONALITY and ledger[0]["source"] == "rollback"

    @property
    def _session(self) -> str:
        return f"/api/sessions/{self._session_id}"

    def _say(self, text: str, *, elsewhere: bool = False) -> str:
        """Say something, in a conversation of its own if `elsewhere`; the answer."""
        self._line("Ada", text)
        body = {"message": text}
        if self._session_id and not elsewhere:
            body["session_id"] = self._session_id
        else:
            body["agent_id"] = self._agent_id
        answer = self._api.say(body)
        if not elsewhere:
            self._session_id = answer["session_id"]
        response: str = answer.get("response", "")
        nothing = f"(no answer: {answer.get('detail', 'it takes too long')})"
        bubbles = answer.get("messages") or [{"message": response or nothing}]
        for bubble in bubbles:
            self._line("Robin", bubble["message"])
        return response

    def _messages(self) -> int:
        count: int = self._api.get(f"{self._session}/?mark_read=false")["message_count"]
        return count

    def _newest(self) -> list[Json]:
        return self._api.get(f"{self._session}/messages/?limit=200")["results"]

    def _looked_at(self) -> str | None:
        """When somebody last looked whether the personality should change."""
        state: Json = self._api.get(f"{self._session}/?mark_read=false")["current_state"] or {}
        return state.get("last_personality_check")

    def _decisions(self) -> list[Json]:
        return self._api.get(f"{self._session}/proactive/")["results"]

    def _suggested(self) -> Json | None:
        return self._api.get(f"{self._session}/personality-suggestion/").get("suggestion")

    def _ledger(self) -> list[Json]:
        return self._api.get(f"{self._agent}/personality/history/")["results"]

    def _line(self, who: str, text: str) -> None:
        self._print(_wrapped(f"   {who + ':':<7}", text))

    def _note(self, text: str) -> None:
        self._print(_wrapped("   > ", text))

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _wrapped(head: str, text: str) -> str:
    flat = " ".join(text.split())
    return (
        textwrap.fill(flat, WIDTH_CHARS, initial_indent=head, subsequent_indent=" " * len(head))
        or head
    )
