"""The first run: what pip says for people, and real environments made, broken and mended without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker

from modules.studio import installation
from modules.studio.command_line import ROOT
from modules.studio.installation import TO_SERVE, TO_TEST, applies, explain, pins, progress

PYTHON = Path(sys.base_prefix) / "bin" / "python{}.{}".format(*sys.version_info)
"""The Python outside of any environment, as a user starts webui.py with."""
SET_UP = (
    "from modules.studio.installation import *\n"
    "from modules.diffusion.errors import AquatintError\n"
    "import sys, time\n"
    "began = time.perf_counter()\n"
    "try: print(choose_python(TO_SERVE, install=sys.argv[1] == 'install', say=print))\n"
    "except AquatintError as error: sys.exit(str(error))\n"
    "print('took', time.perf_counter() - began)\n"
)


# What pip says


def test_progress_is_a_line_a_package() -> None:
    lines = [
        "Looking in indexes: https://pypi.org/simple",
        "Collecting torch==2.14.1 (from -r requirements.txt (line 6))",
        "  Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (30 kB)",
        "Collecting typing_extensions>=4.10 (from torch==2.14.1->-r requirements.txt (line 6))",
        "Requirement already satisfied: pip in ./lib",
        "Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (888.0 MB)",
        "Using cached typing_extensions-4.16.0-py3-none-any.whl (44 kB)",
        "Installing collected packages: typing-extensions, torch",
        "Successfully installed torch-2.14.1 typing_extensions-4.16.0",
    ]
    assert list(progress(lines)) == [
        "  1 of 2: torch 2.14.1 (888.0 MB)",
        "  2: typing-extensions 4.16.0 (44 kB)",
        "  unpacking 2 packages: a minute or two",
    ]


def test_packages_from_a_folder_are_told_too() -> None:
    line = "Processing /files/torch-2.14.1-cp311-cp311-linux_x86_64.whl (from -r /a/requirements.txt (line 6))"
    assert list(progress(["Collecting torch", line])) == ["  1: torch 2.14.1"]


COMMAND = ["/there/python", "-m", "pip", "install", "-r", "/a folder/requirements.txt"]
FETCHING_TORCH = "Collecting torch==2.14.1\n  Downloading torch-2.14.1-cp311-cp311-linux_x86_64.whl (888.0 MB)\n"
FAILURES = {
    "disk": (
        FETCHING_TORCH + "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n",
        ["torch-2.14.1", "disk is full"],
    ),
    "network": (
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError: Temporary failure in name "
        "resolution'\nERROR: Could not find a version that satisfies the requirement gradio==6.31.0 (from versions: "
        "none)\nERROR: No matching distribution found for gradio==6.31.0\n",
        ["gradio==6.31.0", "could not be reached"],
    ),
    "wrong Python": (
        "ERROR: Ignored the following versions that require a different python version: 0.42.1 Requires-Python "
        ">=3.11\nERROR: Could not find a version that satisfies the requirement diffusers==0.42.1\n"
        "ERROR: No matching distribution found for diffusers==0.42.1\n",
        ["diffusers==0.42.1", "not made for Python {}.{}".format(*sys.version_info)],
    ),
    "no such version": (
        "ERROR: Could not find a version that satisfies the requirement torch==9 (from versions: 2.0)\n"
        "ERROR: No matching distribution found for torch==9\n",
        ["torch==9", "no such version"],
    ),
    "contradiction": (
        "ERROR: Cannot install safetensors==99.9 because these package versions have conflicting dependencies.\n\nThe "
        "conflict is caused by:\n    The user requested safetensors==99.9\n    The user requested (constraint) "
        "safetensors==0.8.0\n\nERROR: ResolutionImpossible: for help visit https://pip.pypa.io/\n",
        ["safetensors==99.9", "contradicts"],
    ),
    "build": (
        "  error: command 'gcc' failed\nERROR: Failed building wheel for brotli\n",
        ["brotli", "could not be built"],
    ),
    "rights": (
        FETCHING_TORCH + "ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'\n",
        ["torch-2.14.1", "could not be written", "'/x'"],
    ),
    "damaged": (
        "Collecting torch==2.14.1\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n",
        ["torch==2.14.1", "not what was published"],
    ),
    "anything else": ("Collecting torch==2.14.1\nERROR: the moon is full\n", ["torch==2.14.1", "the moon is full"]),
}


@pytest.mark.parametrize(("output", "words"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_names_the_package_the_reason_and_the_command_to_go_on(output: str, words: list[str]) -> None:
    told = explain(output, COMMAND)
    assert [word for word in words if word not in told] == []
    assert "/there/python -m pip install -r '/a folder/requirements.txt'" in told


def test_a_failure_without_a_word_is_explained_too() -> None:
    assert "pip said nothing" in explain("", COMMAND)


# What is to be there


@pytest.mark.parametrize(
    "marker",
    [
        'python_version >= "3.11"',
        'python_version < "3.11"',
        'python_version == "3.11"',
        'python_version != "3.9"',
        'sys_platform == "linux" and platform_machine == "x86_64" or sys_platform == "win32"',
        'sys_platform == "win32" and platform_machine == "AMD64"',
        'sys_platform != "darwin"',
    ],
)
def test_markers_mean_what_they_mean_to_pip(marker: str) -> None:
    assert applies(marker) == Marker(marker).evaluate()


def test_a_marker_that_we_do_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="implementation_name"):
        applies('implementation_name == "cpython"')


def test_every_line_of_the_requirements_is_an_exact_version_from_the_index() -> None:
    lines = [line for file in TO_TEST for line in (ROOT / file).read_text("utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "-c"))]
    assert len(wanted) > 15
    assert [line for line in wanted if "==" not in line.partition(";")[0]] == []
    assert [line for line in wanted if "://" in line or "@" in line or line.startswith("-")] == []
    assert len(pins("requirements.txt")) > 10


def test_what_comes_with_the_packages_is_pinned_too() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line.partition(";")[0]}
    wanted = {name for file in TO_TEST[:2] for name in pins(file)}
    assert wanted | {"huggingface-hub", "tokenizers", "h11"} <= pinned


# Real environments


def make_wheel(folder: Path, name: str) -> None:
    """A package that holds nothing, as a wheel."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the part that the first run needs, in a folder with an awkward name; packages come from a folder."""
    root = tmp_path / "a #checkout é"
    for file in ("modules/__init__.py", "modules/diffusion/__init__.py", "modules/diffusion/errors.py"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, root / file)
    (root / "modules/studio").mkdir()
    for file in ("__init__.py", "command_line.py", "installation.py"):
        shutil.copy(ROOT / "modules/studio" / file, root / "modules/studio" / file)
    make_wheel(tmp_path / "wheels", "aquatint_alpha")
    (root / "constraints.txt").write_text("")
    (root / "requirements.txt").write_text("-c constraints.txt\naquatint-alpha==1.0\n")
    return root


