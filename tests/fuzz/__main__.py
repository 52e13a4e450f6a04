"""Look for bytes that break a target, guided by coverage: python -m tests.fuzz TARGET.

Starts from `tests/fuzz/corpus/TARGET` and keeps what reached new code in `runs/fuzz/TARGET`. The
first finding ends the run with a traceback and a status other than 0, and leaves its input there;
`python -m tests.fuzz TARGET FILE` runs it once more. Once mended, it belongs into the corpus, which
`tests/test_fuzz_corpus.py` runs without the fuzzer. Needs `pip install 'nutgraf[fuzz]'`.
"""

import argparse
import sys
import time
from pathlib import Path

SECONDS_PER_INPUT = 2.0
"""An input for which a target takes more time of the processor is a finding."""

MAX_BYTES = 65_536

_WORK = Path("runs/fuzz")


def main() -> None:
    """Parse the arguments and hand over to the fuzzer, which ends the process."""
    try:
        import atheris
    except ImportError:
        sys.exit("error: atheris is missing: pip install 'nutgraf[fuzz]'")
    with atheris.instrument_imports(include=["nutgraf"]):
        from tests.fuzz.targets import CORPUS, TARGETS

    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("files", nargs="*", metavar="FILE", help="run these inputs, and end")
    parser.add_argument("--seconds", type=int, default=60, help="how long to search")
    options = parser.parse_args()
    target, found, seeds = TARGETS[options.target], _WORK / options.target, CORPUS / options.target
    found.mkdir(parents=True, exist_ok=True)

    def run(raw: bytes) -> None:
        start = time.process_time()
        target(raw)
        spent = time.process_time() - start
        if spent > SECONDS_PER_INPUT:
            raise TimeoutError(f"{spent:.1f} s of processor time for {len(raw):,} bytes")

    arguments = [
        f"-max_len={MAX_BYTES}",
        "-len_control=10",  # long inputs early: it is they that take long
        "-timeout=300",  # by the clock, for what never ends
        f"-dict={CORPUS.parent / options.target}.dict",
        f"-artifact_prefix={_WORK}/{options.target}-",
    ]
    if options.files:
        arguments += options.files
    else:
        arguments += [f"-max_total_time={options.seconds}", str(found), str(seeds)]
    atheris.Setup([sys.argv[0], *arguments], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
