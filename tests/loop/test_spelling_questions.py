"""What cleaning is not sure of is asked, once; the answer is in the next plan."""

from pathlib import Path

import pytest
from loop_processes import called

CODE = """
import kaizenml as kz

project = kz.Project("shop", source=kz.files("data/*.csv"), target="late", id="parcel")
project.serve(approval="policy")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "project.py").write_text(CODE)
    towns = ["Bern"] * 150 + ["Berlin"] * 150 + ["Hamburg"] * 147 + ["Hamburh", "Berln", "Hamborh"]
    lines = [f"{number},{town},{number % 17},{'yes' if number % 17 > 8 else 'no'}" for number, town in enumerate(towns)]
    (folder / "data" / "parcels.csv").write_text("\n".join(["parcel,town,weight,late", *lines]) + "\n")
    return folder


def spelling(folder: Path) -> dict[str, str]:
    columns = {each["name"]: each for each in called("clean", "--plan", "--project", folder)["columns"]}
    return {each["wrong"]: each["right"] for each in columns["town"]["spelling"]}


def asked(folder: Path) -> list[dict]:
    """Return the questions that are open, in the order in which they are handed out."""
    found = []
    while (task := called("label", "shop-spelling", "next", "--by", f"p{len(found)}", "--project", folder))["task"]:
        found.append(task["task"])
        if len(found) > 20:
            break
    return found


def test_what_is_sure_is_corrected_and_what_may_be_is_asked(shop: Path):
    called("run", "--project", shop)

    assert spelling(shop) == {"Hamburh": "Hamburg"}
    rows = [task["row"] for task in asked(shop)]
    assert {(row["column"], row["spelling"], row["may be"]) for row in rows} == {
        ("town", "Berln", "Bern"),
        ("town", "Berln", "Berlin"),
        ("town", "Hamborh", "Hamburg"),
    }
    assert {row["its rows"] for row in rows} == {150, 147}


def test_the_answers_are_in_the_next_plan_and_nothing_is_asked_twice(shop: Path):
    called("run", "--project", shop)
    while (found := called("label", "shop-spelling", "next", "--project", shop))["task"]:
        assert found["choices"] == ["same", "different"]
        says = "same" if found["task"]["row"]["may be"] == "Berlin" else "different"
        called("label", "shop-spelling", "give", found["task"]["id"], says, "--project", shop)

    assert spelling(shop) == {"Hamburh": "Hamburg", "Berln": "Berlin"}
    called("run", "--project", shop)
    assert called("label", "shop-spelling", "next", "--project", shop)["task"] is None

    again = called("clean", "--plan", "--project", shop)
    town = next(each for each in again["columns"] if each["name"] == "town")
    assert town["repairs"]["respelled"] == 2


def test_a_correction_that_a_person_denies_is_taken_back(shop: Path):
    from kaizenml.core.labelling import HumanLabel
    from kaizenml.loop.labels import append
    from kaizenml.loop.wiring import open_house, read_settings

    called("run", "--project", shop)
    house = open_house(read_settings(shop))
    row = {"column": "town", "spelling": "Hamburh", "may be": "Hamburg"}
    append(house, "shop-spelling", [HumanLabel("x", "different", "person:ada", house.clock.now(), row)], key="1")

    assert spelling(shop) == {}
