"""Typed configuration of a run: a YAML file, then `key=value` overrides in dotted form."""

import copy
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from nutgraf.errors import nearest
from nutgraf.labels import LABELS
from nutgraf.windows import MIN_TARGET_TOKENS, WindowConfig

from .yamlfile import ConfigError, Loader, Section, line_of, read_yaml

__all__ = ["Config", "ConfigError", "load_config", "make_config"]


def _explained(problem: str) -> PydanticCustomError:
    """An error whose message says everything; pydantic's own lack the value that was given."""
    return PydanticCustomError("explained", "{problem}", {"problem": problem})


class Data(Section):
    """The splits: JSONL files, or folders of them."""

    train: str
    validation: str
    max_segments: int | None = Field(default=None, ge=1)
    """Leave out longer articles: whole pages, say, which cost much time and are mostly clutter."""
    labels: list[str] | None = Field(default=None, min_length=2)
    """The labels that the data may have, in the order of the model's outputs; by default the five
    of `nutgraf.LABELS`."""

    @field_validator("labels")
    @classmethod
    def _each_is_a_name(cls, labels: list[str] | None) -> list[str] | None:
        for label in labels or ():
            if not label or label != label.strip() or not label.isprintable():
                raise _explained(f"{label!r} is not one line of text without white space around it")
        if labels and len(set(labels)) < len(labels):
            raise _explained(f"{max(labels, key=labels.count)!r} occurs twice")
        return labels

    def label_set(self) -> tuple[str, ...]:
        """The labels in the order of the model's outputs."""
        return LABELS if self.labels is None else tuple(self.labels)


class Model(Section):
    """The encoder."""

    checkpoint: str
    """A folder, an installed package that carries one, or a name on the Hugging Face hub."""
    attention_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Off by default: drawing its masks makes a step on a CPU several times slower."""
    layers: int | None = Field(default=None, ge=1)
    """Keep only so many of the encoder's layers, the first ones: a faster, weaker model."""
    freeze_embeddings: bool = False
    """Leave the word embeddings as they are: half of a small encoder's weights, and of the
    optimizer's work."""


class Window(Section):
    """How windows are made; see `nutgraf.windows.WindowConfig`."""

    tokens: int = Field(default=256, ge=MIN_TARGET_TOKENS + 2)
    context: int = Field(default=32, ge=0)
    targets: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _room_for_a_target(self) -> Self:
        most = (self.tokens - 2 - MIN_TARGET_TOKENS) // 2
        if self.context > most:
            raise _explained(
                f"context: {self.context} tokens on each side leave no room for a segment in a "
                f"window of {self.tokens}; the largest valid value is {most}"
            )
        return self

    def to_library(self, *, mark_targets: bool) -> WindowConfig:
        """The same settings as the library takes them."""
        return WindowConfig(self.tokens, self.context, self.targets, mark_targets)


Rate = Field(default=0.0, ge=0.0, le=1.0)


class Augment(Section):
    """What scraping does to text, done to copies of the training articles.

    `passes` readings of the training split make one epoch; in each of them an article is damaged
    with probability `share`. The rates of the first five kinds are of articles, those of the
    others of segments.
    """

    passes: int = Field(default=1, ge=1)
    share: float = Rate
    strip_marks: float = Rate
    restyle_marks: float = Rate
    mojibake: float = Rate
    crop: float = Rate
    insert_clutter: float = Rate
    drop_mark: float = Rate
    bullet: float = Rate
    wrap: float = Rate
    merge: float = Rate
    """Of pairs of neighbours with one label."""
    mix: float = Rate
    """Of pairs of neighbours with two labels: the longer one names the merged segment."""
    split: float = Rate


class Train(Section):
    """The optimization."""

    epochs: float = Field(gt=0)
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=5e-5, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """The share of steps over which the learning rate rises."""
    class_weights: Literal["none", "balanced", "sqrt"] = "none"
    evaluations: int = Field(default=5, ge=1)
    """How many times validation is measured over the run."""
    patience: int = Field(default=3, ge=1)
    """Stop after this many evaluations without a better validation macro-F1."""
    tensorboard: bool = False
    resume: bool = False
    """Go on from the last checkpoint of a run with the same settings."""


