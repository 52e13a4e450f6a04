"""YAML files checked against a typed schema; every error names file, line and key."""

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from nutgraf.errors import NutgrafError


class ConfigError(NutgrafError, ValueError):
    """A setting that cannot be used. The message names file, line and key."""


class Section(BaseModel):
    """A mapping with known keys: an unknown one is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Loader(yaml.SafeLoader):
    """Reads `3e-4` as a number, as YAML 1.2 does; in YAML 1.1 it is a string."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(?:\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def read_yaml(path: str | os.PathLike[str]) -> tuple[dict[str, Any], yaml.Node]:
    """Read a file that holds a mapping.

    Returns:
        The mapping, and the tree of its nodes, in which `line_of` finds keys.

    Raises:
        ConfigError: for a file that is missing, not UTF-8 or not a YAML mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=Loader)
        values = yaml.load(text, Loader=Loader)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError(f"{path}: {reason}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise ConfigError(f"{path}{line}: malformed YAML: {problem}") from None
    if tree is None or not isinstance(values, dict):
        raise ConfigError(f"{path}: expected settings, got {type(values).__name__}")
    return values, tree


def line_of(tree: yaml.Node | None, location: tuple[str | int, ...]) -> str:
    """`:line` of a key or item in the file, or of the innermost part of the tree that holds it."""
    line = ""
    for part in location:
        if isinstance(tree, yaml.MappingNode):
            found = [(k, v) for k, v in tree.value if k.value == str(part)]
            if not found:
                break
            key, tree = found[0]
            line = f":{key.start_mark.line + 1}"
        elif isinstance(tree, yaml.SequenceNode) and str(part).isdigit():
            tree = tree.value[int(part)]
            line = f":{tree.start_mark.line + 1}"
        else:
            break
    return line
