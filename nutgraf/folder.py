"""The model folder: the one place that knows what a saved classifier consists of.

======================  =====================================================================
`nutgraf.json`          labels, windows, ids of special tokens, temperature, format version,
                        checksums of the other two files, a digest of all this
`model.onnx`            the encoder with its token-classification head
`tokenizer.json`        the tokenizer, in the format of the `tokenizers` library
======================  =====================================================================
"""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nutgraf.errors import ModelError
from nutgraf.files import recover
from nutgraf.windows import MIN_TARGET_TOKENS, SpecialTokens, WindowConfig

FORMAT_VERSION = 3
CONFIG_FILE = "nutgraf.json"
ONNX_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
RELEASE = "nutgraf-small"
"""The model that the library loads by default."""


def default_folder() -> Path:
    """Where the released model lies: in an installed package inside it, else in the checkout."""
    package = Path(__file__).parent
    installed = package / "model"
    return installed if installed.is_dir() else package.parent / "models" / RELEASE


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What inference must know beside the weights.

    Attributes:
        labels: in the order of the model's outputs.
        window: how segments are cut to windows.
        special_tokens: what frames a window.
        temperature: what logits are divided by before they become probabilities, so that these
            are calibrated (Guo et al. 2017).
    """

    labels: tuple[str, ...]
    window: WindowConfig
    special_tokens: SpecialTokens
    temperature: float = 1.0


def write_config(folder: Path, config: ModelConfig) -> None:
    """Write `nutgraf.json` into a model folder, last: it has the checksums of the other files."""
    record = {
        "format_version": FORMAT_VERSION,
        **dataclasses.asdict(config),
        "sha256": {name: _sha256(folder / name) for name in (ONNX_FILE, TOKENIZER_FILE)},
    }
    record["digest"] = digest(record)
    (folder / CONFIG_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def digest(record: dict[str, Any]) -> str:
    """SHA-256, in hexadecimal, of the record without its digest as JSON in one canonical form:
    sorted keys, no white space, ASCII only."""
    rest = {key: value for key, value in record.items() if key != "digest"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def read_config(path: str | os.PathLike[str]) -> ModelConfig:
    """Read `nutgraf.json` from a model folder, and check that its other files are those it names
    and lie in the folder.

    Raises:
        ModelError: naming the folder or file that is missing, changed or a link to elsewhere, and
            the field that is wrong.
    """
    folder = Path(path)
    if not folder.is_dir():
        recover(folder)
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder")
    for name in (CONFIG_FILE, ONNX_FILE, TOKENIZER_FILE):
        if not (folder / name).is_file():
            raise ModelError(f"{folder}: not a model folder: {name} is missing")
        target = (folder / name).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise ModelError(
                f"{folder / name}: leads out of the model folder, to {target}: "
                "put a copy there instead"
            )
    file = folder / CONFIG_FILE
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{file}: malformed JSON: {error}") from None
    except RecursionError:
        raise ModelError(f"{file}: malformed JSON: nested too deeply") from None
    if not isinstance(record, dict):
        raise ModelError(f"{file}: expected a JSON object")
    version = record.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{file}: format_version: {version!r}; this nutgraf reads version {FORMAT_VERSION}: "
            "export the model anew"
        )
    if record.get("digest") != digest(record):
        raise ModelError(f"{file}: damaged: its digest is not that of its contents")
    labels = record.get("labels")
    if not isinstance(labels, list) or not labels or not all(isinstance(x, str) for x in labels):
        raise ModelError(f"{file}: labels: expected a list of strings")
    if len(set(labels)) < len(labels):
        raise ModelError(f"{file}: labels: a label occurs twice")
    temperature = record.get("temperature")
    if not isinstance(temperature, int | float) or not 0 < temperature < float("inf"):
        raise ModelError(
            f"{file}: temperature: expected a number greater than 0, got {temperature!r}"
        )
    checksums = record.get("sha256")
    for name in (ONNX_FILE, TOKENIZER_FILE):
        if not isinstance(checksums, dict) or not isinstance(checksums.get(name), str):
            raise ModelError(f"{file}: sha256: expected a checksum of {name}")
        if _sha256(folder / name) != checksums[name]:
            raise ModelError(f"{folder / name}: damaged: its checksum is not the one in {file}")
    window = WindowConfig(**_fields(record, "window", WindowConfig, file))
    if window.context < 0 or window.max_target_tokens() < MIN_TARGET_TOKENS:
        raise ModelError(f"{file}: window: no room for a segment in {window}")
    return ModelConfig(
        labels=tuple(labels),
        window=window,
        special_tokens=SpecialTokens(**_fields(record, "special_tokens", SpecialTokens, file)),
        temperature=float(temperature),
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fields(record: dict[str, Any], name: str, kind: type[Any], file: Path) -> dict[str, Any]:
    """The object `record[name]`, checked to have just the (integer) fields of a dataclass."""
    values = record.get(name)
    if not isinstance(values, dict):
        raise ModelError(f"{file}: {name}: is missing")
    expected = {field.name for field in dataclasses.fields(kind)}
    if wrong := expected ^ values.keys():
        raise ModelError(f"{file}: {name}: missing or unknown field {sorted(wrong)[0]!r}")
    for key, value in values.items():
        if not isinstance(value, int) and not (key == "targets" and value is None):
            raise ModelError(f"{file}: {name}.{key}: expected an integer, got {value!r}")
    return values
