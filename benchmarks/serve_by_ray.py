"""Serve models on Ray Serve, and constants beside them: a script, which serves until its input ends.

``python serve_by_ray.py ASKED`` is told in JSON: ``port``, ``folder`` (empty, with a short path: sockets lie in
it), and ``models``, by the paths at which they are served: of each the ``archive``, and how many ``workers`` it
has. A line is printed when all are there.

Where ``/constant`` is among them, it is also at ``/two``, beside another in one application, and at ``/bare`` and
``/unread`` are deployments that return a constant: the first when it has read what it is asked, as whoever is to
answer that must, the second at once.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from marpack.running.ray import application

CONSTANT = b"a constant"
_STORE = 100_000_000
# Of a core, as Ray gives them out: all replicas are to find a place on two, where one works at a time.
_CPUS = {"num_cpus": 0.1}
_WAITING = 100


class Bare:
    """A deployment that reads what it is asked, and answers with a constant."""

    async def __call__(self, request: Request) -> Response:
        await request.body()
        return Response(CONSTANT)


class Unread:
    """A deployment that does not look at what it is asked."""

    async def __call__(self, _: Request) -> Response:
        return Response(CONSTANT)


def beside_constant(archives: list[str]) -> dict[str, Any]:
    """Return what an archive's constant is held against, by the paths."""
    two = application(*archives, min_workers=1, max_workers=1, ray={"ray_actor_options": _CPUS})
    apps: dict[str, Any] = {"/two": two}
    for constant in (Bare, Unread):
        deployment = serve.deployment(ray_actor_options=_CPUS, max_ongoing_requests=_WAITING)(constant)
        apps[f"/{constant.__name__.lower()}"] = deployment.bind()
    return apps


def main() -> None:
    """Do it, as the first argument says."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    ray.init(
        num_cpus=2,
        object_store_memory=_STORE,
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=asked["folder"],
        _node_ip_address="127.0.0.1",
    )
    serve.start(http_options={"host": "127.0.0.1", "port": asked["port"]})
    apps = {
        path: application(
            model["archive"],
            min_workers=model["workers"],
            max_workers=model["workers"],
            ray={"ray_actor_options": _CPUS},
        )
        for path, model in asked["models"].items()
    }
    if "/constant" in asked["models"]:
        apps |= beside_constant([model["archive"] for model in asked["models"].values()])
    serve.run_many([serve.RunTarget(app, name=path.strip("/"), route_prefix=path) for path, app in apps.items()])
    print("served", flush=True)
    sys.stdin.read()
    serve.shutdown()  # type: ignore[no-untyped-call]
    ray.shutdown()


if __name__ == "__main__":
    main()
