"""Files that are not what they should be: each is refused by name, and nothing of it is taken."""

import gzip
import zlib
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as some

from retail.imports.copying import copy_row
from retail.imports.mappings import BadMapping, UnknownMapping
from retail.imports.reading import LINE_BYTES_MAX, CsvFile, FileRefused
from retail.imports.rows import RowError
from storefront.imports import SHELF
from storefront.imports.cleaning import Cleaner
from storefront.imports.mapping import detect_mapping
from storefront.imports.trees import Tree
from tests.storefront.catalogs import HEADER, row, write

MINIMAL = b"reference,sku,title\n"


def refused(path: Path, content: bytes) -> FileRefused:
    """Read the whole file; it must be refused on the way."""
    path.write_bytes(content)
    with pytest.raises(FileRefused) as refusal, CsvFile(path) as file:
        file.need(["reference", "sku", "title"])
        for _record in file:
            pass
    return refusal.value


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY_FILE"),
        (b"\n", "EMPTY_FILE"),
        (b"reference,sku\n1,2\n", "MISSING_COLUMNS"),
        (b"reference,sku,title,sku\n", "DOUBLED_COLUMNS"),
        (b'reference,"sku,title\n', "BROKEN_QUOTING"),
        (MINIMAL + "1,A-1,Čuvari tišine\n".encode("cp1250"), "WRONG_ENCODING"),
        ("reference,sku,title\n1,A-1,Most\n".encode("utf-16"), "WRONG_ENCODING"),
        (MINIMAL + b"1,A-1," + b"x" * (LINE_BYTES_MAX + 1) + b"\n", "LINE_TOO_LONG"),
        (MINIMAL + b'1,A-1,"' + b"a line of text\n" * 200_000, "BROKEN_QUOTING"),
        (gzip.compress(MINIMAL + b"1,A-1,Most\n" * 500)[:-40], "BROKEN_ARCHIVE"),
        (gzip.compress(MINIMAL)[:10] + b"not a packed stream at all", "BROKEN_ARCHIVE"),
    ],
    ids=[
        "nothing",
        "no header",
        "no title",
        "sku twice",
        "quote in the header",
        "cp1250",
        "utf-16",
        "endless line",
        "open quote",
        "cut archive",
        "garbled archive",
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, content: bytes, code: str) -> None:
    assert refused(tmp_path / "file.csv", content).code == code


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as refusal:
        CsvFile(tmp_path / "nothing.csv")
    assert refusal.value.code == "FILE_MISSING"


def test_a_line_without_an_end_is_never_held_in_memory(tmp_path: Path) -> None:
    """300 MB in one line, packed into 300 kB: the reader stops after its first megabyte."""
    path = tmp_path / "one_line.csv.gz"
    packer = zlib.compressobj(wbits=31)
    with path.open("wb") as file:
        file.write(packer.compress(MINIMAL))
        for _ in range(300):
            file.write(packer.compress(b"x" * 1_000_000))
        file.write(packer.flush())
    with CsvFile(path) as opened, pytest.raises(FileRefused) as refusal:
        list(opened)
    assert refusal.value.code == "LINE_TOO_LONG"
    assert opened._unpacked < 3 * LINE_BYTES_MAX


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retail.imports.reading.PACKED_FREE_BYTES", 1_000_000)
    path = tmp_path / "bomb.csv.gz"
    packer = zlib.compressobj(9, wbits=31)
    with path.open("wb") as file:
        file.write(packer.compress(MINIMAL))
        for _ in range(20):
            file.write(packer.compress(b"1,A-1,Most\n" * 20_000))
        file.write(packer.flush())
    with CsvFile(path) as opened, pytest.raises(FileRefused) as refusal:
        for _record in opened:
            pass
    assert refusal.value.code == "PACKED_TOO_TIGHTLY"


