"""Files of contacts: what is right is read, what is wrong is told by its line, and nothing stops the reader."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptthandset.contact_file import MOST_BYTES, MOST_ENTRIES, Entry, Wrong, read_contacts
from ptthandset.errors import HandsetError

BERT = "sub_0123456789abcdef"


def written(folder: Path, text: str | bytes, name: str = "people.csv") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_csv_with_a_mark_of_order_quotes_and_other_columns(tmp_path: Path) -> None:
    text = f'\ufeffPhone;Name;Subscriber\r\n+45 1;"Bär; Bert";{BERT}\r\n\r\n+45 2;Cleo;\r\n'
    assert read_contacts(written(tmp_path, text)) == [Entry(2, "Bär; Bert", BERT), Entry(4, "Cleo", "Cleo")]


def test_lines_are_counted_through_quoted_values_of_several_lines(tmp_path: Path) -> None:
    text = 'name,note\nAnna,"one\ntwo"\nBert,x,y\nCleo,\n'
    found = read_contacts(written(tmp_path, text))
    assert [(one.line, type(one)) for one in found] == [(2, Entry), (4, Wrong), (5, Entry)]


@pytest.mark.parametrize("version", ["3.0", "4.0"])
def test_cards_of_both_versions_folded_and_escaped(tmp_path: Path, version: str) -> None:
    text = (
        f"BEGIN:VCARD\r\nVERSION:{version}\r\nN:Bär;Bert;;;\r\nFN:Bär\\, Bert\r\nTEL:+45 1\r\n"
        f"X-PTT-SUBSCRIBER:{BERT[:9]}\r\n {BERT[9:]}\r\nEND:VCARD\r\n"
        f"begin:vcard\nVERSION:{version}\nFN:Cleo\nend:vcard\n"
    )
    assert read_contacts(written(tmp_path, text, "x.vcf")) == [Entry(1, "Bär, Bert", BERT), Entry(9, "Cleo", "Cleo")]
    assert len(read_contacts(written(tmp_path, text, "no_suffix"))) == 2


def test_a_broken_card_spoils_no_other(tmp_path: Path) -> None:
    text = (
        "BEGIN:VCARD\nVERSION:3.0\nnonsense\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nEND:VCARD\nstray\n"
        "BEGIN:VCARD\nFN:Anna\nBEGIN:VCARD\nFN:Bert\nEND:VCARD\nBEGIN:VCARD\nFN:Cleo\n"
    )
    found = read_contacts(written(tmp_path, text, "x.vcf"))
    assert [one for one in found if isinstance(one, Entry)] == [Entry(11, "Bert", "Bert")]
    wrong = {one.line: one.why for one in found if isinstance(one, Wrong)}
    assert wrong.keys() == {1, 5, 8, 9, 14}
    assert wrong[5] == "the card has no FN"
    assert wrong[9] == wrong[14] == "the card does not end"


@pytest.mark.parametrize("alias", ["", " ", "x" * 65, "Be\x1b[2Jrt", "B\u202eert", "Be\x00rt"])
def test_names_that_the_server_would_refuse_are_told_here(tmp_path: Path, alias: str) -> None:
    (found,) = read_contacts(written(tmp_path, f'name,subscriber\n"{alias}",{BERT}\n'))
    assert isinstance(found, Wrong)
    assert found.line == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"name\n\xff\xfe\n", "UTF-8"),
        (b"", "columns"),
        (b"Anna,Bert\n", "columns"),
        (b"name\n" + b"x" * MOST_BYTES, "larger"),
        (b"name\n" + b"x\n" * (MOST_ENTRIES + 1), "split"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(tmp_path: Path, text: bytes, words: str) -> None:
    with pytest.raises(HandsetError, match=words):
        read_contacts(written(tmp_path, text))
    with pytest.raises(HandsetError, match="No such file"):
        read_contacts(tmp_path / "missing.csv")


LINES = st.sampled_from(
    ["BEGIN:VCARD", "END:VCARD", "FN:Anna", "VERSION:4.0", "PHOTO;ENCODING=b:!!", " x", 'A;B=":c', ""]
)


@given(st.one_of(st.binary(max_size=300), st.lists(LINES | st.text(max_size=20), max_size=20).map("\n".join)))
def test_nothing_in_a_file_stops_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes | str) -> None:
    octets = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    folder = tmp_path_factory.mktemp("files")
    for name, head in (("a.csv", b"name,subscriber\n"), ("a.vcf", b"")):
        try:
            found = read_contacts(written(folder, head + octets, name))
        except HandsetError:
            continue
        assert all(one.line >= 1 for one in found)
