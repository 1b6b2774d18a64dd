"""The machine that is recorded with a run."""

from kaizenml.core.difference import environment_facts
from kaizenml.core.run import Environment
from kaizenml.loop.rerunning import environment_difference
from kaizenml.packaging.environment import _gpus, _processor, captured


def test_the_processor_is_named_as_the_system_does(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Some  CPU @ 2.0GHz\n\nprocessor\t: 1\n")

    assert _processor(tmp_path / "cpuinfo") == "Some CPU @ 2.0GHz"
    assert isinstance(_processor(tmp_path / "none"), str)


def test_each_graphics_card_is_named(tmp_path):
    for card in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / card).mkdir()
        (tmp_path / card / "information").write_text("Model: \t\t NVIDIA A100\nIRQ: 3\n")

    assert _gpus(tmp_path) == ("NVIDIA A100", "NVIDIA A100")
    assert _gpus(tmp_path / "none") == ()


def test_another_machine_is_shown_and_does_not_forbid_to_execute_a_run_again():
    here = captured()
    there = Environment(here.python, here.platform, here.packages, 64, 2**40, "Other", ("Card",))

    assert environment_facts(there)["gpus"] == "Card"
    assert environment_difference(there, here) == {}
    assert environment_difference(here, there) == {}
