"""PyTorch's pickled weights, read by an interpreter of our own that can build nothing but plain data and tensors.

Python's unpickler calls whatever a file names; scanners that look for known evil miss the unknown. Here every name
outside a short list is refused, and no name is ever imported: the listed ones stand for the few constructors below.
Tensors stay in the file until they are asked for, so that a checkpoint's keys and shapes cost milliseconds.

Source: the opcodes as `pickletools` documents them.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import torch

from modules.diffusion.errors import UnsafePickleError

LARGEST_PICKLE = 64 << 20
"""Bytes that one value in a pickle may claim; the pickle of a large checkpoint is under a megabyte."""


class Storage(NamedTuple):
    """A block of numbers in the file."""

    dtype: torch.dtype
    key: str
    length: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that is still in the file: a strided view into one storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        return self.storage.dtype


class Inert:
    """What an object becomes that training left in a checkpoint and that nobody needs."""


class Name(NamedTuple):
    """A name in the pickle that is on the list, and what it stands for here."""

    path: str
    build: Callable[..., Any]


def _tensor(storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> StoredTensor:
    if not isinstance(storage, Storage) or len(shape) != len(stride):
        raise ValueError("a tensor without a storage")
    if any(type(number) is not int or number < 0 for number in (offset, *shape, *stride)):
        raise ValueError("a tensor with an impossible size")
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if 0 not in shape and last >= storage.length:
        raise ValueError("a tensor larger than its storage")
    return StoredTensor(storage, offset, shape, stride)


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _dictionary(items: Any = (), *_: Any) -> dict[Any, Any]:
    return dict(items)


def _inert(*_: Any) -> Inert:
    return Inert()


DTYPES: dict[str, torch.dtype] = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}

ALLOWED: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _dictionary,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    **dict.fromkeys(DTYPES, _inert),
    **dict.fromkeys(
        (
            "numpy.core.multiarray.scalar",
            "numpy._core.multiarray.scalar",
            "numpy.dtype",
            "_codecs.encode",
            "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
            "pytorch_lightning.callbacks.ModelCheckpoint",
        ),
        _inert,
    ),
}


def interpret(source: IO[bytes], file_name: str) -> Any:
    """The next pickle of a stream as plain data, tensors left in the file; the stream stands behind it then.

    Raises UnsafePickleError naming what is not on the list, ValueError when the pickle is damaged.
    """
    try:
        return _Interpreter(file_name).run(source)
    except (IndexError, KeyError, TypeError, EOFError, OverflowError, RecursionError, UnicodeError) as error:
        raise ValueError(str(error) or type(error).__name__) from None


def tensors_in(value: Any) -> Iterator[StoredTensor]:
    """Every tensor below a value, also through lists and dictionaries that contain themselves."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, StoredTensor):
            yield item
        elif isinstance(item, dict | list | tuple) and id(item) not in seen:
            seen.add(id(item))
            waiting.extend(item.values() if isinstance(item, dict) else item)


class _Interpreter:
    """One pickle: a stack, a memo, and the opcodes that build data."""

    def __init__(self, file_name: str) -> None:
        self.file_name = file_name
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, source: IO[bytes]) -> Any:
        for opcode, argument, _ in pickletools.genops(_Bounded(source)):  # type: ignore[arg-type]
            name = opcode.name
            if name == "STOP":
                return self.stack.pop()
            if name in LITERALS:
                self.stack.append(argument)
            elif name in CONSTANTS:
                self.stack.append(CONSTANTS[name])
            elif name in ("GLOBAL", "STACK_GLOBAL"):
                self.stack.append(self._name(argument))
            elif name in OPCODES:
                OPCODES[name](self, argument)
            elif name not in ("PROTO", "FRAME"):
                raise UnsafePickleError(
                    f"{self.file_name} was refused: its pickle uses the instruction {name}, which weights never need."
                )
        raise ValueError("the pickle has no end")

    def pop_mark(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise ValueError("the pickle calls something that is not a name")
        self.stack.append(function.build(*arguments))

    def build(self, _: Any) -> None:
        """torch adds attributes to its ordered dictionaries (`_metadata`); nobody needs them."""
        self.stack.pop()
        if not isinstance(self.stack[-1], dict | Inert):
            raise ValueError("the pickle sets attributes of something that has none")

    def persistent(self, _: Any) -> None:
        kind, storage_type, key, _device, length, *_rest = self.stack.pop()
        path = storage_type.path if isinstance(storage_type, Name) else ""
        if kind != "storage" or path not in DTYPES or type(length) is not int or length < 0:
            raise ValueError("a storage of an unknown kind")
        self.stack.append(Storage(DTYPES[path], str(key), length))

    def start_dict(self, items: list[Any]) -> None:
        self.stack.append({})
        self.set_items(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise ValueError("the pickle puts items into something that is no dictionary")
        target.update(zip(items[::2], items[1::2], strict=True))

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("the pickle appends to something that is no list")
        target.extend(items)

    def add(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, set):
            raise ValueError("the pickle adds to something that is no set")
        target.update(items)

    def pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError("the pickle's stack is empty")
        items = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return items

    def _name(self, argument: str | None) -> Name:
        module, name = argument.split(" ", 1) if argument is not None else self.pop(2)
        path = f"{module}.{name}".replace("__builtin__.", "builtins.")
        if path not in ALLOWED:
            raise UnsafePickleError(
                f"{self.file_name} was refused: its pickle names {path}, which weights do not need and could run code."
            )
        return Name(path, ALLOWED[path])


def _put(machine: _Interpreter, index: int | None) -> None:
    machine.memo[len(machine.memo) if index is None else int(index)] = machine.stack[-1]


CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}

LITERALS = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
        *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    )
)

OPCODES: dict[str, Callable[[_Interpreter, Any], None]] = {
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "POP": lambda machine, _: machine.pop(1).clear(),
    "POP_MARK": lambda machine, _: machine.pop_mark().clear(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_SET": lambda machine, _: machine.stack.append(set()),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_mark())),
    "TUPLE1": lambda machine, _: machine.stack.append(tuple(machine.pop(1))),
    "TUPLE2": lambda machine, _: machine.stack.append(tuple(machine.pop(2))),
    "TUPLE3": lambda machine, _: machine.stack.append(tuple(machine.pop(3))),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_mark()),
    "DICT": lambda machine, _: machine.start_dict(machine.pop_mark()),
    "FROZENSET": lambda machine, _: machine.stack.append(frozenset(machine.pop_mark())),
    "APPEND": lambda machine, _: machine.append(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.append(machine.pop_mark()),
    "SETITEM": lambda machine, _: machine.set_items(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_mark()),
    "ADDITEMS": lambda machine, _: machine.add(machine.pop_mark()),
    "PUT": _put,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _put,
    "GET": lambda machine, index: machine.stack.append(machine.memo[int(index)]),
    "BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "LONG_BINGET": lambda machine, index: machine.stack.append(machine.memo[index]),
    "REDUCE": _Interpreter.reduce,
    "BUILD": _Interpreter.build,
    "BINPERSID": _Interpreter.persistent,
}


class _Bounded:
    """A stream that refuses to hand out more at once than a pickle of weights could need."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.tell = source.tell

    def read(self, size: int) -> bytes:
        if size > LARGEST_PICKLE:
            raise ValueError("the pickle claims an impossible length")
        return self._source.read(size)

    def readline(self) -> bytes:
        return self._source.readline(LARGEST_PICKLE)
