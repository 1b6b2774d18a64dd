"""Files are read losslessly, or refused with the file, the line and the column."""

import csv
import gzip
import io
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizenml.core.source import FilesSource
from kaizenml.data import ingest
from kaizenml.data.delimited import delimited_parts, read_delimited
from kaizenml.data.ingest import read_file, read_parts
from kaizenml.data.source import discover, read
from kaizenml.errors import SourceError

TABLE = {"a": ["1", None, "3"], "b": ["x, y", "", "z"]}


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    path = write(tmp_path / "x.csv", delimiter.join("abc") + "\n" + delimiter.join("123") + "\n")

    assert read_file(path).rows() == [("1", "2", "3")]


def test_cells_stay_the_text_that_they_are(tmp_path):
    path = write(tmp_path / "x.csv", "zip,amount,when\n007, 1.50,2020-01-01\nNA,nan,\n")

    assert read_file(path).rows() == [("007", " 1.50", "2020-01-01"), ("NA", "nan", None)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(tmp_path, newline):
    path = write(tmp_path / "x.csv", newline.join(["a,b", "1,2", "3,4"]))

    assert read_file(path).rows() == [("1", "2"), ("3", "4")]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    assert read_file(write(tmp_path / "x.csv", b"\xef\xbb\xbfa,b\n1,2\n")).columns == ["a", "b"]


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends(tmp_path):
    path = write(tmp_path / "x.csv", 'a,b\n"x, ""y""",1\n\n"two\n\nlines",2\n')

    assert read_file(path).rows() == [('x, "y"', "1"), ("two\n\nlines", "2")]


def test_blank_lines_are_skipped(tmp_path):
    assert read_file(write(tmp_path / "x.csv", "\na,b\n1,2\n\n  \n3,4\n\n")).rows() == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "tsv", "parquet", "xlsx", "jsonl", "jsonl.gz", "json"])
def test_every_format_gives_the_same_table(tmp_path, ending):
    frame = pl.DataFrame({"a": ["1", "2"], "b": ["x", "é"]})
    path = tmp_path / f"x.{ending}"
    writers = {
        "csv": lambda: frame.write_csv(path),
        "csv.gz": lambda: path.write_bytes(gzip.compress(frame.write_csv().encode())),
        "csv.zst": lambda: frame.write_csv(path, compression="zstd"),
        "tsv": lambda: frame.write_csv(path, separator="\t"),
        "parquet": lambda: frame.write_parquet(path),
        "xlsx": lambda: frame.write_excel(path),
        "jsonl": lambda: frame.write_ndjson(path),
        "jsonl.gz": lambda: path.write_bytes(gzip.compress(frame.write_ndjson().encode())),
        "json": lambda: frame.write_json(path),
    }

    writers[ending]()

    assert read_file(path).equals(frame)


def test_numbers_of_excel_come_as_text(tmp_path):
    pl.DataFrame({"n": [1, 2], "f": [1.5, None]}).write_excel(tmp_path / "x.xlsx")

    assert read_file(tmp_path / "x.xlsx").rows() == [("1", "1.5"), ("2", None)]


