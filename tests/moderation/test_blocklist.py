"""Block lists: a phrase is found whatever it is dressed up as, and what is no phrase is not."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growing import grows_with
from rushes.moderation.blocklist import PHRASE_CHARACTERS_MAX, BlockList, Listed, ListRefused
from rushes.ports import Passage


def listing(*phrases: str) -> BlockList:
    made = BlockList()
    for number, phrase in enumerate(phrases, 1):
        assert made.add(phrase, Listed("words.txt", number)) is None
    return made


def is_found(phrase: str, text: str) -> bool:
    return listing(phrase).find(text) is not None


DRESSED = {
    "case": "Red DAWN",
    "punctuation": "red, dawn",
    "a line between": "red\r\n\tdawn",
    "underscores": "a_red_dawn_film",
    "full width": "ｒｅｄ　ｄａｗｎ",
    "mathematical letters": "𝐫𝑒𝓭 𝖉𝗮𝘄𝙣",
    "letters in circles": "ⓡⓔⓓ 🅓🅐🅦🅝",
    "flags": "🇷🇪🇩 🇩🇦🇼🇳",
    "Cyrillic letters": "rеd dаwn",
    "Greek letters": "rεd dαwn",
    "Cherokee letters": "Ꭱed ᎠaᎳn",
    "small capitals": "ʀᴇᴅ ᴅᴀᴡɴ",
    "accents": "rèd dãwn",
    "marks over marks": "r̴̢e̷d̸ d̶a̵w̸n̴",
    "an invisible space in a word": "r\u200bed da\u200dwn",
    "an invisible space for a space": "red\u200bdawn",
    "both": "r\u200bed\u200bda\u2060wn",
    "a soft hyphen": "red da\u00adwn",
    "tags": "red\U000e0041 dawn",
    "the direction of writing": "\u202ered dawn\u202c",
    "a control character": "re\x08d dawn",
    "letters apart": "r e d d a w n",
    "letters with dots": "r.e.d. d.a.w.n",
    "beside Chinese": "画red dawn的",
    "in brackets": "(red) [dawn]!",
}


@pytest.mark.parametrize("text", DRESSED.values(), ids=DRESSED.keys())
def test_a_phrase_is_found_however_it_is_dressed_up(text: str) -> None:
    assert is_found("red dawn", text)
    assert is_found("red dawn", f"A film of {text}, please")


INNOCENT = [
    "hundred dawns",
    "red dawning",
    "redawn",
    "red and dawn",
    "reddawn",
    "infrared dawn",
    "",
]


@pytest.mark.parametrize("text", INNOCENT)
def test_a_phrase_is_whole_words(text: str) -> None:
    assert not is_found("red dawn", text)


def test_a_star_opens_the_end_the_beginning_or_both() -> None:
    assert [is_found("dawn*", text) for text in ("dawning", "a dawn", "redawn")] == [1, 1, 0]
    assert [is_found("*dawn", text) for text in ("dawning", "a dawn", "redawn")] == [0, 1, 1]
    assert [is_found("*dawn*", text) for text in ("redawning", "a dawn")] == [1, 1]
    assert is_found("red dawn*", "the red dawning")
    assert not is_found("red dawn*", "the hundred dawning")


@pytest.mark.parametrize(
    ("phrase", "text", "finds"),
    [
        ("红色黎明", "一部关于红色黎明的电影", True),
        ("红色黎明", "红 色，黎*明", True),
        ("红色黎明", "红\u200b色\u200b黎\u200b明", True),
        ("红色黎明", "红色的黎明", False),
        ("黎明", "红色黎明号", True),
        ("がん", "これはがんです", True),
        ("がん", "かんじ", False),
        ("がん", "か\u3099ん", True),
        ("ガン", "ｶﾞﾝ", True),
        ("AK47步枪", "一把ak47 步枪", True),
        ("ไทย", "ประเทศไทย", True),
        ("총*", "총을 든", True),
        ("총", "총리", False),
        ("оружие", "ОРУЖИЕ!", True),
        ("оружие", "opужиe", True),
        ("νερό", "ΝΕΡΌ", True),
        ("سلاح", "سِلَاح", True),
        ("سلاح", "ســلاح", True),
        ("straße", "STRASSE", True),
        ("٤٧", "47", True),
    ],
)
def test_scripts_are_read_as_their_readers_do(phrase: str, text: str, finds: bool) -> None:
    assert is_found(phrase, text) is finds


ALPHABETS = (
    string.ascii_letters + string.digits,
    "абвгдежзиклмнопрстуфхцчшщэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "红色黎明电影一部关于的枪",
    "がんばれカタカナひらがな",
    "총리을를한국",
    "سلاحمنعكتب",
)
WORDS = st.one_of([st.text(alphabet, min_size=2, max_size=8) for alphabet in ALPHABETS])
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
UNSEEN = st.lists(
    st.sampled_from(["", "", "\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\ufe0f", "\u034f"]),
    min_size=40,
    max_size=40,
)


def widened(char: str) -> str:
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char


@given(PHRASES, UNSEEN, st.data())
def test_nothing_unseen_and_no_case_or_width_lets_a_phrase_through(
    phrase: str, unseen: list[str], data: st.DataObject
) -> None:
    dressings = (str, str.upper, str.lower, str.title, str.swapcase, widened)
    dressed = "".join(
        data.draw(st.sampled_from(dressings))(char) + hidden
        for char, hidden in zip(phrase, [*unseen], strict=False)
    )
    assert is_found(phrase, dressed)
    assert is_found(phrase, f"a film, {dressed}! 一部")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_can_be_read_and_a_phrase_is_found_in_itself(phrase: str, other: str) -> None:
    listed = BlockList()
    complaint = listed.add(phrase, Listed("words.txt", 1))
    if complaint is None and listed.count and len(phrase) < PHRASE_CHARACTERS_MAX:
        assert listed.find(phrase.replace("*", " ")) is not None
    listed.find(other)


def test_a_long_text_and_a_long_list_take_a_moment() -> None:
    many = [f"word{number} follows word{number * 7}" for number in range(10_000)]
    listed = listing(*many, "a" * 99 + "b", "a " * 49 + "b", "*" + "c" * 99 + "d*")
    texts = ["word1 follows " * 700, "a" * 10_000, "a " * 5_000, "a\u200b" * 5_000, "c" * 10_000]
    for text in texts:
        assert listed.find(text) is None
        assert grows_with(listed.find, text)
    assert str(listed.find("x " * 4_000 + many[9_999])) == "block list words.txt, line 10000"


def test_a_file_is_read_with_comments_and_told_by_line(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes("\ufeff# no films of this\r\n\r\nred dawn\r\n  blue * \r\n".encode())
    made = BlockList.read([file])
    assert made.count == 2
    assert str(made.find("Red Dawn")) == "block list words.txt, line 3"
    assert str(made.find("blueish")) == "block list words.txt, line 4"


def test_a_list_is_refused_whole_with_every_complaint(tmp_path: Path) -> None:
    file, other = tmp_path / "words.txt", tmp_path / "more.txt"
    file.write_text(f"good\na*b\n***\nx\n{'long' * 30}\n", encoding="utf-8")
    other.write_bytes(b"\xff\xfe")
    with pytest.raises(ListRefused) as refused:
        BlockList.read([file, other, tmp_path / "absent.txt"])
    told = str(refused.value).splitlines()
    assert [line.partition(": ")[0].rpartition("/")[2] for line in told] == [
        "words.txt, line 2",
        "words.txt, line 3",
        "words.txt, line 4",
        "words.txt, line 5",
        "more.txt is not UTF-8",
        "absent.txt cannot be read",
    ]


def test_lists_of_other_content_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    digests = set()
    for words in ("red", "red\nblue", "red"):
        file.write_text(words, encoding="utf-8")
        digests.add(BlockList.read([file]).digest)
    assert len(digests) == 2


@pytest.mark.parametrize("length", [100, 5_000])
async def test_an_objection_names_the_passage_and_never_quotes_it(length: int) -> None:
    words = "word " * (length // 5)
    passages = [Passage("The prompt", words), Passage("The negative prompt", f"{words} Red Dawn")]
    objection = await listing("red dawn").judge(passages, ())
    assert objection is not None
    assert objection.failure.message == "The negative prompt was refused: content policy."
    assert objection.why == "block list words.txt, line 1"