def set_up(root: Path, word: str = "install", python: Path = PYTHON) -> subprocess.CompletedProcess[str]:
    """What webui.py does first, in that checkout."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(root.parent / "wheels"), "PIP_CONFIG_FILE": os.devnull}
    alone = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    command = [str(python), "-c", SET_UP, word]
    return subprocess.run(command, cwd=root, env=alone | offline, capture_output=True, text=True, check=False)


def test_a_first_run_installs_and_a_second_is_done_at_once(checkout: Path) -> None:
    first, second = set_up(checkout), set_up(checkout)
    assert first.returncode == 0, first.stderr
    assert "aquatint-alpha 1.0" in first.stdout
    there = installation.python_of(checkout / ".venv")
    assert second.stdout.splitlines()[0] == str(there)
    assert float(second.stdout.split()[-1]) < 0.5
    subprocess.run([str(there), "-c", "import aquatint_alpha"], check=True)


def test_an_installation_that_breaks_half_way_is_explained_and_mended_by_the_next_run(checkout: Path) -> None:
    with (checkout / "requirements.txt").open("a") as file:
        file.write("aquatint-beta==1.0\n")
    broken = set_up(checkout)
    assert broken.returncode == 1
    assert "aquatint-beta==1.0" in broken.stderr
    assert "start webui.py again" in broken.stderr
    assert f"'{installation.python_of(checkout / '.venv')}' -m pip install -r" in broken.stderr
    assert not (checkout / ".venv/installed/requirements.txt").exists()
    make_wheel(checkout.parent / "wheels", "aquatint_beta")
    assert set_up(checkout).returncode == 0


def test_changed_requirements_are_installed_and_skip_install_leaves_them(checkout: Path) -> None:
    assert set_up(checkout).returncode == 0
    make_wheel(checkout.parent / "wheels", "aquatint_gamma")
    (checkout / "requirements.txt").write_text("-c constraints.txt\naquatint-gamma==1.0\n")
    assert "aquatint-gamma" not in set_up(checkout, "skip").stdout
    assert "aquatint-gamma 1.0" in set_up(checkout).stdout


def test_a_half_made_environment_is_made_again(checkout: Path) -> None:
    there = installation.python_of(checkout / ".venv")
    there.parent.mkdir(parents=True)
    there.symlink_to(PYTHON)
    assert set_up(checkout).returncode == 0
    assert (checkout / ".venv/pyvenv.cfg").exists()
    found = subprocess.run([str(PYTHON), "-c", "import aquatint_alpha"], cwd=checkout, capture_output=True, check=False)
    assert found.returncode == 1


def test_another_environment_is_not_touched_but_told_what_it_lacks(checkout: Path) -> None:
    other = checkout.parent / "other"
    subprocess.run([str(PYTHON), "-m", "venv", "--without-pip", str(other)], check=True)
    inside = set_up(checkout, python=installation.python_of(other))
    assert inside.returncode == 1
    assert "lacks aquatint-alpha==1.0" in inside.stderr
    assert "-m pip install -r" in inside.stderr
    assert not (checkout / ".venv").exists()


def test_without_an_environment_skip_install_says_what_is_missing(checkout: Path) -> None:
    said = set_up(checkout, "skip")
    assert said.returncode == 1
    assert "lacks aquatint-alpha==1.0" in said.stderr


def test_a_python_without_ensurepip_is_told_the_package_of_debian(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installation, "VENV", tmp_path / ".venv")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(installation.InstallationError, match=r"apt install python3\.\d+-venv"):
        installation._make_venv(print)


def test_an_environment_of_a_python_that_was_upgraded_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.2.1\n")
    monkeypatch.setattr(installation, "VENV", tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(installation.InstallationError, match="Delete that folder"):
        installation.choose_python(TO_SERVE, install=True, say=print)
