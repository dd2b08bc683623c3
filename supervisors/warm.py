"""Worker processes kept ready, so that a dead actor is back in a tenth of a second.

Theory of operation. A cold Ray worker starts Python, imports Ray and then the actor's own modules:
about 0.6 s on an idle machine, seconds on a busy one. Three settings of Ray make it short:

- `preload_python_modules`: a worker imports our heavy modules before it waits for work.
- The raylet's own call `PrestartWorkers`: processes that wait for work, which any actor may then
  become, under its own name and class. We ask for a few spares, and for a new one whenever one was
  used. It is not part of Ray's public interface; where it fails, starts are cold, nothing more.
- `worker_niceness`: Ray runs workers at nice 15. Whatever else runs on the host then takes the
  processor from them, and both messages and restarts take many times as long. We run them at 0.
"""

import asyncio
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import ray
from loguru import logger
from ray.exceptions import RayError

from actors.names import NAMESPACE
from supervisors.environment import prepare_environment

PRELOAD: Final = ("numpy", "numba", "pydantic", "messages")
_BEGIN: Final = "supervisors.imports_begin"
_END: Final = "supervisors.imports_end"
SPARES: Final = 4  # a whole team of three, and one more
_KEEP_ALIVE_S: Final = 24 * 3600
_CALL_S: Final = 5.0
_REFILL_S: Final = 0.2  # after a restart: the newcomer gets the processor first


def ray_init_options(
    *,
    preload: Sequence[str] = PRELOAD,
    token: Path | None = None,
    dashboard: bool = False,
    cpus: int | None = None,
) -> dict[str, Any]:
    """Keyword arguments for `ray.init` of a run on this machine, with fast restarts.

    preload  modules that every worker imports before it is given work; a missing one is only
             logged by the worker
    token    see `prepare_environment`, which this calls
    """
    prepare_environment(token)
    return {
        "address": "local",
        "namespace": NAMESPACE,
        "include_dashboard": dashboard,
        "log_to_driver": False,
        "configure_logging": False,
        "num_cpus": cpus,
        "_system_config": system_config(preload),
    }


def system_config(preload: Sequence[str] = PRELOAD) -> dict[str, Any]:
    """What `ray start --head --system-config=JSON` needs on a cluster, for the same restarts."""
    return {
        "preload_python_modules": [_BEGIN, *preload, _END],
        "worker_niceness": 0,
        # A request for workers beyond this number of starts in progress is dropped in silence.
        "worker_maximum_startup_concurrency": 32,
        # A node that is gone is noticed after three seconds, not fifteen.
        "health_check_initial_delay_ms": 1000,
        "health_check_period_ms": 1000,
        "health_check_failure_threshold": 3,
    }


def quiet_driver() -> None:
    """Keep Ray's notices about dead workers off this process's standard output.

    Ray prints them whatever `log_to_driver` says, in the middle of a `--json` answer. Supervision
    reports every death itself.
    """
    worker: Any = import_module("ray._private.worker")
    worker._worker_logs_enabled = False


class WarmPool:
    """Spare workers on every node: how many there should be, and asking for more."""

    def __init__(self, spares: int) -> None:
        self._spares = spares
        self._ready: dict[str, int] = {}  # by node id, as far as we know
        self._refill: asyncio.Task[None] | None = None

    async def fill(self) -> None:
        """Ask every living node for its missing spares."""
        if self._spares == 0:
            return
        try:
            nodes = await asyncio.to_thread(ray.nodes)
            for node in nodes:
                if node["Alive"]:
                    await self._fill_node(node)
        except (RayError, OSError) as e:
            logger.warning("no spare workers, restarts will be slower: {}", e)

    def assume_filled(self, node_ids: Iterable[str]) -> None:
        """These nodes were filled by an earlier incarnation; spares belong to raylets."""
        self._ready.update(dict.fromkeys(node_ids, self._spares))

    def used(self, node_id: str) -> None:
        """An actor has started on this node, from a spare if there was one; never waits."""
        self._ready[node_id] = max(self._ready.get(node_id, 0) - 1, 0)
        if self._refill is None or self._refill.done():
            self._refill = asyncio.create_task(self._later())

    async def _later(self) -> None:
        await asyncio.sleep(_REFILL_S)
        await self.fill()

    async def _fill_node(self, node: dict[str, Any]) -> None:
        missing = self._spares - self._ready.get(node["NodeID"], 0)
        if missing <= 0:
            return
        address = f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"
        mine = ray.get_runtime_context().get_runtime_env_string()
        if await prestart(address, missing, mine):
            self._ready[node["NodeID"]] = self._spares


async def prestart(address: str, count: int, runtime_env: str = "{}") -> bool:
    """Ask the raylet at `address` to start workers ahead of need; False if it would not.

    runtime_env  as Ray writes it: a spare serves only actors of the same one
    """
    try:
        # By name and here: Ray may move its internals, and then only this function stops working.
        grpc = import_module("grpc")
        utils = import_module("ray._private.grpc_utils")
        common = import_module("ray.core.generated.common_pb2")
        messages = import_module("ray.core.generated.node_manager_pb2")
        services = import_module("ray.core.generated.node_manager_pb2_grpc")
    except ImportError as e:
        logger.warning("this Ray cannot start spare workers, restarts will be slower: {}", e)
        return False
    request = messages.PrestartWorkersRequest(
        language=common.Language.PYTHON,
        num_workers=count,
        keep_alive_duration_secs=_KEEP_ALIVE_S,
    )
    request.runtime_env_info.serialized_runtime_env = runtime_env
    channel = utils.init_grpc_channel(address, asynchronous=True)
    try:
        stub = services.NodeManagerServiceStub(channel)
        await stub.PrestartWorkers(request, timeout=_CALL_S)
    except (grpc.RpcError, ValueError, AttributeError) as e:
        logger.warning("raylet {} starts no spare workers, restarts will be slower: {}", address, e)
        return False
    finally:
        await channel.close()
    return True