def test_bad_rows_are_told_with_the_line_they_begin_on(tmp_path: Path) -> None:
    """A row over two lines counts as one; the reader goes on after a bad one."""
    path = tmp_path / "rows.csv"
    path.write_bytes(
        MINIMAL + b'1,A-1,"two\nlines"\n2,A-2\n3,A-3,three,too many\n4,A-4,"x"y\n5,A-5,nul\0\n6,A-6,good\n'
    )
    with CsvFile(path) as file:
        records = [(record.line, record.problem) for record in file]
    assert records == [
        (2, ""),
        (4, "2 cells where the header has 3"),
        (5, "4 cells where the header has 3"),
        (6, "broken quoting: ',' expected after '\"'"),
        (7, "a NUL character"),
        (8, ""),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(f"reference{delimiter}sku{delimiter}title\nr1{delimiter}A-1{delimiter}Most\n")
    with CsvFile(path) as file:
        assert [record.cells for record in file] == [["r1", "A-1", "Most"]]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL)
    with CsvFile(path) as file:
        assert file.header == ["reference", "sku", "title"]


# -- Rows ----------------------------------------------------------------------------------------------------------------------


def errors_of(**values: object) -> list[tuple[str, str]]:
    header = [*HEADER, "rating", "released_on", "tax_class", "kind", "weight_grams"]
    mapping = SHELF.load("columns")
    cleaner = Cleaner(mapping, Tree(""), header)
    cells = {**dict.fromkeys(header, ""), **row(1, **values)}
    cleaned = cleaner.clean(7, [str(cells[name]) for name in header])
    assert isinstance(cleaned, list), "the row was taken"
    assert {error.line for error in cleaned} == {7}
    return [(error.column, error.code) for error in cleaned]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"title": " "}, [("title", "REQUIRED")]),
        ({"sku": "A 1"}, [("sku", "INVALID_SKU")]),
        ({"sku": "A" * 41}, [("sku", "TOO_LONG")]),
        ({"title": "x" * 401}, [("title", "TOO_LONG")]),
        ({"barcode": "9780002005884"}, [("barcode", "INVALID_BARCODE")]),
        ({"pages": "many"}, [("pages", "NOT_A_WHOLE_NUMBER")]),
        ({"pages": "-3"}, [("pages", "NOT_A_WHOLE_NUMBER")]),
        ({"rating": "5.01"}, [("rating", "OUT_OF_RANGE")]),
        ({"rating": "NaN"}, [("rating", "NOT_A_NUMBER")]),
        ({"released_on": "2026-02-30"}, [("released_on", "NOT_A_DATE")]),
        ({"tax_class": "LUXURY"}, [("tax_class", "UNKNOWN_TAX_CLASS")]),
        ({"kind": "CAR"}, [("kind", "UNKNOWN_KIND")]),
        ({"price": "-1"}, [("price", "OUT_OF_RANGE")]),
        ({"price": "9.999"}, [("price", "INVALID_PRICE")]),
        ({"price": "1e999999"}, [("price", "OUT_OF_RANGE")]),
        ({"weight_grams": "99999999999"}, [("weight_grams", "OUT_OF_RANGE")]),
        (
            {"title": "", "pages": "x", "price": "free"},
            [("title", "REQUIRED"), ("pages", "NOT_A_WHOLE_NUMBER"), ("price", "NOT_A_NUMBER")],
        ),
    ],
)
def test_every_wrong_cell_of_a_row_is_named(
    values: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    assert errors_of(**values) == expected


def test_an_error_shows_what_stood_there() -> None:
    error = RowError(12, "price", "free", "NOT_A_NUMBER", "a number such as 1299.00")
    assert error.as_row() == ["12", "price", "free", "NOT_A_NUMBER", "a number such as 1299.00"]


# -- Mappings --------------------------------------------------------------------------------------------------------------------


def test_the_mapping_is_found_by_the_header() -> None:
    assert detect_mapping(["isbn13", "title", "authors", "num_pages"]).name == "books"
    assert detect_mapping(["Item_Number", "Name", "Theme"]).name == "toys"
    assert detect_mapping(HEADER).name == "columns"
    with pytest.raises(UnknownMapping):
        detect_mapping(["a", "b"])


@pytest.mark.parametrize(
    "text",
    [
        "columns = 3",
        "[columns]\nreference = 'a'\nsku = 'b'\n",
        "[columns]\nreference = 'a'\nsku = 'b'\ntitle = 'c'\ncolor = 'd'\n",
        "[columns]\nreference = 'a'\nsku = { column = 'b', is = 'shape' }\ntitle = 'c'\n",
        "surprise = 1\n[columns]\nreference = 'a'\nsku = 'b'\ntitle = 'c'\n",
        "not toml at all [",
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(BadMapping) as refusal:
        SHELF.load(str(path))
    assert refusal.value.message.startswith("mapping")


def test_headings_find_their_aisle() -> None:
    tree = Tree("books")
    found = {
        heading: tree.paths(heading)[-1]
        for heading in (
            "Fiction",
            "Juvenile Fiction",
            "Discworld (Imaginary place)",
            "Cookery",
            "",
            "Bracelets",
            "World War, 1914-1918",
        )
    }
    assert found == {
        "Fiction": "romani",
        "Juvenile Fiction": "za-decu/price-za-decu",
        "Discworld (Imaginary place)": "romani/fantastika",
        "Cookery": "dom-i-slobodno-vreme/kuvari",
        "": "razno",
        "Bracelets": "romani",
        "World War, 1914-1918": "istorija-i-drustvo/istorija",
    }
    assert tree.paths("Cookery") == ("dom-i-slobodno-vreme", "dom-i-slobodno-vreme/kuvari")
    aisles = [node for node in tree.nodes.values() if "/" not in node.path]
    assert len(aisles) == 13
    assert all(node.name and node.name_en for node in tree.nodes.values())


def test_a_written_path_makes_its_branches(tmp_path: Path) -> None:
    tree = Tree("")
    assert tree.paths("Romani > Domaći romani") == ("romani", "romani/domaci-romani")
    assert tree.nodes["romani/domaci-romani"].name == "Domaći romani"
    assert tree.paths("") == ()


def test_a_good_row_is_packed_and_read_alike(tmp_path: Path) -> None:
    plain, packed = write(tmp_path / "a.csv", [row(1)]), write(tmp_path / "a.csv.gz", [row(1)])
    with CsvFile(plain) as one, CsvFile(packed) as other:
        assert [record.cells for record in one] == [record.cells for record in other]


# -- Whatever comes ------------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(content=some.binary(max_size=400), packed=some.booleans(), has_header=some.booleans())
def test_any_bytes_are_rows_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, packed: bool, has_header: bool
) -> None:
    """No file makes the reader or the cleaner fail in a way that has no name."""
    path = tmp_path_factory.mktemp("any") / "file.csv"
    whole = (MINIMAL if has_header else b"") + content
    path.write_bytes(gzip.compress(whole) if packed else whole)
    mapping = SHELF.load("columns")
    try:
        with CsvFile(path) as file:
            file.need(mapping.needed_columns())
            cleaner = Cleaner(mapping, Tree(""), file.header)
            for record in file:
                if not record.problem:
                    assert cleaner.clean(record.line, record.cells)
    except FileRefused as refusal:
        assert refusal.code.isupper()


@settings(deadline=None, max_examples=150)
@given(cells=some.lists(some.text(max_size=60).filter(lambda text: "\0" not in text), min_size=8, max_size=8))
def test_any_cells_are_a_line_or_named_errors(cells: list[str]) -> None:
    """What is taken fits the columns of the database."""
    mapping = SHELF.load("columns")
    cleaned = Cleaner(mapping, Tree(""), HEADER).clean(2, cells)
    if isinstance(cleaned, list):
        assert cleaned
        assert all(error.code.isupper() and error.reason for error in cleaned)
        return
    line = cleaned.line
    assert len(line.sku) <= 40
    assert line.sku.isascii()
    assert 0 < len(line.title) <= 400
    assert len(line.base_slug) <= 90
    assert line.base_slug
    assert len(line.sort_title) <= 400
    assert line.weight_grams > 0
    assert all(len(person.slug) <= 160 and len(person.name) <= 200 for person in cleaned.people)
    assert all(len(path) <= 400 for path in cleaned.places)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "",
        "\\N",
        "\\.",
        "a\tb",
        "two\nlines",
        "a\r\nb",
        "back\\slash\\",
        "C:\\temp\\new",
        "ćirilica Žž 漢",
    ],
)
def test_a_row_for_copy_comes_in_as_it_was(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE copied (line int, said text, missing text, is_sold bool) ON COMMIT DROP"
        )
        with cursor.copy("COPY copied FROM STDIN") as copy:
            copy.write(copy_row((1, text, None, True)) + copy_row((2, "next", text, False)))
        cursor.execute("SELECT * FROM copied ORDER BY line")
        assert cursor.fetchall() == [(1, text, None, True), (2, "next", text, False)]
