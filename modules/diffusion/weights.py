"""A file of weights opened by its bytes, whatever its name: keys and shapes first, then tensors one by one."""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn, Protocol

import torch
from torch import Tensor

from modules.diffusion.errors import CheckpointError, UnsafePickleError
from modules.diffusion.unpickle import Storage, StoredTensor, interpret, tensors_in

LARGEST_HEADER = 100 << 20
"""Bytes; the limit of the safetensors format."""

WRAPPERS = ("state_dict", "params_ema", "params")
"""The keys under which training keeps the weights: that of checkpoints, then those of upscalers."""

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The first pickle of files that torch.save wrote before version 1.6."""

CUT_SHORT = "it is cut short; was it downloaded to the end?"


class TensorInfo(NamedTuple):
    """What a header tells of a tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]


class Weights(Protocol):
    """An open file of weights."""

    @property
    def path(self) -> Path: ...
    @property
    def tensors(self) -> Mapping[str, TensorInfo]: ...
    @property
    def metadata(self) -> Mapping[str, str]: ...
    def read(self, name: str) -> Tensor:
        """The tensor on the CPU, in the file's number format."""

    def close(self) -> None: ...


@contextmanager
def open_weights(path: Path) -> Iterator[Weights]:
    """Open a safetensors file or what `torch.save` wrote (zip archive or the older stream), told apart by their bytes.

    Raises CheckpointError naming the file when it is missing, cut short or something else, and UnsafePickleError when
    its pickle names anything that weights do not need.
    """
    try:
        with path.open("rb") as file:
            start = file.read(9)
        weights: Weights = SafetensorsFile(path) if start[8:] == b"{" else PickledFile(path)
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be opened: {error.strerror or error}.") from None
    try:
        yield weights
    finally:
        weights.close()


def fail(path: Path, reason: str) -> NoReturn:
    raise CheckpointError(f"{path.name} cannot be used: {reason}") from None


