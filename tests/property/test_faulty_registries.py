"""Seeded pushes and copies through faults: each ends right and verified, or refused with its cause.

``SHIPWAY_CHAOS_RUNS`` says how many; ``make chaos-registry`` runs a thousand and prints what became of them.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
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
    Unauthorized,
    Unreachable,
)
from shipway.oci.manifest import OCI_CONFIG, OCI_INDEX, OCI_LAYER_TAR, OCI_MANIFEST, Manifest
from shipway.registry.client import RegistryClient
from shipway.registry.config import RegistryConfig
from shipway.registry.credentials import Credential
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
class Run:
    """One seeded run, and everything that it let out."""

    seed: int
    backends: Backends
    bench: Bench
    stack: AsyncExitStack
    # only who gives up soon meets answers that never come: a busy machine must not look like one
    impatient: bool
    proxies: list[FaultProxy] = field(default_factory=list)

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


async def push(run: Run, dice: Random, image: Image, repository: RawRepository) -> None:
    proxy = await run.proxy(repository.address, dice)
    client = await run.client()
    target = Reference(proxy.address, repository.name)
    for blob in image.blobs:
        await client.put_blob(target, blob)
    for document in image.manifests:
        manifest = Manifest(document["mediaType"], encode(document))
        await client.put_manifest(target.with_digest(manifest.digest), manifest)
    await client.put_manifest(target.with_tag("new"), manifest)


async def copy(run: Run, dice: Random, image: Image, repository: RawRepository) -> None:
    within = dice.random() < 0.3
    backend = repository.address if within else run.backends.one
    origin = RawRepository(backend, f"{repository.name}-source")
    image.push_to(origin, "new")
    target = await run.proxy(repository.address, dice)
    source = target if within else await run.proxy(backend, dice)
    client = await run.client()
    there = await client.copy(
        Reference(source.address, origin.name, "new"), Reference(target.address, repository.name, "new")
    )
    assert there.digest == str(image.digest)


async def play(seed: int, backends: Backends, caplog: pytest.LogCaptureFixture) -> None:
    dice = Random(f"run {seed}")
    action = dice.choice((push, copy))
    repository = RawRepository(backends.two, f"chaos/run-{seed}")
    image, old = some_image(dice, f"new {seed}"), some_image(dice, f"old {seed}")
    if had_old := dice.random() < 0.3:
        old.push_to(repository, "new")
    async with AsyncExitStack() as stack:
        run = Run(seed, backends, Bench(stack), stack, impatient=dice.random() < 0.1)
        outcome = await refused_by(action(run, dice, image, repository))
        for proxy in run.proxies:
            assert proxy.leaks == []
        allowed = tuple(cause for kind in run.kinds for cause in CAUSES[kind])
        allowed += LOST if run.impatient else ()
        INJECTED.update(injected.kind for proxy in run.proxies for injected in proxy.injected)
        TALLY[f"{action.__name__}: {type(outcome).__name__ if outcome else 'right'}"] += 1
        assert outcome is None or isinstance(outcome, allowed), (run.kinds, repr(outcome), outcome.cause)
        assert outcome is None or outcome.cause
        secrets = {ACCOUNT[1], *(secret for proxy in run.proxies for secret in proxy.secrets)} - {ACCOUNT[0]}
        told = f"{run.bench.events} {outcome!r} {outcome} {vars(outcome) if outcome else ''} {caplog.text}"
        assert not [secret for secret in secrets if secret in told]
    expected = [image.digest] if outcome is None else [image.digest, old.digest if had_old else None]
    assert whole_tag(repository) in expected


async def refused_by(work: Any) -> RegistryError | None:
    try:
        await work
    except RegistryError as error:
        return error
    return None


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
    block: int, backends: Backends, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    failed = {}
    for seed in range(block * BLOCK, min((block + 1) * BLOCK, RUNS)):
        try:
            await play(seed, backends, caplog)
        except AssertionError as error:
            failed[seed] = str(error)[:600]
        caplog.clear()
    assert failed == {}


def test_every_fault_has_its_causes() -> None:
    assert set(CAUSES) == set(KINDS)
