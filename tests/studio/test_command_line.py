"""The command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from modules.studio.command_line import (
    OTHER_FLAGS,
    PACKAGE_SWITCHES,
    ROOT,
    Flags,
    build_parser,
    flag_name,
    read_flags,
    read_switches,
    rows,
)

A1111_FLAGS = (ROOT / "tests/data/a1111_flags.txt").read_text("utf-8").split()


def test_without_flags_the_defaults_count() -> None:
    flags = read_flags([], {})
    assert flags == Flags()
    assert (flags.data_dir, flags.port, flags.device, flags.attention, flags.offload) == (
        ROOT,
        None,
        "auto",
        "auto",
        "none",
    )


def test_flags_are_read_with_their_types() -> None:
    flags = read_flags(
        ["--listen", "--port", "80", "--data-dir", "/d", "--theme", "dark", "--styles-file", "a", "--styles-file=b*"],
        {},
    )
    assert flags.listen is True
    assert flags.port == 80
    assert flags.data_dir == Path("/d")
    assert flags.theme == "dark"
    assert flags.styles_file == ("a", "b*")


def test_commandline_args_are_read_after_the_command_line() -> None:
    flags = read_flags(["--port", "1", "--medvram"], {"COMMANDLINE_ARGS": '--port 2 --models-dir "/my models"'})
    assert (flags.port, flags.medvram, flags.models_dir) == (2, True, Path("/my models"))


@pytest.mark.parametrize(
    ("words", "attention"),
    [
        (["--xformers"], "xformers"),
        (["--opt-sdp-attention"], "sdpa"),
        (["--opt-split-attention"], "sliced"),
        (["--opt-split-attention", "--xformers"], "xformers"),
    ],
)
def test_attention_flags_name_one_attention(words: list[str], attention: str) -> None:
    assert read_flags(words, {}).attention == attention


@pytest.mark.parametrize(
    ("words", "offload"),
    [(["--medvram"], "medvram"), (["--lowvram"], "lowvram"), (["--medvram", "--lowvram"], "lowvram")],
)
def test_the_thriftier_offload_counts(words: list[str], offload: str) -> None:
    assert read_flags(words, {}).offload == offload


@pytest.mark.parametrize("flag", A1111_FLAGS)
def test_every_flag_of_a1111_is_read_or_named_with_a_reason(flag: str) -> None:
    assert flag in {flag_name(row) for row in rows()} | OTHER_FLAGS.keys()


def test_no_flag_is_both_read_and_passed_over() -> None:
    assert not {flag_name(row) for row in rows()} & OTHER_FLAGS.keys()


def test_a_flag_of_a1111_that_does_nothing_here_is_named_and_the_others_count() -> None:
    flags = read_flags(["--ckpt", "a b.ckpt", "--no-half-vae", "--precision=full", "--port", "7"], {})
    assert flags.port == 7
    assert [warning.partition(" ")[0] for warning in flags.warnings] == ["--ckpt", "--no-half-vae", "--precision"]
    assert "not available yet" in flags.warnings[0]
    assert "not needed here" in flags.warnings[1]


def test_an_unknown_flag_is_named_and_swallows_no_other() -> None:
    flags = read_flags(["--colour", "red", "--medvram", "--shape=round", "--port", "7"], {})
    assert (flags.medvram, flags.port) == (True, 7)
    assert flags.warnings == ("--colour is unknown, ignored", "--shape is unknown, ignored")


def test_a_word_that_is_no_command_is_named() -> None:
    assert "servr" in read_flags(["servr", "--medvram"], {}).warnings[0]


def test_abbreviations_are_not_guessed() -> None:
    flags = read_flags(["--no-hal"], {})
    assert flags.no_half is False
    assert flags.warnings == ("--no-hal is unknown, ignored",)


def test_secrets_are_never_shown() -> None:
    flags = read_flags(["--gradio-auth", "ann:rosebud", "--api-auth", "bob:swordfish"], {})
    assert (flags.gradio_auth, flags.api_auth) == ("ann:rosebud", "bob:swordfish")
    assert "rosebud" not in repr(flags)
    assert "swordfish" not in str(flags)


@pytest.mark.parametrize(
    "words", [["--port", "x"], ["--port", "70000"], ["--device", "tpu"], ["--theme", "pink"], ["--port"]]
)
def test_a_wrong_value_ends_the_program_and_names_the_flag(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        read_flags(words, {})
    assert words[0] in capsys.readouterr().err


def test_loglevels_may_be_written_small() -> None:
    assert read_flags(["--loglevel", "debug"], {}).loglevel == "DEBUG"


def test_help_explains_every_flag() -> None:
    help = " ".join(build_parser().format_help().split())
    assert [row.name for row in rows() if flag_name(row) not in help] == []
    assert all(row.metadata["help"] for row in rows())
    assert "webui.py doctor" in help


def test_every_field_is_a_flag_but_what_is_said_of_others() -> None:
    assert {field.name for field in dataclasses.fields(Flags)} - {row.name for row in rows()} == {"warnings", "unknown"}


def test_a_commands_own_switches_stand_anywhere_among_its_words() -> None:
    words = ["--yes", "packages", "sd-a", "--data-dir", "d", "--leave-out"]
    read = read_switches(words, PACKAGE_SWITCHES)
    assert read == ({"--yes", "--leave-out"}, ["packages", "sd-a"], ["--data-dir", "d"])
