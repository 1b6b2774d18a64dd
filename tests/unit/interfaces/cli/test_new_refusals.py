"""`kaizen new` on a table that cannot be learned from: one sentence, a hint, exit code 2, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_calls import Kaizen, table

from kaizenml.loop.loading import load_folder


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(text.encode())


def _wide(path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(3000))
    path.write_text("\n".join([f"{header},churned", *("1," * 3000 + str(row % 2) for row in range(60))]))


#: Each table, and a word that the sentence must hold, so that it can only be about this.
TABLES: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing file": (lambda _: None, "There is no file"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "empty file": (_text(""), "is empty"),
    "only blanks": (_text("\n \n"), "is empty"),
    "only a header": (_text("id,churned\n"), "no rows"),
    "ragged": (_text(table() + "1,2\n"), "line 102: 2 fields"),
    "constant target": (_text(table(target=lambda _: 5.5)), "5.5 in every row"),
    "one class": (_text(table(target=lambda _: "yes")), "'yes' in every row"),
    "target with missing values": (_text(table(target=lambda i: "" if i % 7 == 0 else i % 2)), "missing in 15 of 100"),
    "target that is all missing": (_text(table(target=lambda _: "")), "missing in 100 of 100"),
    "ten rows": (_text(table(10)), "10 rows"),
    "three thousand columns": (_wide, "3,001 columns"),
    "not UTF-8": (lambda path: path.write_bytes(table().encode() + "9,1,é,yes\n".encode("latin-1")), "not UTF-8"),
    "zero bytes": (_text(table() + "\0\0\n"), "zero bytes"),
    "a name of our own": (_text(table().replace("amount", "_file")), "cannot be called _file"),
    "two underscores": (_text(table().replace("amount", "__key")), "cannot be called __key"),
    "two columns of one name": (_text("a,a,churned\n" + "1,2,3\n" * 40), "more than one column is called a"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_that_teaches_nothing_is_refused_in_a_sentence(kaizen: Kaizen, tmp_path, case):
    write, word = TABLES[case]
    write(tmp_path / "t.csv")
    before = sorted(tmp_path.iterdir())

    said = kaizen("new", tmp_path / "shop", "--from", tmp_path / "t.csv", "--target", "churned")

    assert said.code == 2
    assert word in said.error
    assert said.error.endswith(".")
    assert said.hint
    assert said.err.count("\n") == 2
    assert said.out == ""
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        (("--target", "churn"), "no column 'churn'", "'churned'"),
        (("--target", "nothing like it"), "no column", "The columns are id, amount, kind, churned"),
        (("--target", "churned", "--id", "ids"), "no id column 'ids'", "'id'"),
        (("--target", "churned", "--time", "kin"), "no time column 'kin'", "'kind'"),
        (("--target", "churned", "--time", "kind"), "cannot be read as times", "2024-12-31"),
        (("--target", "churned", "--id", "kind"), "kind is no id", "duplicate"),
        (("--target", "churned", "--id", "churned"), "different columns", "once"),
    ],
)
def test_a_column_that_cannot_be_what_it_shall_be_is_named(kaizen: Kaizen, tmp_path, words, problem, hint):
    (tmp_path / "t.csv").write_text(table())

    said = kaizen("new", tmp_path / "shop", "--from", tmp_path / "t.csv", *words)

    assert (said.code, problem in said.error, hint in said.hint) == (2, True, True), said.err
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet", "t.json", "t.ndjson", "t.png", "t.csv.gz"])
def test_a_damaged_or_unknown_file_is_told_as_such(kaizen: Kaizen, tmp_path, name):
    (tmp_path / name).write_bytes(b'{"a": 1}\nboom')

    said = kaizen("new", tmp_path / "shop", "--from", tmp_path / name, "--target", "a")

    assert (said.code, name in said.error, bool(said.hint)) == (2, True, True), said.err
    assert not (tmp_path / "shop").exists()


def test_a_folder_that_is_not_empty_stays_as_it_is(kaizen: Kaizen, tmp_path):
    (tmp_path / "t.csv").write_text(table())
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine.txt").write_text("mine")

    said = kaizen("new", tmp_path / "shop", "--from", tmp_path / "t.csv", "--target", "churned")

    assert (said.code, "not empty" in said.error) == (2, True)
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_taken(kaizen: Kaizen, tmp_path):
    (tmp_path / "t.csv").write_text(table())
    (tmp_path / "shop").mkdir()

    assert kaizen("new", tmp_path / "shop", "--from", tmp_path / "t.csv", "--target", "churned").code == 0
    assert (tmp_path / "shop" / "project.py").exists()


def test_an_error_is_one_json_document_where_json_is_asked(kaizen: Kaizen, tmp_path):
    said = kaizen("new", tmp_path / "shop", "--from", tmp_path / "none.csv", "--target", "y", "--json")

    error = json.loads(said.out)["error"]
    assert said.code == 2
    assert set(error) == {"code", "message", "hint", "details"}
    assert (error["code"], error["details"]) == ("source", {"file": str(tmp_path / "none.csv")})
    assert said.err == ""


@pytest.mark.parametrize("name", ['it"s', "a b", "naïve", "{x}", "$money", "rows", "raw", "it's", "back\\slash", "x,y"])
def test_a_column_may_be_called_as_its_owner_likes(kaizen: Kaizen, tmp_path, name):
    quoted = '"' + name.replace('"', '""') + '"'
    (tmp_path / "t.csv").write_text(table().replace("churned", quoted).replace("amount", f'"{name[0]}_2"'), "utf-8")

    said = kaizen("new", tmp_path / "shop", "--from", tmp_path / "t.csv", "--target", name, "--json")

    assert (said.code, json.loads(said.out)["target"]) == (0, name), said.out
    assert load_folder(tmp_path / "shop").project.target == name
