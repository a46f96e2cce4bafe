"""The terms of a text: what it is found again by.

Words, without case, accents and endings; of scripts that put no spaces between words (Chinese,
Japanese, Korean, Thai, …), pairs of neighbouring characters, which need no dictionary. What stands
in any talk ("how are you", "好的") is no term: it says nothing about what is meant.
"""

import re
import unicodedata
from collections.abc import Iterator
from hashlib import blake2b
from uuid import UUID

from lingxi_chassis.scripts import is_unspaced, pairs_of, runs_of

TERMS_MAX = 512
"""Of one text; what comes after is not found by."""
TERM_CHARS_MAX = 64
SCANNED_CHARS_MAX = 8_000
"""A term after these is not looked for."""
ENDING_LEAVES_CHARS = 3

_APOSTROPHES = re.compile("(?<=\\w)['\u2019\u02bc](?=\\w)")
_ACCENTS = re.compile("[\u0300-\u036f]")
_ENDINGS = ("ing", "ed")
_VOWELS = frozenset("aeiouy")

_ANY_TALK = """
    a about actually after again ago ah all already also always am an and another any anyone
    anything are arent as ask asked asking at away back be because been before being between both
    but by bye can cant come could couldnt day did didnt do does doesnt doing done dont each either
    else even ever every everything feel few fine first for from fun get getting give go goes going
    gonna good goodbye got great ha had haha has hasnt have havent having he hed hello her here hers
    hes hey hi him his hm hmm how hows however i id if ill im in into is isnt it its ive just keep
    kind know lately let lets like little ll lol long lot lots love made make many may maybe me mean
    mention mentioned might mine more morning most much must my nah need never nice night no nope
    not nothing now of off oh ok okay on once one only or other our ours out over own please pretty
    quite re really remember right said same say saying says see she shes should so some someone
    something soon sorry still such sure take talk talked talking tell than thank thanks that thats
    the their theirs them then there theres these they theyre thing things think this those though
    thought through time to today told tomorrow tonight too try two u ur under until up us use very
    wanna want wanted was wasnt way we well went were weve what whats when where which while who
    whos why will with wont would wouldnt wow yay yeah year yep yes yesterday yet you youd youll
    your youre yours youve
"""
ANY_TALK = frozenset(_ANY_TALK.split())
_PARTICLES = frozenset(
    "的了是我你您他她它们们在有不这那就也都和跟吗呢吧啊呀哦噢喔嗯恩哈嘿嗨喂呵嘻啦嘛么什怎样个一"
    "上下来去到说要会能可以没还为与及着过把被让给对得地很太真好谢再见早晚安中午在干嘛些点时候"
    "现今天明后想知道觉行事儿吃饭睡最近"
    "はがをにのでともやかよねなだすまさしたてるれっうんーそこれあどい"
)
"""Characters of any talk: a pair of two of them is no term."""


def terms_of(text: str) -> tuple[str, ...]:
    """The distinct terms of a text in their order, at most `TERMS_MAX`."""
    found: dict[str, None] = {}
    for term in _all_terms(text[:SCANNED_CHARS_MAX]):
        found[term] = None
        if len(found) == TERMS_MAX:
            break
    return tuple(found)


def _all_terms(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    if not plain.isascii():
        spread = _ACCENTS.sub("", unicodedata.normalize("NFD", plain))
        plain = unicodedata.normalize("NFC", spread)
    for run in runs_of(_APOSTROPHES.sub("", plain)):
        if is_unspaced(run):
            yield from (pair for pair in pairs_of(run) if not _PARTICLES.issuperset(pair))
        elif len(run) > 1 and run not in ANY_TALK:
            yield _stem(run)[:TERM_CHARS_MAX]


def _stem(word: str) -> str:
    """What stories and story, loved and loving, planned and plan have in common, in English."""
    if len(word) <= ENDING_LEAVES_CHARS or not (word.isascii() and word.isalpha()):
        return word
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in _ENDINGS:
        left = word.removesuffix(ending)
        if left != word and len(left) >= ENDING_LEAVES_CHARS and not _VOWELS.isdisjoint(left):
            word = left[:-1] if left[-1] == left[-2] and left[-1] not in "aeiouls" else left
            break
    if len(word) > ENDING_LEAVES_CHARS:
        word = word.removesuffix("e")
    return f"{word[:-1]}i" if word.endswith("y") else word


def fingerprint(agent_id: UUID, term: str) -> int:
    """64 bits, signed, that stand for a term in one agent's index, and for nothing in another's."""
    digest = blake2b(term.encode(), digest_size=8, key=agent_id.bytes).digest()
    return int.from_bytes(digest, signed=True)
