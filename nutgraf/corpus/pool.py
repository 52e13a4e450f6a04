"""The worker processes: Ray, started for the time of a run, with a pool of actors."""

import dataclasses
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nutgraf.classifier import usable_cores
from nutgraf.corpus.places import one_line
from nutgraf.corpus.shards import Shard
from nutgraf.corpus.worker import Job, Worker
from nutgraf.errors import NutgrafError

_OBJECT_STORE_BYTES = 128 * 2**20
"""Only what shards are and what they came to goes through Ray, which would claim a third of the
memory for it."""

_CONTEXT = {
    "enable_progress_bars": False,
    "print_on_execution_start": False,
    # A shard may take as long as it takes.
    "execution_no_progress_timeout_s": -1,
}


@contextmanager
def running_ray(workers: int | None, address: str | None) -> Iterator[int]:
    """Start Ray, or connect to one, and yield how many cores it has for us.

    It is quiet and keeps to itself: it sends no statistics and does not pack up the folder that
    the program runs in (which it would for `uv run`). One that runs already is used as it is.

    Raises:
        NutgrafError: if it cannot be reached.
    """
    for name, value in {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_BACKEND_LOG_LEVEL": "fatal",
    }.items():
        os.environ.setdefault(name, value)
    import ray
    import ray.data

    def cores() -> int:
        return int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call]

    if ray.is_initialized():
        yield cores()
        return
    local = {
        "num_cpus": workers,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
    }
    logger = logging.getLogger("ray.data")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # its errors are raised, too
    try:
        _connect(address or "local", {} if address else local)
        # Ray counts the cores that a container may use, the other those that this process may.
        yield cores() if address else min(cores(), usable_cores())
    finally:
        ray.shutdown()
        logger.setLevel(level)


def _connect(address: str, options: dict[str, Any]) -> None:
    import ray

    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise NutgrafError(f"Ray at {address}: {one_line(error)}") from error


def label_shards(job: Job, shards: Sequence[Shard], workers: int) -> Iterator[dict[str, Any]]:
    """Yield what the workers say of each shard, in the order in which they finish.

    Actors that die are started anew and their shards tried again, by Ray Data's defaults.

    Raises:
        NutgrafError: if a worker fails in a way that no shard explains.
    """
    import ray.data

    # A block a shard, so that a shard counts as done when it is.
    dataset = ray.data.from_items(
        [dataclasses.asdict(shard) for shard in shards], override_num_blocks=len(shards)
    )
    for name, value in _CONTEXT.items():
        setattr(dataset.context, name, value)
    results = dataset.map(
        Worker,  # type: ignore[arg-type] # as its documentation says: a class for actors
        fn_constructor_kwargs={"job": job},
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(shards))),
        num_cpus=1,
    )
    try:
        yield from results.iter_rows()
    except ray.exceptions.RayError as error:
        last = str(error).strip().splitlines()[-1]
        raise NutgrafError(f"a worker failed: {last}") from error
