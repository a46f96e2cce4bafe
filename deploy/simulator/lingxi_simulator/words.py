"""The simulator's words, in the two languages it speaks."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One language: phrases with at most one place to fill in."""

    openers: tuple[str, ...]
    follow_ups: tuple[str, ...]
    speaking_as: str
    heard: str
    question: str
    said_before: str
    said_nothing_before: str
    name: str
    no_name: str
    know: str
    know_nothing: str
    earlier: str
    so_far: str
    summary: str
    asked_to: str
    nothing_asked: str
    playful: str
    first: Mapping[str, str]
    because: Mapping[str, str]
    comma: str
    stop: str
    space: str
    conjunction: str

    def quoted(self, *texts: str) -> str:
        """The texts in quotation marks, joined."""
        return self.conjunction.join(f"“{text}”" for text in texts)


ENGLISH = Words(
    openers=("Hello", "Hey there", "Good to hear from you", "Well now", "Ah", "Greetings"),
    follow_ups=(
        "What happened then?",
        "How do you feel about it?",
        "Tell me more.",
        "Why is that?",
    ),
    speaking_as="Speaking as {}: ",
    heard="you said {}.",
    question="let me think about {}.",
    said_before="Before this you said {}.",
    said_nothing_before="This is the first thing you have said to me.",
    name="Your name is {}.",
    no_name="You have not told me your name yet.",
    know="I remember: {}.",
    know_nothing="I do not know anything about you yet.",
    earlier="Earlier you mentioned {}.",
    so_far="So far: {}.",
    summary="The user said: {}.",
    asked_to="The user asked: {}.",
    nothing_asked="Nothing in the conversation asks for another personality.",
    playful="Hee hee! ",
    first={
        "continue": "I have been thinking about {}. How did it go on?",
        "new_topic": "It has been quiet. What has your day been like since {}?",
        "wait": "Until later.",
    },
    because={
        "continue": "The conversation stopped at {}, and there is more to say about it.",
        "new_topic": "There is little to go on from after {}, so something new.",
        "wait": "The user took leave with {}.",
    },
    comma=", ",
    stop=". ",
    space=" ",
    conjunction=" and ",
)

CHINESE = Words(
    openers=("你好", "嗨", "很高兴听到你的消息", "嗯", "啊", "问候你"),
    follow_ups=("后来怎么样了？", "你感觉如何？", "再多说一点吧。", "为什么呢？"),
    speaking_as="作为{}，",
    heard="你说了{}。",
    question="让我想想{}。",
    said_before="在这之前你说的是{}。",
    said_nothing_before="这是你对我说的第一句话。",
    name="你叫{}。",
    no_name="你还没有告诉我你的名字。",
    know="我记得：{}。",
    know_nothing="我对你还一无所知。",
    earlier="之前你提到过{}。",
    so_far="到目前为止：{}。",
    summary="用户说过：{}。",
    asked_to="用户希望：{}。",
    nothing_asked="对话中没有要求改变人格。",
    playful="嘻嘻！",
    first={
        "continue": "我一直在想{}。后来怎么样了？",
        "new_topic": "好久没聊了。自从{}之后，你今天过得怎么样？",
        "wait": "回头见。",
    },
    because={
        "continue": "对话停在{}，还有话可以说。",
        "new_topic": "在{}之后没有什么可接的话，所以换个话题。",
        "wait": "用户以{}道别了。",
    },
    comma="，",
    stop="。",
    space="",
    conjunction="和",
)


def words_for(chinese: bool) -> Words:
    """The language asked for."""
    return CHINESE if chinese else ENGLISH
