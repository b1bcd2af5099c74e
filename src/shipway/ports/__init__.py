"""The doors between what Shipway decides and the world: small protocols, one per thing outside.

Adapters satisfy them, flows use them, fakes in ``shipway.testing`` stand in for them.
"""

from shipway.ports.builders import Builder, Built
from shipway.ports.cluster import Cluster, Presented, ServedCertificate
from shipway.ports.engines import BuildRequest, Emulation, Engine, EngineInfo, EngineSurvey, EngineTrust
from shipway.ports.events import Clock, Event, Events
from shipway.ports.git import Branch, Branches, Commit, History, Revision, WorkingCopy
from shipway.ports.host import Completed, Host
from shipway.ports.ledger import Delivery, Ledger, RunRecord
from shipway.ports.live import Account, Inspector, Quota, Reached
from shipway.ports.registries import (
    Carrier,
    Catalogued,
    Copied,
    Deleter,
    PushProof,
    Referring,
    Registry,
    Shelves,
)

__all__ = [
    "Account",
    "Branch",
    "Branches",
    "BuildRequest",
    "Builder",
    "Built",
    "Carrier",
    "Catalogued",
    "Clock",
    "Cluster",
    "Commit",
    "Completed",
    "Copied",
    "Deleter",
    "Delivery",
    "Emulation",
    "Engine",
    "EngineInfo",
    "EngineSurvey",
    "EngineTrust",
    "Event",
    "Events",
    "History",
    "Host",
    "Inspector",
    "Ledger",
    "Presented",
    "PushProof",
    "Quota",
    "Reached",
    "Referring",
    "Registry",
    "Revision",
    "RunRecord",
    "ServedCertificate",
    "Shelves",
    "WorkingCopy",
]
