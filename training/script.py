"""What every script does with its errors: one line on standard error and status 2."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Sequence

import datasets
import transformers

from nutgraf.errors import NutgrafError


def quiet() -> None:
    """Keep the libraries from reporting what they do: the scripts say what matters."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning)


def run(main: Callable[[Sequence[str]], None]) -> None:
    """Run a script's `main` on the command line's arguments."""
    quiet()
    try:
        main(sys.argv[1:])
    except NutgrafError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        # A file or folder that cannot be written; what is read is checked where it is read.
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
