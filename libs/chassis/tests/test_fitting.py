"""Which memories fit what is talked about, in words and in scripts without spaces."""

import pytest

from lingxi_chassis.fitting import fitting, terms

MEMORIES = (
    "The user likes green tea.",
    "The user has a dog called Biscuit.",
    "The user lives in Porto.",
    "用户住在上海的浦东",
    "用户喜欢弹钢琴",
)


@pytest.mark.parametrize(
    ("about", "first"),
    [
        ("Has BISCUIT eaten?", 1),
        ("a cup of ｔｅａ, please", 0),
        ("浦东今天下雨吗?", 3),
        ("我想听钢琴", 4),
        ("Does the user know Porto?", 2),
    ],
)
def test_what_shares_rare_terms_comes_first(about: str, first: int) -> None:
    found = fitting(MEMORIES, about, 1000)
    assert found[0] == MEMORIES[first]
    assert sorted(found) == sorted(MEMORIES)


@pytest.mark.parametrize(
    ("facts", "about"),
    [
        (("ผู้ใช้มีพี่สาวสองคน", "ผู้ใช้ชอบดื่มชาเขียว"), "มีชาเขียวไหม"),
        (("ຜູ້ໃຊ້ມີເອື້ອຍ", "ຜູ້ໃຊ້ມັກຊາຂຽວ"), "ມີຊາຂຽວບໍ"),
        (("အသုံးပြုသူမှာ ညီမရှိတယ်", "အသုံးပြုသူ လက်ဖက်ရည်ကြိုက်တယ်"), "လက်ဖက်ရည်ရှိလား"),
        (("អ្នកប្រើមានបងស្រី", "អ្នកប្រើចូលចិត្តតែបៃតង"), "មានតែបៃតងទេ"),
    ],
    ids=["Thai", "Lao", "Burmese", "Khmer"],
)
def test_in_scripts_without_spaces_too(facts: tuple[str, str], about: str) -> None:
    """Does the user have a sister, or like tea? There is tea."""
    assert fitting(facts, about, 1000)[0] == facts[1]


def test_where_nothing_is_shared_the_order_stays() -> None:
    for about in ("", "?!", "xyz", "天"):
        assert fitting(MEMORIES, about, 1000) == MEMORIES


def test_only_what_fits_is_chosen_and_what_fits_best_first() -> None:
    texts = ("a" * 30, "tea " * 10, "b" * 9, "c" * 9)
    assert fitting(texts, "tea", 50) == ("tea " * 10, "b" * 9)
    assert fitting(texts, "", 50) == ("a" * 30, "b" * 9, "c" * 9)
    assert fitting(texts, "tea", 0) == ()
    assert fitting((), "tea", 50) == ()


def test_terms_are_words_and_pairs_of_characters() -> None:
    assert terms("Let's meet 浦东新区 at 8, 好!") == {
        *("let", "s", "meet", "at", "8"),
        *("浦东", "东新", "新区", "好"),
    }
    assert terms("ＡＢＣ snake_case") == {"abc", "snake", "case"}