class SafetensorsFile:
    """A safetensors file: eight bytes of length, a JSON header, numbers.

    Read with plain file reads instead of a memory map: a file that shrinks while it is read is an error to report then,
    not a SIGBUS that ends the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        try:
            self.metadata, self._entries = self._read_header()
        except BaseException:
            self.close()
            raise
        self.tensors: Mapping[str, TensorInfo] = {name: entry.info for name, entry in self._entries.items()}

    def close(self) -> None:
        self._file.close()

    def read(self, name: str) -> Tensor:
        info, start, size = self._entries[name]
        buffer = torch.empty(size, dtype=torch.uint8)
        self._file.seek(start)
        try:
            _fill(buffer, self._file)
        except EOFError as error:
            fail(self.path, str(error))
        return buffer.view(info.dtype).reshape(info.shape)

    def _read_header(self) -> tuple[dict[str, str], dict[str, _Entry]]:
        size = self.path.stat().st_size
        (length,) = struct.unpack("<Q", self._file.read(8))
        if length > LARGEST_HEADER:
            fail(self.path, "its header claims an impossible length.")
        if 8 + length > size:
            fail(self.path, CUT_SHORT)
        try:
            header = json.loads(self._file.read(length))
            metadata = header.pop("__metadata__", {})
            entries = {name: _entry(description, 8 + length) for name, description in header.items()}
            end = _end(entries, 8 + length)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            fail(self.path, f"its safetensors header is damaged ({error}).")
        if end > size:
            fail(self.path, f"{CUT_SHORT} It has {size:,} of {end:,} bytes.")
        if end < size:
            fail(self.path, "there are bytes behind its last tensor.")
        texts = metadata.items() if isinstance(metadata, dict) else ()
        return {key: value for key, value in texts if isinstance(value, str)}, entries


class _Entry(NamedTuple):
    info: TensorInfo
    start: int
    size: int


NUMBER_FORMATS: dict[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def _entry(description: dict[str, Any], data_start: int) -> _Entry:
    dtype = NUMBER_FORMATS[description["dtype"]]
    shape = tuple(description["shape"])
    start, end = description["data_offsets"]
    for number in (*shape, start, end):
        if type(number) is not int or number < 0:
            raise ValueError("a size is not a number")
    if end - start != math.prod(shape) * dtype.itemsize:
        raise ValueError("a tensor's length does not fit its shape")
    return _Entry(TensorInfo(dtype, shape), data_start + start, end - start)


def _end(entries: Mapping[str, _Entry], data_start: int) -> int:
    """Where the last tensor ends; tensors lie one behind the other, without gaps or overlaps."""
    position = data_start
    for entry in sorted(entries.values(), key=lambda entry: (entry.start, entry.size)):
        if entry.start != position:
            raise ValueError("tensors overlap or leave gaps")
        position += entry.size
    return position


class PickledFile:
    """A file that `torch.save` wrote; `root` is what was saved, with StoredTensors where there were tensors.

    `tensors` are those of the dictionary that training keeps under one of WRAPPERS, or of the outermost one. Layouts as
    torch writes them: a zip archive since 1.6; a stream of five pickles and raw storages before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metadata: Mapping[str, str] = {}
        self._file = path.open("rb")
        self._archive: zipfile.ZipFile | None = None
        self._folder = ""
        self._offsets: dict[str, int] = {}
        self._last: tuple[Storage, Tensor] | None = None
        try:
            self.root = self._open_archive() if self._file.read(4) == b"PK\x03\x04" else self._open_stream()
        except (ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile) as error:
            self.close()
            fail(path, f"it is neither safetensors nor a whole PyTorch file ({error}).")
        except BaseException:
            self.close()
            raise
        self._stored = _state(self.root)
        self.tensors = {name: TensorInfo(tensor.dtype, tensor.shape) for name, tensor in self._stored.items()}

    def close(self) -> None:
        self._last = None
        self._file.close()

    def read(self, name: str) -> Tensor:
        return self.read_stored(self._stored[name])

    def read_stored(self, tensor: StoredTensor) -> Tensor:
        """A tensor found in `root`; it may share memory with others of the same storage."""
        if self._last is None or self._last[0] != tensor.storage:
            try:
                self._last = (tensor.storage, self._read_storage(tensor.storage))
            except (KeyError, EOFError, ValueError, zipfile.BadZipFile) as error:
                fail(self.path, f"its numbers cannot be read ({error}).")
        return self._last[1].as_strided(tensor.shape, tensor.stride, tensor.offset)

    def _read_storage(self, storage: Storage) -> Tensor:
        buffer = torch.empty(storage.length * storage.dtype.itemsize, dtype=torch.uint8)
        if self._archive is None:
            self._file.seek(self._offsets[storage.key])
            _fill(buffer, self._file)
            return buffer.view(storage.dtype)
        with _open_entry(self._archive, f"{self._folder}data/{storage.key}", len(buffer)) as source:
            _fill(buffer, source)
            if source.read(1):  # reading to the end makes zipfile compare the checksum
                raise ValueError("a storage is longer than its tensors say")
        return buffer.view(storage.dtype)

    def _open_archive(self) -> Any:
        archive = self._archive = zipfile.ZipFile(self._file)
        names = archive.namelist()
        pickles = [name for name in names if name.endswith(".pkl")]
        if any(name.endswith("constants.pkl") or "/code/" in name for name in names):
            raise UnsafePickleError(f"{self.path.name} was refused: it is a TorchScript archive, which holds code.")
        if len(pickles) != 1 or not pickles[0].endswith("data.pkl"):
            raise ValueError("a PyTorch archive holds one pickle, data.pkl")
        self._folder = pickles[0].removesuffix("data.pkl")
        order = f"{self._folder}byteorder"
        if order in names and _open_entry(archive, order).read() != b"little":
            raise ValueError("its numbers are big-endian")
        with _open_entry(archive, pickles[0]) as source:
            root = interpret(source, self.path.name)
            if source.read(1):
                raise ValueError("there is something behind its pickle")
        return root

    def _open_stream(self) -> Any:
        self._file.seek(0)
        if interpret(self._file, self.path.name) != LEGACY_MAGIC:
            raise ValueError("a pickle of something else")
        _version, system, root, keys = [interpret(self._file, self.path.name) for _ in range(4)]
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise ValueError("its numbers are big-endian")
        storages = {tensor.storage.key: tensor.storage for tensor in tensors_in(root)}
        position = self._file.tell()
        for key in keys:
            storage = storages[key]
            self._file.seek(position)
            if self._file.read(8) != struct.pack("<q", storage.length):
                raise ValueError(CUT_SHORT)
            self._offsets[key] = position + 8
            position += 8 + storage.length * storage.dtype.itemsize
        if position > self.path.stat().st_size:
            raise ValueError(CUT_SHORT)
        return root


def _state(root: Any) -> dict[str, StoredTensor]:
    nested = [root.get(name) for name in WRAPPERS] if isinstance(root, dict) else []
    state = next((each for each in nested if isinstance(each, dict)), root)
    items = state.items() if isinstance(state, dict) else ()
    return {name: value for name, value in items if isinstance(name, str) and isinstance(value, StoredTensor)}


def _open_entry(archive: zipfile.ZipFile, name: str, least: int = 0) -> IO[bytes]:
    """An entry of at least so many bytes; torch stores plainly, so anything compressed is a bomb or no weights."""
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size or entry.flag_bits & 1:
        raise ValueError("its archive is compressed or encrypted")
    if entry.file_size < least:
        raise ValueError("a storage is shorter than its tensors")
    return archive.open(entry)


def _fill(buffer: Tensor, source: IO[bytes]) -> None:
    """Read the buffer full, in pieces, since zipfile copies each piece once more."""
    view = memoryview(buffer.numpy())  # type: ignore[arg-type]
    done = 0
    while done < len(view):
        count = source.readinto(view[done : done + (16 << 20)])  # type: ignore[attr-defined]
        if not count:
            raise EOFError(CUT_SHORT)
        done += count
