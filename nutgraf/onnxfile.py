"""Is an ONNX model whole in its file? Told without parsing its weights and without `onnx`.

A tensor of an ONNX model may be *external*: the file then gives the path of another file, which
ONNX Runtime reads wherever it lies and of which a model folder has no checksum. Such a model is
refused. This walks the messages of the protobuf in which a tensor can stand and jumps over all
else (encoding: https://protobuf.dev/programming-guides/encoding; fields: onnx.proto of ONNX 1.23).
"""

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from nutgraf.errors import ModelError

_TENSOR: Final = "TensorProto"
_PARTS: Final[Mapping[str, Mapping[int, str]]] = {
    # Message: field number -> message that stands in it, where a tensor can be inside.
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "GraphProto": {1: "NodeProto", 5: _TENSOR, 15: "SparseTensorProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: _TENSOR,
        6: "GraphProto",
        10: _TENSOR,
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {},
}
_EXTERNAL_DATA: Final = 13
"""The field of a TensorProto with the path and the place in the other file."""
_DATA_LOCATION: Final = 14
"""The field of a TensorProto that is not 0 where its data are external."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}


def check_self_contained(file: Path) -> None:
    """Refuse an ONNX model with external data.

    Raises:
        ModelError: naming the file, for such a model or for a file that is no protobuf.
    """
    with file.open("rb") as stream:
        if not file.stat().st_size:
            raise ModelError(f"{file}: is empty")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                external = _has_external_data(data)
            except (IndexError, ValueError):
                raise ModelError(f"{file}: not an ONNX model, or a damaged one") from None
    if external:
        raise ModelError(
            f"{file}: keeps weights in another file (external data): save the model in one file"
        )


def _has_external_data(data: mmap.mmap) -> bool:
    waiting = [("ModelProto", 0, len(data))]
    while waiting:
        message, start, end = waiting.pop()
        for number, value, span in _fields(data, start, end):
            if message == _TENSOR:
                if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0):
                    return True
            elif span is not None and number in _PARTS[message]:
                waiting.append((_PARTS[message][number], *span))
    return False


_Field = tuple[int, int | None, tuple[int, int] | None]


def _fields(data: mmap.mmap, position: int, end: int) -> Iterator[_Field]:
    """The fields of the message in `data[position:end]`: number, value (of an integer), and start
    and end (of a text, bytes or message)."""
    while position < end:
        tag, position = _varint(data, position)
        if tag > 0xFFFFFFFF:
            raise ValueError(
                "a tag of more than 32 bits, of which some readers drop the upper ones"
            )
        number, kind = tag >> 3, tag & 7
        value: int | None = None
        span: tuple[int, int] | None = None
        if kind == _VARINT:
            value, position = _varint(data, position)
        elif kind == _BYTES:
            size, position = _varint(data, position)
            span = (position, position + size)
            position += size
        elif kind in _FIXED_SIZES:
            position += _FIXED_SIZES[kind]
        else:
            raise ValueError("a kind of field that ONNX does not have")
        if position > end:
            raise ValueError("a field goes on after the end of its message")
        yield number, value, span


def _varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    """The integer at a position, 7 bits a byte with the lowest first, and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("an integer of more than 64 bits")
