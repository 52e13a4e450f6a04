"""A model folder as bytes, for what must carry its model along: pickles and saved pipelines."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nutgraf.classifier import Classifier
from nutgraf.errors import ModelError
from nutgraf.folder import CONFIG_FILE, ONNX_FILE, TOKENIZER_FILE

_FILES = (CONFIG_FILE, ONNX_FILE, TOKENIZER_FILE)


def pack(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """The files of a model folder by their names.

    Raises:
        ModelError: for a folder that lacks one of them.
    """
    try:
        return {name: (Path(folder) / name).read_bytes() for name in _FILES}
    except OSError as error:
        raise ModelError(f"{error.filename}: {error.strerror}") from None


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write what `pack` returned to a folder.

    Raises:
        ModelError: if one of the files is not among them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        if name not in files:
            raise ModelError(f"{name} is missing from the packed model")
        (folder / name).write_bytes(files[name])


def load_packed(files: Mapping[str, bytes]) -> Classifier:
    """The classifier whose folder `pack` read.

    Raises:
        ModelError: as `Classifier.load` does.
    """
    with tempfile.TemporaryDirectory() as folder:
        unpack(files, Path(folder))
        return Classifier.load(folder)
