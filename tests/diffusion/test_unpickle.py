"""Pickles that are read and pickles that are refused: not one of them may run anything."""

from __future__ import annotations

import collections
import contextlib
import io
import json
import os
import pickle
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.diffusion.errors import CheckpointError, UnsafePickleError
from modules.diffusion.weights import PickledFile, open_weights

Write = Callable[[bytes], Path]


class Evil:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """What evil would leave behind. It must not be there after the test."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes bytes as a checkpoint."""

    def to_file(content: bytes) -> Path:
        path = tmp_path / "model.ckpt"
        path.write_bytes(content)
        return path

    return to_file


def weights() -> dict[str, Tensor]:
    """Tensors as they occur: of many formats, views, transposed, empty, scalar, sharing a storage."""
    base = torch.arange(100, dtype=torch.float32)
    return {
        "float": torch.randn(3, 4),
        "half": torch.randn(2, 3).half(),
        "bfloat": torch.randn(2, 3).bfloat16(),
        "long": torch.arange(5),
        "byte": torch.arange(5, dtype=torch.uint8),
        "bool": torch.tensor([True, False]),
        "double": torch.randn(2, dtype=torch.float64),
        "scalar": torch.tensor(7.0),
        "empty": torch.zeros(0, 3),
        "view": base[10:20],
        "transposed": torch.randn(3, 4).t(),
        "parameter": torch.nn.Parameter(torch.randn(3)),
    }


