"""A Kubernetes API for tests: real HTTP over TLS, without a cluster behind it.

``FakeCluster`` (``server``) serves it, ``Api`` makes objects in it or in a real one, ``ScriptedFlux`` plays
the controllers of Flux and the kubelet on either.
"""

from shipway.testing.kubernetes.api import Api
from shipway.testing.kubernetes.flux import Script, ScriptedFlux
from shipway.testing.kubernetes.server import FakeCluster

__all__ = ["Api", "FakeCluster", "Script", "ScriptedFlux"]
