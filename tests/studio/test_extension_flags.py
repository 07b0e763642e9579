"""Flags of extensions: read beside our own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from modules.studio.command_line import read_flags
from modules.studio.extension_flags import preloads_in, read_extension_flags


class Faults:
    """Contains everything and remembers it."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @contextlib.contextmanager
    def guard(self, extension: str, what: str) -> Iterator[None]:
        try:
            yield
        except SystemExit as error:
            self.seen.append(f"{extension} {what} {type(error).__name__}")


def preload(folder: Path, name: str, body: str) -> tuple[str, Path]:
    path = folder / name / "preload.py"
    path.parent.mkdir()
    path.write_text(f"def preload(parser):\n    {body}\n")
    return name, path


def test_an_extensions_flags_are_read_with_their_defaults(tmp_path: Path) -> None:
    one = preload(tmp_path, "one", "parser.add_argument('--wild-dir', type=str, default='here')")
    two = preload(tmp_path, "two", "parser.add_argument('--wild-on', action='store_true')")
    flags = read_flags(["--medvram", "--wild-dir", "there", "--nobody-knows", "x"], {})
    values, told = read_extension_flags([one, two], flags.unknown, Faults().guard)
    assert vars(values) == {"wild_dir": "there", "wild_on": False}
    assert told == ["--nobody-knows is unknown, ignored"]
    assert list(preloads_in([tmp_path, tmp_path / "nowhere"])) != []


def test_a_flag_that_is_ours_stays_ours(tmp_path: Path) -> None:
    one = preload(tmp_path, "one", "parser.add_argument('--lora-dir', default='theirs')")
    two = preload(tmp_path, "two", "parser.add_argument('--lora-dir', '--loras', default=1)")
    values, _ = read_extension_flags([one, two], [], Faults().guard)
    assert vars(values) == {"loras": 1}


def test_a_preload_that_fails_costs_only_itself(tmp_path: Path) -> None:
    bad = preload(tmp_path, "bad", "parser.add_argument('--a'); raise SystemExit(2)")
    good = preload(tmp_path, "good", "parser.add_argument('--b', default=2)")
    faults = Faults()
    values, _ = read_extension_flags([bad, good], [], faults.guard)
    assert values.b == 2
    assert faults.seen == ["bad preload.py SystemExit"]


def test_a_wrong_value_is_told_and_ends_nothing(tmp_path: Path) -> None:
    one = preload(tmp_path, "one", "parser.add_argument('--wild', type=int, default=3)")
    values, told = read_extension_flags([one], ["--wild", "many"], Faults().guard)
    assert values.wild == 3
    assert "invalid int value" in told[0]
