"""The engine "ray": units of work in, what became of each out, as a Ray Data job.

Actors hold the model, one per GPU where the cluster has some, and read and write the lake in
place, so that only ids and the names of shards travel. A worker or a machine that is lost is
replaced and its unit done again by Ray; the caller alone commits, and each unit once.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

from georeasoner.errors import ClusterError, ConfigError, GeoReasonerError
from georeasoner.progress import log
from scoring.units import Done, Job, Unit, Worker

_INSTALL = "pip install -c constraints.txt -e '.[ray]'"
_CPUS = 4  # of one actor without a GPU; it decodes and computes in as many threads
_REACH_S = 5.0  # seconds in which the head of a cluster must answer
_STORE_BYTES = 256 << 20  # of a local Ray's object store; only names and ids go through it


@dataclass(frozen=True)
class Pool:
    """The actors that a cluster has room for."""

    workers: int
    cpus: int  # of each
    gpus: int  # of each: 0 or 1

    def run(self, job: Job, units: Sequence[Unit]) -> Iterator[Done]:
        """What became of each unit, in the order in which they end.

        Raises what a worker raised; a mistake that the user can mend as the error that it is.
        """
        import ray.data
        from ray.exceptions import RayError

        if not units:
            return
        actors = min(self.workers, len(units))
        work = ray.data.from_items(
            [{"unit": pickle.dumps(unit)} for unit in units], override_num_blocks=len(units)
        ).map_batches(
            _Actor,
            fn_constructor_args=(job, "cuda:0" if self.gpus else "cpu"),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(
                min_size=1, max_size=actors, initial_size=actors, max_tasks_in_flight_per_actor=1
            ),
            num_cpus=self.cpus,
            num_gpus=self.gpus,
        )  # Ray Data restarts actors that died and repeats their units, however often
        ended: set[int] = set()
        try:
            for batch in work.iter_batches(batch_size=None, prefetch_batches=0):
                for packed in batch["done"]:
                    done = pickle.loads(packed)
                    if isinstance(done, Exception):
                        raise done
                    if done.start not in ended:
                        ended.add(done.start)
                        yield done
        except RayError as error:
            if lacks := re.search(r"No module named '[\w.]+'", str(error)):
                raise ClusterError(
                    f"a worker of the cluster says: {lacks[0]}",
                    "georeasoner, and what adds the scorer, on every machine",
                ) from error
            raise
        if missing := len(units) - len(ended):
            raise ClusterError(
                f"Ray ended without {missing} of {len(units)} units", "", "run again"
            )


class _Actor:
    """What Ray makes of a `Worker`: errors go back as values, so that they keep their one line."""

    def __init__(self, job: Job, device: str) -> None:
        import ray

        here = f"node {ray.util.get_node_ip_address()}"
        self._worker = Worker(replace(job, setup=replace(job.setup, device=device)), here)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"done": [pickle.dumps(self._one(pickle.loads(unit))) for unit in batch["unit"]]}

    def _one(self, unit: Unit) -> Done | Exception:
        try:
            return self._worker.run(unit)
        except (GeoReasonerError, OSError) as error:
            return error


@contextmanager
def joined(address: str | None, device: str | None) -> Iterator[Pool]:
    """Join the cluster at `address` ("auto", HOST:PORT), or start Ray on this machine alone.

    Raises `ConfigError` without Ray, `ClusterError` where no cluster can be joined or used. What
    was started is ended at the end; a cluster that was joined stays.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray.data
    except ImportError as error:
        raise ConfigError(f"--engine ray without Ray ({error})", "", _INSTALL) from error
    if ray.is_initialized():
        raise ClusterError("this process is in a Ray cluster already", "none", "ray.shutdown()")
    terminate = signal.getsignal(signal.SIGTERM)
    with redirect_stdout(sys.stderr):  # what Ray passes on from its workers
        try:
            _connect(address)
            _be_quiet()
            pool = plan([n["Resources"] for n in ray.nodes() if n["Alive"]], device)
            log(f"ray: {_told(pool)} on {sum(n['Alive'] for n in ray.nodes())} node(s)")
            yield pool
        finally:
            ray.shutdown()
            if terminate is not None:
                signal.signal(signal.SIGTERM, terminate)


def plan(nodes: Sequence[dict[str, float]], device: str | None) -> Pool:
    """The actors for nodes with so many "CPU" and "GPU": one per GPU, else one per 4 CPUs.

    `device` is None (GPUs where there are some), "cpu", or "cuda" and "all" (GPUs, or an error).
    """
    if device not in (None, "cpu", "cuda", "all"):
        raise ConfigError(
            f"--device {device} with --engine ray",
            "cpu, or all",
            "which GPU a worker gets is the cluster's business",
        )
    gpus = [(int(n.get("GPU", 0)), int(n.get("CPU", 0))) for n in nodes if n.get("GPU", 0) >= 1]
    if gpus and device != "cpu":
        return Pool(sum(g for g, _ in gpus), min(c // g for g, c in gpus), 1)
    if device in ("cuda", "all"):
        raise ConfigError(f"--device {device}", "a cluster with GPUs", "leave it out, or say cpu")
    cpus = [int(n["CPU"]) for n in nodes if n.get("CPU", 0) >= 1]
    if not cpus:
        raise ClusterError("no node of the cluster has a CPU", "at least one", "ray status")
    each = min(_CPUS, *cpus)
    return Pool(sum(c // each for c in cpus), each, 0)


def _connect(address: str | None) -> None:
    import ray

    if address and address.startswith("ray://"):
        raise ConfigError(
            f"--ray-address {address}: Ray Data runs on a machine of the cluster, not in a client",
            "auto or HOST:PORT",
            "run the command there, by `ray job submit` for one",
        )
    alone = {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
    try:
        host, _, port = (address or "").rpartition(":")
        if host and port.isdecimal():
            # Ray itself tries for a quarter of an hour
            socket.create_connection((host, int(port)), timeout=_REACH_S).close()
        ray.init(
            address=address or "local",
            logging_level="ERROR",
            **({} if address else alone),
        )
    except (OSError, RuntimeError, ValueError, ImportError) as error:
        raise ClusterError(
            f"{f'no Ray cluster at {address}' if address else 'Ray does not start'}:"
            f" {(str(error).splitlines() or [type(error).__name__])[0]}",
            "auto or HOST:PORT of a cluster that this machine is a node of" if address else "",
            "where it asks for a token, set RAY_AUTH_MODE=token" if address else "",
        ) from error


def _be_quiet() -> None:
    """Progress is told by us."""
    import logging

    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _told(pool: Pool) -> str:
    gpu = "1 GPU and " if pool.gpus else ""
    return f"{pool.workers} worker(s) with {gpu}{pool.cpus} CPU(s) each"
