"""The words of engines, as they were printed, and what Shipway makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from shipway.engines.failures import build_failure, push_failure
from shipway.engines.storage import cannot_start_containers
from shipway.engines.transcript import Transcript
from shipway.errors import BuildFailed, DiskFull, EngineError
from shipway.ports import BuildRequest
from shipway.values import Platform, Reference

REQUEST = BuildRequest("api", b"", Path("/src/api"), Platform("linux", "arm64"))


@dataclass(frozen=True)
class Sample:
    """Output of ``engine``, the instruction it failed at, and words of the cause and the help."""

    engine: str
    output: str
    instruction: str | None
    cause: str
    help: str | None


BUILDKIT_FAILED = """\
#5 [2/2] {0}
#5 0.178 {1}
#5 ERROR: executor failed running [/bin/sh -c x]: exit code: {2}
------
 > [2/2] {0}:
------
executor failed running [/bin/sh -c x]: exit code: {2}"""

SAMPLES = {
    "exit code, buildah": Sample(
        "buildah",
        "[2/3] STEP 2/2: RUN make\nmake: *** [all] Error 2\nsubprocess exited with status 3\n"
        'Error: building at STEP "RUN make": exit status 3',
        "RUN make",
        'the command ended with exit code 3 (Error: building at STEP "RUN make": exit status 3)',
        None,
    ),
    "exit code, docker": Sample(
        "docker",
        BUILDKIT_FAILED.format("RUN make", "oh no", 3),
        "RUN make",
        "the command ended with exit code 3 (executor failed running [/bin/sh -c x]: exit code: 3)",
        None,
    ),
    "exit code, newer BuildKit": Sample(
        "docker",
        " > [build 2/4] RUN make:\n0.1 oh no\n------\nDockerfile:3\n"
        'ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2',
        "RUN make",
        "the command ended with exit code 2",
        None,
    ),
    "no bridge, docker": Sample(
        "docker",
        "#5 [2/2] RUN make\n#5 ERROR: executor failed running [/bin/sh -c make]: network bridge not found\n"
        "------\n > [2/2] RUN make:\n------\n"
        "executor failed running [/bin/sh -c make]: network bridge not found",
        "RUN make",
        "has no bridge network",
        "--engine buildah",
    ),
    "killed": Sample(
        "docker", BUILDKIT_FAILED.format("RUN cc", "Killed", 137), "RUN cc", "want of memory", "more memory"
    ),
    "architecture, chroot": Sample(
        "buildah",
        'STEP 3/3: RUN ["/armbin"]\nprocess failed to start with error: fork/exec /armbin: exec format error'
        'process exited with error: exec: not started\nError: building at STEP "RUN /armbin": exit status 1',
        'RUN ["/armbin"]',
        "RUN steps for linux/arm64 need emulation",
        "qemu-user-static",
    ),
    "copy source, buildah": Sample(
        "buildah",
        'STEP 2/2: COPY nothere /x\nError: building at STEP "COPY nothere /x": checking on sources under '
        '"/src/api": copier: stat: "/nothere": no such file or directory',
        "COPY nothere /x",
        "the build context /src/api has no /nothere",
        "relative to the build context",
    ),
    "copy source, docker 20": Sample(
        "docker",
        '#6 ERROR: "/nothere" not found: not found\n------\n > [2/2] COPY nothere /x:\n------\n'
        'failed to compute cache key: "/nothere" not found: not found',
        "COPY nothere /x",
        "the build context /src/api has no /nothere",
        "relative to the build context",
    ),
    "copy source, newer BuildKit": Sample(
        "docker",
        " > [2/2] COPY nothere /x:\n------\nERROR: failed to solve: failed to compute cache key: failed to "
        'calculate checksum of ref 4a::b2: "/nothere": not found',
        "COPY nothere /x",
        "the build context /src/api has no /nothere",
        "relative to the build context",
    ),
    "no shell, runc": Sample(
        "buildah",
        "STEP 2/2: RUN echo hi\nerror running container: from /usr/bin/runc creating container for "
        '[/bin/sh -c echo hi]: time="x" level=error msg="runc create failed: unable to start container '
        'process: exec: \\"/bin/sh\\": stat /bin/sh: no such file or directory"\n'
        'Error: building at STEP "RUN echo hi": while running runtime: exit status 1',
        "RUN echo hi",
        "the image has no /bin/sh",
        "JSON form",
    ),
    "no base, buildah": Sample(
        "buildah",
        "STEP 1/1: FROM r.example/x:1\nError: creating build container: initializing source "
        "docker://r.example/x:1: reading manifest 1 in r.example/x: manifest unknown: manifest unknown",
        "FROM r.example/x:1",
        "there is no image r.example/x:1",
        "was pushed",
    ),
    "no base, docker": Sample(
        "docker",
        "#3 [internal] load metadata for r.example/x:1\n#3 ERROR: r.example/x:1: not found\n------\n"
        " > [internal] load metadata for r.example/x:1:\n------\nfailed to solve with frontend "
        "dockerfile.v0: failed to create LLB definition: r.example/x:1: not found",
        None,
        "there is no image r.example/x:1",
        "was pushed",
    ),
    "no credentials": Sample(
        "docker",
        "failed to solve: r.example/x:1: pull access denied, repository does not exist or may require "
        "authorization: server message: insufficient_scope: authorization failed",
        None,
        "wants other credentials",
        "docker login",
    ),
    "rate limit": Sample(
        "podman",
        "Error: creating build container: reading manifest 3 in docker.io/library/alpine: toomanyrequests: "
        "You have reached your unauthenticated pull rate limit",
        None,
        "limits how often",
        "podman login",
    ),
    "certificate": Sample(
        "buildah",
        'Error: creating build container: pinging container registry r.example: Get "https://r.example/v2/": '
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        None,
        "certificate signed by unknown authority",
        "CA certificate",
    ),
    "name resolution": Sample(
        "buildah",
        "Error: creating build container: initializing source docker://no.such.host.invalid/x:1: pinging "
        'container registry no.such.host.invalid: Get "https://no.such.host.invalid/v2/": dial tcp: lookup '
        "no.such.host.invalid on 10.0.0.53:53: no such host",
        None,
        "the network did not carry",
        "proxy",
    ),
    "target": Sample(
        "docker",
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: target stage zz could "
        "not be found",
        None,
        "no stage zz",
        "AS names",
    ),
    "instruction": Sample(
        "docker",
        "failed to create LLB definition: dockerfile parse error line 2: unknown instruction: COPYY",
        None,
        "COPYY is no Dockerfile instruction",
        "spelling",
    ),
}


def transcript_of(output: str) -> Transcript:
    transcript = Transcript(lambda _: None, ())
    for line in output.splitlines():
        transcript(line)
    return transcript


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_what_an_engine_said_becomes_cause_and_next_step(sample: Sample) -> None:
    error = build_failure(sample.engine, REQUEST, transcript_of(sample.output))
    assert isinstance(error, BuildFailed)
    at = f" at {sample.instruction}" if sample.instruction else ""
    assert error.message == f"{sample.engine} could not build api for linux/arm64: it failed{at}"
    assert error.cause is not None and sample.cause in error.cause
    assert (error.help is None) == (sample.help is None)
    assert sample.help is None or (error.help is not None and sample.help in error.help)


def test_words_that_nobody_knows_are_shown_as_they_are() -> None:
    error = build_failure("docker", REQUEST, transcript_of("\n".join(f"line {n}" for n in range(9)) + "\n\n"))
    assert error.cause == "the engine's last lines were:\n" + "\n".join(f"line {n}" for n in range(3, 9))
    assert error.help is None


def test_an_engine_that_says_nothing_is_no_trap() -> None:
    assert transcript_of("").error == "it printed nothing"
    assert build_failure("docker", REQUEST, transcript_of("")).exit_code == 3


@pytest.mark.parametrize(
    ("engine", "prune"),
    [("buildah", "buildah prune"), ("docker", "docker builder prune"), ("podman", "podman")],
)
def test_a_full_disk_is_its_own_error(engine: str, prune: str) -> None:
    output = (
        "STEP 2/3: COPY busybox /a\n"
        'level=error msg="While applying layer: ApplyLayer stdout: write /a: no space left on device"\n'
        "Error: committing container for step: writing blob: no space left on device exit status 1"
    )
    error = build_failure(engine, REQUEST, transcript_of(output))
    assert isinstance(error, DiskFull)
    assert error.help is not None and prune in error.help
    pushed = push_failure(engine, Reference.parse("127.0.0.1:1/a:b"), transcript_of(output))
    assert isinstance(pushed, DiskFull)


def test_a_push_that_failed_shows_the_last_word() -> None:
    error = push_failure(
        "buildah",
        Reference.parse("127.0.0.1:1/a:b"),
        transcript_of("Getting image source signatures\nError: writing blob: connection reset"),
    )
    assert isinstance(error, EngineError)
    assert error.message == (
        "buildah could not push to 127.0.0.1:1/a:b: Error: writing blob: connection reset"
    )


CRUN = (
    "error running container: from /usr/bin/crun creating container for [/bin/busybox sh]: cgroups in hybrid "
    "mode not supported, drop all controllers from cgroupv2\n: exit status 1\n"
)


def test_a_runtime_that_starts_no_container_is_told_from_a_program_that_is_missing() -> None:
    assert cannot_start_containers(CRUN)
    assert not cannot_start_containers(SAMPLES["no shell, runc"].output)
    assert not cannot_start_containers(SAMPLES["exit code, buildah"].output)


def test_secrets_are_masked_wherever_they_stand() -> None:
    seen: list[str] = []
    transcript = Transcript(seen.append, ("hush", "", "hush-hush"))
    transcript("a hush-hush b hush c")
    assert seen == ["a *** b *** c"]
    assert transcript.text == "a *** b *** c"


def test_only_the_end_of_a_long_build_is_kept() -> None:
    transcript = transcript_of("\n".join(str(number) for number in range(1000)))
    assert transcript.text.splitlines()[0] == "800"


TRANSIENT = {
    "name server, buildah": "Error: creating build container: initializing source docker://alpine:3: pinging"
    ' container registry registry-1.docker.io: Get "https://registry-1.docker.io/v2/": dial tcp: lookup'
    " registry-1.docker.io: Temporary failure in name resolution",
    "time-out, BuildKit": "ERROR: failed to solve: alpine:3: failed to resolve source metadata for"
    ' docker.io/library/alpine:3: failed to do request: Head "https://registry-1.docker.io/v2/library/alpine/'
    'manifests/3": dial tcp 1.2.3.4:443: i/o timeout',
    "registry fails, buildah": "Error: creating build container: initializing source docker://r.example/base:1:"
    " reading manifest 1 in r.example/base: received unexpected HTTP status: 502 Bad Gateway",
    "daemon gone before": "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker"
    " daemon running?",
    "daemon gone meanwhile": "ERROR: failed to receive status: rpc error: code = Unavailable desc = error"
    " reading from server: EOF",
    "storage lock": 'Error: creating container: locking layer store: open "layers.lock": resource temporarily'
    " unavailable",
}
LASTING = {
    "a command that met a network": "curl: (7) connection refused\n"
    'Error: building at STEP "RUN curl http://localhost": exit status 7',
    "a command of BuildKit": "0.1 dial tcp: i/o timeout\n"
    'ERROR: failed to solve: process "/bin/sh -c x" did not complete successfully: exit code: 1',
    "no such image": "Error: creating build container: initializing source docker://alpine:99: reading"
    " manifest 99 in docker.io/library/alpine: manifest unknown",
    "no credentials": "ERROR: failed to solve: r.example/a: pull access denied, insufficient_scope",
    "certificate": "Error: pinging container registry r.example: x509: certificate signed by unknown"
    " authority",
}


@pytest.mark.parametrize(
    ("output", "transient"),
    [*((text, True) for text in TRANSIENT.values()), *((text, False) for text in LASTING.values())],
    ids=[*TRANSIENT, *LASTING],
)
def test_which_failures_pass_by_themselves(output: str, transient: bool) -> None:
    transcript = Transcript(lambda line: None, ())
    for line in output.splitlines():
        transcript(line)
    built = build_failure("docker", REQUEST, transcript)
    pushed = push_failure("docker", Reference.parse("127.0.0.1:5000/api:1"), transcript)
    assert isinstance(built, EngineError) and isinstance(pushed, EngineError)
    assert (built.transient, pushed.transient) == (transient, transient)
