"""Seeded pushes and copies through faults: each ends right and verified, or refused with its cause.

Half of them go through the client, the others through the flow of ``shipway copy``, several images at once,
from registries, image layouts and docker archives.

``SHIPWAY_CHAOS_RUNS`` says how many; ``make chaos-registry`` runs a thousand and prints what became of them.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trustme

from shipway.errors import (
    Denied,
    Mismatch,
    NotFound,
    RateLimited,
    RegistryError,
    ShipwayError,
    Unauthorized,
    Unreachable,
)
from shipway.flows import copy as flow
from shipway.flows.copy import CopyRequest
from shipway.oci.locator import Locator
from shipway.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER_TAR, OCI_MANIFEST, Manifest
from shipway.registry.carrier import ImageCarrier
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import Credential
from shipway.report.copy_report import copy_json, copy_text
from shipway.testing.faults import KINDS, FaultProxy
from shipway.testing.raw import RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.testing.scripted_registry import Bench
from shipway.values import Digest, Reference

RUNS = int(os.environ.get("SHIPWAY_CHAOS_RUNS", "60"))
BLOCK = 10
ACCOUNT = ("robot-canary", "canary:pass/word")
LOST = (Unreachable,)
# what a client may end with after a fault, whatever else it did before
CAUSES: dict[str, tuple[type[RegistryError], ...]] = {
    "reset-before": LOST,
    "reset-middle": LOST,
    "reset-after": LOST,
    "truncate": (Unreachable, Mismatch),
    "slow": (),
    "stall": LOST,
    "429": (RateLimited,),
    "500": LOST,
    "502": LOST,
    "503": LOST,
    "413": (Denied,),
    "corrupt": (Mismatch,),
    # a manifest that arrives changed may be none any more, or name a blob that nobody has
    "corrupt-upload": (Mismatch, Denied, NotFound),
    "wrong-digest": (Mismatch,),
    "lying-range": (Mismatch,),
    "expired": (Unauthorized,),
    "redirect": (),
    "elsewhere": (),
    "plain-location": (),
}
TALLY: Counter[str] = Counter()
INJECTED: Counter[str] = Counter()


@dataclass
class Backends:
    """Two registries that behave, and an authority for the proxies before them."""

    one: str
    two: str
    server: ssl.SSLContext
    authority: Path


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    home = tmp_path_factory.mktemp("chaos")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(home / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "127.0.0.2").configure_cert(context)
    with running_registry() as one, running_registry() as two:
        yield Backends(one.address, two.address, context, home / "ca.pem")
    print(f"\n{sum(TALLY.values())} runs")
    for counts in (TALLY, Counter({"faults injected": INJECTED.total()}), INJECTED):
        print("".join(f"{count:7} {name}\n" for name, count in counts.most_common()))


@dataclass
class Image:
    """Blobs, and manifests with their children before them; the last one is what a tag gets."""

    blobs: list[bytes] = field(default_factory=list)
    manifests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def digest(self) -> Digest:
        return Digest.of(encode(self.manifests[-1]))

    def push_to(self, repository: RawRepository, tag: str) -> None:
        """Push without any fault."""
        for blob in self.blobs:
            repository.push_blob(blob)
        for manifest in self.manifests:
            repository.put_manifest(Digest.of(encode(manifest)), manifest)
        assert repository.put_manifest(tag, self.manifests[-1]).status == 201


def some_image(dice: Random, name: str) -> Image:
    image = Image()
    for number in range(dice.choice((1, 1, 1, 2, 3))):
        config = json.dumps({"name": name, "number": number}).encode()
        sizes = [dice.choice((1, 100, 3000, 700_000)) for _ in range(dice.randrange(1, 4))]
        layers = [dice.randbytes(size) for size in sizes]
        image.blobs += [config, *layers]
        image.manifests.append(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": descriptor(config, OCI_CONFIG),
                "layers": [descriptor(layer, OCI_LAYER_TAR) for layer in layers],
            }
        )
    if len(image.manifests) > 1:
        image.manifests.append(index(*(descriptor(encode(document)) for document in image.manifests)))
    return image


@dataclass
class Load:
    """One image, the repository that it goes to as ``new``, and how that ended.

    ``old`` is what the tag named before; ``about`` a manifest that refers to the image and comes along.
    """

    image: Image
    repository: RawRepository
    old: Image | None = None
    about: dict[str, Any] | None = None
    error: ShipwayError | None = None


@dataclass
class Run:
    """One seeded run, and everything that it let out."""

    seed: int
    home: Path
    backends: Backends
    bench: Bench
    stack: AsyncExitStack
    # only who gives up soon meets answers that never come: a busy machine must not look like one
    impatient: bool
    proxies: list[FaultProxy] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    async def proxy(self, backend: str, dice: Random) -> FaultProxy:
        kinds = [kind for kind in KINDS if kind != "stall" or self.impatient]
        proxy = FaultProxy(
            backend,
            seed=dice.getrandbits(32),
            rate=dice.choice((0.05, 0.15, 0.3, 0.6)),
            # sometimes one fault alone, over and over: that is what must be named
            kinds=[dice.choice(kinds)] if dice.random() < 0.3 else kinds,
            account=ACCOUNT if dice.random() < 0.5 else None,
            tls=self.backends.server if dice.random() < 0.25 else None,
        )
        self.proxies.append(proxy)
        return await self.stack.enter_async_context(proxy)

    async def client(self) -> RegistryClient:
        async def credentials(registry: str, repository: str) -> Credential:
            return Credential(*ACCOUNT, source="the test")

        secure = frozenset(proxy.address for proxy in self.proxies if proxy.tls)
        config = RegistryConfig(
            credentials=credentials,
            secure=secure,
            ca_file=self.backends.authority,
            certificate_directories=(),
            read_timeout=0.5 if self.impatient else 60.0,
            tries=3,
        )
        return await self.bench.client(config)

    @property
    def kinds(self) -> set[str]:
        return {injected.kind for proxy in self.proxies for injected in proxy.injected}


async def push(run: Run, dice: Random, loads: list[Load]) -> None:
    image, repository = loads[0].image, loads[0].repository
    proxy = await run.proxy(repository.address, dice)
    client = await run.client()
    target = Reference(proxy.address, repository.name)
    with refused(loads[0]):
        for blob in image.blobs:
            await client.put_blob(target, blob)
        for document in image.manifests:
            manifest = Manifest(document["mediaType"], encode(document))
            await client.put_manifest(target.with_digest(manifest.digest), manifest)
        await client.put_manifest(target.with_tag("new"), manifest)


async def copy(run: Run, dice: Random, loads: list[Load]) -> None:
    image, repository = loads[0].image, loads[0].repository
    within = dice.random() < 0.3
    backend = repository.address if within else run.backends.one
    origin = RawRepository(backend, f"{repository.name}-source")
    image.push_to(origin, "new")
    target = await run.proxy(repository.address, dice)
    source = target if within else await run.proxy(backend, dice)
    client = await run.client()
    with refused(loads[0]):
        there = await client.copy(
            Reference(source.address, origin.name, "new"), Reference(target.address, repository.name, "new")
        )
        assert there.digest == str(image.digest)


async def carry(run: Run, dice: Random, loads: list[Load]) -> None:
    """``shipway copy`` from one registry to another, or within one."""
    backend = dice.choice((run.backends.one, run.backends.two))
    await carry_from(run, dice, loads, [at_origin(backend, load, dice) for load in loads], backend)


async def carry_layout(run: Run, dice: Random, loads: list[Load]) -> None:
    """``shipway copy`` from image layouts."""
    origins = [at_origin(run.backends.one, load, dice) for load in loads]
    await carry_from(run, dice, loads, await saved(run, origins, "oci:{}"))


async def carry_archive(run: Run, dice: Random, loads: list[Load]) -> None:
    """``shipway copy`` from docker archives, which hold nothing that refers to an image."""
    origins = [at_origin(run.backends.one, load) for load in loads]
    await carry_from(run, dice, loads, await saved(run, origins, "docker-archive:{}.tar"))


def at_origin(backend: str, load: Load, dice: Random | None = None) -> Locator:
    """The image, pushed without any fault; with ``dice`` at times something that refers to it, too."""
    origin = RawRepository(backend, f"origin/{load.repository.name}")
    load.image.push_to(origin, "new")
    if dice is not None and dice.random() < 0.4:
        subject = descriptor(encode(load.image.manifests[-1]), load.image.manifests[-1]["mediaType"])
        load.about = origin.image(b"signature", subject=subject, artifactType="application/x-signature")
        assert origin.put_manifest(Digest.of(encode(load.about)), load.about).status == 201
    return Locator.parse(f"{backend}/{origin.name}:new")


async def saved(run: Run, origins: list[Locator], form: str) -> list[Locator]:
    """The images as files, one for each, written without any fault."""
    run.home.mkdir(exist_ok=True)
    places = [
        Locator.parse(form.format(run.home / origin.place.rpartition("/")[2])).at(f"{origin.place}:new")
        for origin in origins
    ]
    client = await run.bench.client(RegistryConfig())
    async with ImageCarrier(client) as carrier:
        for origin, place in zip(origins, places, strict=True):
            await carrier.copy(origin, place, (), run.told.append)
        await carrier.finish()
    return places


async def carry_from(
    run: Run, dice: Random, loads: list[Load], sources: list[Locator], backend: str | None = None
) -> None:
    """Copy all loads at once through the flow, from registries through a faulty proxy of their own."""
    target = await run.proxy(loads[0].repository.address, dice)
    if backend is not None:
        front = (
            target if backend == target.backend and dice.random() < 0.5 else await run.proxy(backend, dice)
        )
        sources = [replace(each, place=each.place.replace(backend, front.address)) for each in sources]
    prefix = f"{target.address}/{loads[0].repository.name.rpartition('/')[0]}/"
    request = CopyRequest(tuple(sources), prefix, jobs=dice.choice((1, 2, 8)), below=True)
    async with ImageCarrier(await run.client()) as carrier:
        result = await flow.copy(
            request,
            carrier,
            lambda event: run.told.append(repr(event)),
            lambda image, line: run.told.append(f"{image}: {line}"),
        )
    errors = iter(result.errors)
    for load, row in zip(loads, result.rows, strict=True):
        load.error = next(errors) if row.state == "failed" else None
        assert row.state == "failed" or row.digest == str(load.image.digest)
    run.told += [copy_json(result), copy_text(result), repr(result.error())]


Action = Callable[[Run, Random, list[Load]], Awaitable[None]]
# the flow as often as the client
ACTIONS: tuple[Action, ...] = (push, push, copy, copy, carry, carry, carry_layout, carry_archive)


@contextmanager
def refused(load: Load) -> Iterator[None]:
    """Keep why an image was refused."""
    try:
        yield
    except RegistryError as error:
        load.error = error


async def play(seed: int, home: Path, backends: Backends, caplog: pytest.LogCaptureFixture) -> None:
    dice = Random(f"run {seed}")
    action = dice.choice(ACTIONS)
    count = 1 if action in (push, copy) else dice.choice((1, 1, 2, 3))
    loads = [some_load(seed, number, backends, dice) for number in range(count)]
    async with AsyncExitStack() as stack:
        run = Run(seed, home, backends, Bench(stack), stack, impatient=dice.random() < 0.1)
        await action(run, dice, loads)
        for proxy in run.proxies:
            assert proxy.leaks == []
        INJECTED.update(injected.kind for proxy in run.proxies for injected in proxy.injected)
        for load in loads:
            TALLY[f"{action.__name__}: {type(load.error).__name__ if load.error else 'right'}"] += 1
            judge(run, load)
        secrets = {ACCOUNT[1], *(secret for proxy in run.proxies for secret in proxy.secrets)} - {ACCOUNT[0]}
        out = "\n".join([*run.told, str(run.bench.events), *map(told, loads), caplog.text])
        assert not [secret for secret in secrets if secret in out]


def some_load(seed: int, number: int, backends: Backends, dice: Random) -> Load:
    repository = RawRepository(backends.two, f"chaos/run-{seed}/image-{number}")
    image, old = some_image(dice, f"new {seed} {number}"), some_image(dice, f"old {seed} {number}")
    if dice.random() >= 0.3:
        return Load(image, repository)
    old.push_to(repository, "new")
    return Load(image, repository, old)


def judge(run: Run, load: Load) -> None:
    """The right image and all that belongs to it is there, or the right cause told and nothing half there."""
    allowed = tuple(cause for kind in run.kinds for cause in CAUSES[kind])
    allowed += LOST if run.impatient else ()
    assert load.error is None or isinstance(load.error, allowed), (run.kinds, told(load))
    assert load.error is None or load.error.cause
    there = whole_tag(load.repository)
    if load.error is None:
        assert there == load.image.digest
        assert load.about is None or refers(load.repository, load.image.digest, load.about)
    else:
        assert there in (load.image.digest, load.old.digest if load.old else None)


def told(load: Load) -> str:
    return f"{load.error!r} {load.error} {vars(load.error) if load.error else ''}"


def refers(repository: RawRepository, digest: Digest, about: dict[str, Any]) -> bool:
    listed = repository("GET", f"referrers/{digest}").json["manifests"]
    check(repository, about)
    return [entry["digest"] for entry in listed] == [str(Digest.of(encode(about)))]


def whole_tag(repository: RawRepository) -> Digest | None:
    """What the tag shows on the registry itself, with all that it needs checked; None when there is none."""
    answer = repository("GET", "manifests/new")
    if answer.status == 404:
        return None
    assert answer.status == 200
    check(repository, answer.json)
    return Digest.of(answer.body)


def check(repository: RawRepository, document: dict[str, Any]) -> None:
    for part in document.get("manifests", []):
        body = repository("GET", f"manifests/{part['digest']}").body
        assert str(Digest.of(body)) == part["digest"]
        check(repository, json.loads(body))
    if document["mediaType"] != OCI_INDEX:
        for part in (document["config"], *document["layers"]):
            body = repository("GET", f"blobs/{part['digest']}").body
            assert (str(Digest.of(body)), len(body)) == (part["digest"], part["size"])


@pytest.mark.parametrize("block", range(-(-RUNS // BLOCK)))
async def test_faults_end_in_a_right_image_or_in_a_named_cause(
    block: int, backends: Backends, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    failed = {}
    for seed in range(block * BLOCK, min((block + 1) * BLOCK, RUNS)):
        try:
            await play(seed, tmp_path / str(seed), backends, caplog)
        except AssertionError as error:
            failed[seed] = str(error)[:600]
        caplog.clear()
    assert failed == {}


def test_every_fault_has_its_causes() -> None:
    assert set(CAUSES) == set(KINDS)