def zipped(pickled: bytes, **more: bytes) -> bytes:
    """A PyTorch archive around a pickle."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", b"little")
        for name, content in more.items():
            file.writestr("archive/" + name.replace("__", "/"), content)
    return archive.getvalue()


def saved(value: Any, **options: Any) -> bytes:
    """What torch.save writes."""
    content = io.BytesIO()
    torch.save(value, content, **options)
    return content.getvalue()


def read_all(path: Path) -> dict[str, Tensor]:
    with open_weights(path) as file:
        return {name: file.read(name) for name in file.tensors}


@pytest.mark.parametrize(
    "options",
    [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 3}, {"pickle_protocol": 4}],
    ids=["zip", "legacy stream", "protocol 3", "protocol 4"],
)
def test_weights_that_torch_saved_are_read_as_torch_reads_them(write: Write, options: dict[str, Any]) -> None:
    state = collections.OrderedDict(weights())
    state._metadata = {"": {"version": 1}}  # type: ignore[attr-defined]
    path = write(saved({"state_dict": state, "epoch": 3, "lr": 1e-4, "done": True, "tags": ["a", None]}, **options))
    expected = torch.load(path, weights_only=False)["state_dict"]
    found = read_all(path)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert all(found[name].dtype == expected[name].dtype for name in expected)


def test_what_training_leaves_beside_the_weights_is_read_as_nothing(write: Write) -> None:
    numpy = pytest.importorskip("numpy")
    path = write(saved({"state_dict": {"a": torch.ones(2)}, "best": numpy.float64(3), "size": torch.Size([1])}.copy()))
    with pytest.raises(UnsafePickleError, match=r"torch\.Size"):
        read_all(path)
    path = write(saved({"state_dict": {"a": torch.ones(2)}, "best": numpy.float64(3)}))
    assert read_all(path)["a"].tolist() == [1, 1]


def test_the_tree_around_the_tensors_can_be_walked(write: Write) -> None:
    path = write(saved({"string_to_param": {"*": torch.ones(2, 3)}, "name": "cat"}))
    with open_weights(path) as file:
        assert isinstance(file, PickledFile)
        assert file.root["name"] == "cat"
        assert file.read_stored(file.root["string_to_param"]["*"]).shape == (2, 3)


def evil_calls() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...], str]]:
    """Function, arguments with MARKER for the path, and the name the refusal must say."""
    import builtins
    import importlib
    import operator
    import pkgutil
    import shutil
    import subprocess

    touch = "touch MARKER"
    return {
        "os.system": (os.system, (touch,), "posix.system"),
        "os.mkdir": (os.mkdir, ("MARKER",), "posix.mkdir"),
        "subprocess": (subprocess.check_output, (["touch", "MARKER"],), ".check_output"),
        "eval": (builtins.eval, ("open('MARKER', 'w')",), "builtins.eval"),
        "exec": (builtins.exec, ("open('MARKER', 'w')",), "builtins.exec"),
        "open": (builtins.open, ("MARKER", "w"), "open"),
        "import": (importlib.import_module, ("antigravity",), "importlib.import_module"),
        "resolve_name": (pkgutil.resolve_name, ("os:system",), "pkgutil.resolve_name"),
        "attrgetter": (operator.attrgetter, ("system",), "operator.attrgetter"),
        "copy": (shutil.copy, ("/etc/hostname", "MARKER"), "shutil.copy"),
        "torch.load": (torch.load, ("MARKER",), "torch.serialization.load"),
        "torch.hub": (torch.hub.load, ("a/b", "c"), "torch.hub.load"),
        "unknown torch name": (torch.set_num_threads, (1,), "torch"),
    }


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", evil_calls())
def test_a_pickle_that_calls_anything_is_refused_by_name(name: str, protocol: int, write: Write, marker: Path) -> None:
    function, arguments, said = evil_calls()[name]
    placed = [json.loads(json.dumps(each).replace("MARKER", str(marker))) for each in arguments]
    bare = pickle.dumps(Evil(function, *placed), protocol=protocol)
    nested = pickle.dumps({"state_dict": {"a": [Evil(function, *placed)]}}, protocol=protocol)
    for content in (bare, nested, zipped(bare), zipped(nested)):
        with pytest.raises(UnsafePickleError, match=r"model\.ckpt was refused.*") as refusal:
            read_all(write(content))
        assert said in str(refusal.value)


@pytest.mark.parametrize("suffix", ["safetensors", "txt", "p", "pt", "bin"])
def test_evil_is_refused_under_any_name(suffix: str, tmp_path: Path, marker: Path) -> None:
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(saved({"a": Evil(os.system, f"touch {marker}")}))
    with pytest.raises(UnsafePickleError, match=r"posix\.system"):
        read_all(path)


def test_evil_in_the_legacy_stream_is_refused_wherever_it_stands(write: Write, marker: Path) -> None:
    evil = pickle.dumps(Evil(os.system, f"touch {marker}"), protocol=2)
    magic, version, system = (pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    root = pickle.dumps({}, 2)
    for stream in (
        evil,
        magic + evil,
        magic + version + evil,
        magic + version + system + evil,
        magic + version + system + root + evil,
    ):
        with pytest.raises(UnsafePickleError, match=r"posix\.system"):
            read_all(write(stream))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x80\x02(S'touch MARKER'\nios\nsystem\n.", "INST"),
        (b"\x80\x02(cos\nsystem\nS'touch MARKER'\no.", "os.system"),
        (b"\x80\x02cos\nsystem\n)\x81.", "os.system"),
        (b"\x80\x02ccollections\nOrderedDict\n)\x81.", "NEWOBJ"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch MARKER\x85R.", "os.system"),
        (b"\x80\x02\x82\x01.", "EXT1"),
        (b"\x80\x02\x83\x01\x00.", "EXT2"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "EXT4"),
        (b"\x80\x02Pkey\n.", "PERSID"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval"),
        (b"\x80\x02c__builtin__\neval\n.", "builtins.eval"),
        (b"\x80\x02cdiffusers.utils.dynamic_modules_utils\nget_class_from_dynamic_module\n.", "get_class_from_dynamic"),
        (b"\x80\x02chuggingface_hub.utils\nrun_subprocess\n.", "huggingface_hub.utils.run_subprocess"),
        (b"\x80\x02cmycustom.evil\nrun\n.", "mycustom.evil.run"),
        (b"\x80\x02cpip\nmain\n.", "pip.main"),
        (b"\x80\x02ctorch.jit\nload\n.", "torch.jit.load"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2.__globals__\n.", "__globals__"),
        (b"\x80\x04\x8c\x0ctorch._utils\x8c\x1c_rebuild_tensor_v2.__class__\x93.", "__class__"),
    ],
)
def test_hand_made_instructions_are_refused_by_name(content: bytes, said: str, write: Write, marker: Path) -> None:
    placed = content.replace(b"MARKER", str(marker).encode())
    for variant in (placed, zipped(placed)):
        with pytest.raises(UnsafePickleError) as refusal:
            read_all(write(variant))
        assert said in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02.",
        b"\x80\x02R.",
        b"\x80\x02)R.",
        b"\x80\x02]K\x01s.",
        b"\x80\x02K\x01K\x02\x86Q.",
        b"\x80\x02ccollections\nOrderedDict\nK\x01R.",
        b"\x80\x02ccollections\nOrderedDict\n}b.",
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
        b"\x80\x02h\x07.",
        b"\x80\x02t.",
        b"\x80\x02]}u.",
        b"\x80\x02",
        b"\x80\x02X\xff\xff\xff\x7fshort",
        b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\x7fshort",
        b"\x80\x02(}]s.",
        b"",
        b"PK\x03\x04 not a zip",
        b"\x00" * 64,
        b"Entry Not Found",
        b"<!DOCTYPE html><html></html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n",
    ],
)
def test_nonsense_is_an_error_that_names_the_file(content: bytes, write: Write) -> None:
    for variant in (content, zipped(content)):
        with pytest.raises(CheckpointError, match=r"^model\.ckpt "):
            read_all(write(variant))


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_torchscript_archive_is_refused(write: Write, tmp_path: Path) -> None:
    class Doubling(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x * 2

    path = tmp_path / "model.ckpt"
    torch.jit.save(torch.jit.trace(Doubling(), torch.ones(1)), str(path))  # type: ignore[no-untyped-call]
    with pytest.raises(UnsafePickleError, match="TorchScript"):
        read_all(path)


def test_a_hidden_second_pickle_is_refused(write: Write, marker: Path) -> None:
    evil = pickle.dumps(Evil(os.system, f"touch {marker}"))
    with pytest.raises(CheckpointError, match="one pickle"):
        read_all(write(zipped(pickle.dumps({}), config__x=b"", **{"config.pkl": evil})))


def test_something_behind_the_pickle_is_refused(write: Write, marker: Path) -> None:
    evil = pickle.dumps(Evil(os.system, f"touch {marker}"))
    with pytest.raises(CheckpointError, match="behind its pickle"):
        read_all(write(zipped(pickle.dumps({}, 2) + evil)))


def test_a_legacy_tar_is_no_weights_file(write: Write, marker: Path) -> None:
    evil = pickle.dumps(Evil(os.system, f"touch {marker}"))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as file:
        for name in ("storages", "tensors", "pickle"):
            info = tarfile.TarInfo(name)
            info.size = len(evil)
            file.addfile(info, io.BytesIO(evil))
    with pytest.raises(CheckpointError, match=r"^model\.ckpt "):
        read_all(write(archive.getvalue()))


def test_a_compressed_archive_is_refused(write: Write) -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved({"a": torch.zeros(100_000)}))) as source,
        zipfile.ZipFile(packed, "w") as file,
    ):
        for entry in source.infolist():
            file.writestr(entry.filename, source.read(entry), compress_type=zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="compressed"):
        read_all(write(packed.getvalue()))


def test_a_wrong_checksum_is_an_error(write: Write) -> None:
    content = saved({"a": torch.full((1000,), 3.0)})
    where = content.index(struct.pack("<f", 3.0) * 1000) + 400
    with pytest.raises(CheckpointError, match="CRC"):
        read_all(write(content[:where] + b"\x01" + content[where + 1 :]))


def test_a_tensor_larger_than_its_storage_is_an_error(write: Write) -> None:
    honest = saved({"a": torch.zeros(8)})
    small = saved({"a": torch.zeros(4)})
    with zipfile.ZipFile(io.BytesIO(honest)) as large_archive, zipfile.ZipFile(io.BytesIO(small)) as small_archive:
        name = next(name for name in large_archive.namelist() if name.endswith("data.pkl"))
        data = next(name for name in small_archive.namelist() if name.endswith("data/0"))
        content = zipped(large_archive.read(name), data__0=small_archive.read(data))
    with pytest.raises(CheckpointError, match="shorter"):
        read_all(write(content))


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
def test_every_way_of_cutting_a_pickled_file_short_is_an_error(write: Write, options: dict[str, Any]) -> None:
    content = saved({"a": torch.randn(500), "b": torch.randn(20, 20)}, **options)
    for length in range(0, len(content), 97):
        with pytest.raises(CheckpointError, match=r"^model\.ckpt "):
            read_all(write(content[:length]))


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}, {"pickle_protocol": 4}])
def test_whatever_happens_to_the_bytes_only_our_errors_come_out(write: Write, options: dict[str, Any]) -> None:
    content = saved({"state_dict": weights(), "epoch": 3}, **options)
    generator = random.Random(1)
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(generator.randint(1, 4)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        with contextlib.suppress(CheckpointError):
            read_all(write(bytes(damaged)))
