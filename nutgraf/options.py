"""Options that several commands of the command line have."""

import argparse
import os


def add_model(command: argparse.ArgumentParser) -> None:
    """Add `--model`."""
    command.add_argument(
        "--model",
        metavar="FOLDER",
        default=os.environ.get("NUTGRAF_MODEL"),
        help="a model folder (default: $NUTGRAF_MODEL, else the released model)",
    )


def add_labels(command: argparse.ArgumentParser) -> None:
    """Add `--labels`."""
    command.add_argument(
        "--labels",
        metavar="LABEL,LABEL",
        type=lambda value: value.split(","),
        help="answer with these labels only",
    )