def test_json_keeps_the_type_of_a_column_that_has_one(tmp_path):
    path = write(
        tmp_path / "x.jsonl", '{"i":1,"f":1,"b":true,"m":1}\n\n{"i":2,"f":1.5,"b":null,"m":"x"}\n{"new":"y"}\n'
    )

    frame = read_file(path)

    assert frame.rows() == [(1, 1.0, True, "1", None), (2, 1.5, None, "x", None), (None, None, None, None, "y")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "x.csv is empty"),
        ("x.csv", b" \n \n", "holds only blanks"),
        ("x.csv", b"a,b\n", "has columns but no rows"),
        ("x.csv", b"a,b\n1,2\n3\n", "line 3: 1 fields, and the first line has 2"),
        ("x.csv", b"a,b\n\n1,2,3\n", "line 3: 3 fields, and the first line has 2"),
        ("x.csv", b'a,b\n"1\n2",2\n3,"4",5\n', "line 4: 3 fields"),
        ("x.csv", b'a,b\n"1,2\n', "line 2: unexpected end of data"),
        ("x.csv", b"a,b\nx,\xe9\n", r"byte 6 \(line 2, column b\) is 0xe9"),
        ("x.csv", "a,b\n1,2\n".encode("utf-16"), "iconv -f UTF-16"),
        ("x.csv", b"a,b\n1,\x00\n", "zero bytes"),
        ("x.csv", b"a,b,a\n1,2,3\n", "more than one column is called a"),
        ("x.csv", b"a,,c\n1,2,3\n", "column number 2 has no name"),
        ("x.csv", b"a,^b.*$\n1,2\n", "a column cannot be called"),
        ("x.csv", (",".join(f"c{i}" for i in range(2001)) + "\n").encode(), "2,001 columns"),
        ("x.csv.gz", b"a,b\n1,2\n", "cannot be decompressed"),
        ("x.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "cannot be decompressed"),
        ("x.csv.zst", b"a,b\n1,2\n", "cannot be decompressed"),
        ("x.parquet", b"PAR1 no", "no Parquet file"),
        ("x.xlsx", b"no", "no Excel file"),
        ("x.jsonl", b'{"a":1}\n{"a":\n', "line 2"),
        ("x.jsonl", b'{"a":1}\n[1]\n', "line 2: a list, not an object"),
        ("x.json", b'{"a":1}', "holds a dict"),
        ("x.json", b'[{"a":[1]}]', "column a holds lists"),
        ("x.json", b"[]", "has columns but no rows"),
        ("x.docx", b"x", "of no kind that can be read"),
        ("x.parquet.gz", b"x", "of no kind that can be read"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(tmp_path, name, content, message):
    with pytest.raises(SourceError, match=message) as caught:
        read_file(write(tmp_path / name, content))

    assert name in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_not_there_offers_the_closest_one(tmp_path):
    write(tmp_path / "flights.csv", "a\n1\n")

    with pytest.raises(SourceError, match=r"Did you mean 'flights.csv'"):
        discover(FilesSource(("fligths.csv",)), tmp_path)
    with pytest.raises(SourceError, match="is not there"):
        discover(FilesSource(("data/*.csv",)), tmp_path)
    with pytest.raises(SourceError, match="There is no file"):
        read_file(tmp_path / "none.csv")


def test_files_are_found_once_in_order_with_size_and_digest(tmp_path):
    for name in ("b.csv", "a.csv"):
        write(tmp_path / name, "a\n1\n")

    found = discover(FilesSource(("*.csv", "a.*")), tmp_path)

    assert [file.path for file in found] == ["a.csv", "b.csv"]
    assert found[0].size_bytes == 4
    assert found[0].digest == found[1].digest


def test_files_are_put_one_after_the_other_whatever_the_order_of_their_columns(tmp_path):
    write(tmp_path / "1.csv", "a,b\n1,2\n")
    write(tmp_path / "2.csv", "b,a\n4,3\n")

    assert read(FilesSource(("*.csv",)), tmp_path).rows() == [("1", "2"), ("3", "4")]


def test_a_file_with_other_columns_is_named(tmp_path):
    write(tmp_path / "1.csv", "a,b\n1,2\n")
    write(tmp_path / "2.csv", "a,c\n1,2\n")

    with pytest.raises(SourceError, match=r"2.csv has other columns than 1.csv: it lacks b and has c besides"):
        read(FilesSource(("*.csv",)), tmp_path)


def test_columns_whose_types_differ_from_file_to_file_become_comparable(tmp_path):
    write(tmp_path / "1.jsonl", '{"n":1,"s":1}\n')
    write(tmp_path / "2.jsonl", '{"n":1.5,"s":"x"}\n')

    assert read(FilesSource(("*.jsonl",)), tmp_path).rows() == [(1.0, "1"), (1.5, "x")]


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00\r"), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
def test_any_text_survives_a_csv_file(rows):
    frame = pl.DataFrame(rows, schema=["first", "second", "third"], orient="row")

    names, again = read_delimited("x.csv", frame.write_csv().encode())

    assert names == frame.columns
    assert again.rows() == [tuple(cell or None for cell in row) for row in rows]


CELLS = st.text(st.sampled_from('ab é",;\n\r'), max_size=6)


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12), size=st.integers(1, 40))
def test_a_text_cut_anywhere_gives_the_rows_of_the_whole_text(rows, size):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b", "c"), *rows])
    content = text.getvalue().encode()
    blocks = [content[at : at + size] for at in range(0, len(content), size)]

    parts = list(delimited_parts("x.csv", blocks))

    assert pl.concat(parts).rows() == read_delimited("x.csv", content)[1].rows()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_the_line_of_an_error_is_counted_from_the_begin_of_the_file(newline):
    content = newline.join(["a,b", *["1,2"] * 500, "1,2,3", *["1,2"] * 500]).encode()
    blocks = [content[at : at + 100] for at in range(0, len(content), 100)]

    with pytest.raises(SourceError, match="line 502: 3 fields"):
        list(delimited_parts("x.csv", blocks))


def test_a_byte_of_another_encoding_is_named_by_line_and_column():
    blocks = [b"id,name,town\n1,x,y\n", b"2,M\xc3\xbcller,Z\xfcrich\n3,a,b\n"]

    with pytest.raises(SourceError, match=r"byte 30 \(line 3, column town\) is 0xfc") as raised:
        list(delimited_parts("x.csv", blocks))

    assert (raised.value.details["line"], raised.value.details["column"]) == (3, "town")


@pytest.mark.parametrize("begun", [b"1,2\n3,", b'1,2\n3,"'])
def test_a_line_without_an_end_is_refused_without_being_read_on(begun):
    asked = []

    def blocks():
        yield b"a,b\n" + begun
        for at in range(1000):
            asked.append(at)
            yield b"x" * 4_000_000

    with pytest.raises(SourceError, match=r"x.csv, line 3, column b: the line does not end within 32 MB"):
        list(delimited_parts("x.csv", blocks()))

    assert len(asked) < 12


@pytest.mark.parametrize("ending", ["csv.gz", "jsonl"])
def test_an_endless_line_is_refused_in_packed_text_and_in_json_too(tmp_path, ending):
    line = b'{"a":"' + b"x" * 120_000_000
    path = tmp_path / f"x.{ending}"
    path.write_bytes(gzip.compress(b"a\n" + line, 1) if ending == "csv.gz" else b'{"a":"1"}\n' + line)

    with pytest.raises(SourceError, match=r"line 2.* does not end within 32 MB"):
        read_file(path)


def test_the_first_line_may_be_no_table(tmp_path):
    with pytest.raises(SourceError, match="its first lines are no table"):
        read_file(write(tmp_path / "x.csv", '"' + "x" * 150_000 + '"\n1\n'))


def test_large_parquet_comes_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "ROWS_AT_ONCE", 100)
    frame = pl.DataFrame({"a": range(1_000)})
    frame.write_parquet(tmp_path / "x.parquet", row_group_size=250)

    parts = list(read_parts(tmp_path / "x.parquet"))

    assert len(parts) > 3
    assert pl.concat([part.rows for part in parts]).equals(frame)
    assert parts[-1].read_bytes == (tmp_path / "x.parquet").stat().st_size