class Distil(Section):
    """Learning from teachers' probabilities beside the labels; see `training.distil`."""

    teachers: list[str] = Field(default_factory=list)
    """Model folders with the same labels; their probabilities are averaged."""
    answers: str | None = None
    """A file of what teachers answered before (`.npz`): what it holds needs no teacher, and what
    teachers are asked is added to it."""
    weight: float = Field(default=0.5, ge=0.0, le=1.0)
    """How much the teachers count; the labels count for the rest."""
    temperature: float = Field(default=1.0, gt=0.0)
    """What the teachers' logits are divided by, on top of their own calibration: above 1 softens
    their answers."""


class Export(Section):
    """The model folder."""

    int8: bool = True
    """Store and compute with 8-bit weights: a quarter of the size, and faster."""


class Config(Section):
    """Everything that a run needs to know."""

    name: str = Field(pattern=r"^[\w.-]+$")
    seed: int = Field(default=13, ge=0)
    data: Data
    model: Model
    window: Window = Window()
    augment: Augment = Augment()
    train: Train
    distil: Distil = Distil()
    export: Export = Export()
    output: str
    """The model folder to write."""

    @field_validator("augment")
    @classmethod
    def _clutter_is_a_label(cls, augment: Augment, info: ValidationInfo) -> Augment:
        data: Data | None = info.data.get("data")  # none where it is wrong itself
        if augment.insert_clutter and data and "navigation_clutter" not in data.label_set():
            raise _explained(
                f"insert_clutter: {augment.insert_clutter:g}, but navigation_clutter is not one "
                "of data.labels, so that there is none to insert; the only valid value is 0"
            )
        return augment


def load_config(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Config:
    """Read a configuration.

    Args:
        path: the YAML file.
        overrides: `section.key=value`, the value in YAML.

    Raises:
        ConfigError: naming file (or override), line, key and the nearest valid one.
    """
    settings, tree = read_yaml(path)
    return _validate(settings, overrides, lambda key: f"{path}{line_of(tree, key)}: ")


def make_config(settings: Mapping[str, Any], overrides: Sequence[str] = ()) -> Config:
    """Make a configuration from what a file would hold; see `load_config`.

    Raises:
        ConfigError: naming the key, or the override.
    """
    return _validate(copy.deepcopy(dict(settings)), overrides, lambda key: "")


def _validate(
    settings: dict[str, Any],
    overrides: Sequence[str],
    where: Callable[[tuple[str, ...]], str],
) -> Config:
    """Apply the overrides and check everything; `where` tells what stands before a key's name."""
    overridden = {_override(settings, override): override for override in overrides}
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        location = tuple(str(part) for part in first["loc"])
        place = where(location)
        for length in range(1, len(location) + 1):  # an item of a list is overridden with it
            if location[:length] in overridden:
                place = f"override {overridden[location[:length]]!r}: "
        key = ".".join(location)
        raise ConfigError(f"{place}{key}: {_explain(first, location)}") from None


def _override(settings: dict[str, Any], override: str) -> tuple[str, ...]:
    key, separator, value = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"override {override!r}: expected key=value")
    *sections, last = location = tuple(key.split("."))
    for section in sections:
        settings = settings.setdefault(section, {})
        if not isinstance(settings, dict):
            raise ConfigError(f"override {override!r}: {section} is not a section")
    try:
        settings[last] = yaml.load(value, Loader=Loader)
    except yaml.YAMLError:
        raise ConfigError(f"override {override!r}: malformed value") from None
    return location


def _explain(error: ErrorDetails, location: tuple[str, ...]) -> str:
    if error["type"] == "extra_forbidden":
        section: type[BaseModel] = Config
        for part in location[:-1]:
            section = section.model_fields[part].annotation  # type: ignore[assignment]
        return f"unknown key; {nearest(location[-1], section.model_fields)}"
    if error["type"] == "literal_error":
        valid = re.findall("'(.*?)'", error["ctx"]["expected"])
        return f"{error['input']!r} is not valid; {nearest(error['input'], valid)}"
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "explained":
        return error["msg"]
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{message}, got {error['input']!r}"
