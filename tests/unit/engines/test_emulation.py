"""Whether a kernel runs programs of other processors: what it tells, and what it does."""

from __future__ import annotations

import platform as machine
import struct
from pathlib import Path

import pytest

from shipway.engines.emulation import EngineEmulation, kernel_lacks, smallest_program
from shipway.errors import EngineMissing
from shipway.host import SystemHost
from shipway.ports import Completed, Engine, EngineInfo, EngineSurvey
from shipway.testing.engine import ScriptedEngine
from shipway.values import Platform

BINFMT = "/proc/sys/fs/binfmt_misc"
ARM64 = Platform("linux", "arm64")


class Kernel(SystemHost):
    """This machine with the given files in /proc, where every program ends with ``code``."""

    def __init__(self, code: int = 1, **handlers: str) -> None:
        self.texts = {"/proc/version": "Linux", f"{BINFMT}/status": "enabled"}
        self.texts |= {f"{BINFMT}/{name.replace('_', '-')}": text for name, text in handlers.items()}
        self.code = code
        self.started: list[bytes] = []

    def read_text(self, path: Path) -> str | None:
        return self.texts.get(str(path))

    async def run(self, argv: tuple[str, ...], **_: object) -> Completed:  # type: ignore[override]
        self.started.append(Path(argv[0]).read_bytes())
        return Completed(tuple(argv), self.code, "", "")


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        ("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\n", None),
        ("disabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\n", "is disabled"),
        ("enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OC\n", "without the flag F"),
        (None, "no emulator for arm64 is registered in /proc/sys/fs/binfmt_misc"),
    ],
    ids=["registered", "disabled", "not-for-containers", "missing"],
)
async def test_what_binfmt_misc_tells_decides(handler: str | None, reason: str | None) -> None:
    kernel = Kernel(**({"qemu_aarch64": handler} if handler else {}))
    told = await kernel_lacks(kernel, "arm64")
    assert told is None if reason is None else reason in str(told)
    assert kernel.started == []


@pytest.mark.parametrize("code", [0, 1])
async def test_where_binfmt_misc_is_hidden_a_program_is_started(code: int) -> None:
    kernel = Kernel(code)
    del kernel.texts[f"{BINFMT}/status"]
    assert (await kernel_lacks(kernel, "arm64") is None) == (code == 0)
    assert kernel.started == [smallest_program("arm64")]


async def test_a_machine_that_is_no_linux_leaves_it_to_the_engine() -> None:
    kernel = Kernel()
    kernel.texts.clear()
    assert await kernel_lacks(kernel, "arm64") is None


@pytest.mark.skipif(machine.machine() != "x86_64", reason="a program of this processor is needed")
async def test_the_smallest_program_of_this_processor_runs() -> None:
    class Hidden(SystemHost):
        def read_text(self, path: Path) -> str | None:
            return None if path.name == "status" else super().read_text(path)

    assert await kernel_lacks(Hidden(), "amd64") is None
    assert smallest_program("pdp11") is None
    assert await kernel_lacks(Hidden(), "pdp11") is not None


@pytest.mark.parametrize(
    ("architecture", "word", "number"), [("arm64", "<", 183), ("s390x", ">", 22), ("arm", "<", 40)]
)
def test_the_smallest_programs_are_for_their_processor(architecture: str, word: str, number: int) -> None:
    program = smallest_program(architecture)
    assert program is not None
    assert program[:4] == b"\x7fELF"
    assert struct.unpack_from(f"{word}H", program, 18) == (number,)


class InMachine(ScriptedEngine):
    """An engine that does not tell where its images are: it runs on a kernel of its own."""

    storage: Path | None = None

    async def survey(self) -> EngineSurvey:
        return EngineSurvey(EngineInfo("docker", "1", Platform("linux", "amd64")), storage=self.storage)


@pytest.mark.parametrize("storage", [None, Path("/images")], ids=["own-kernel", "this-kernel"])
async def test_an_engine_on_a_kernel_of_its_own_is_left_alone(storage: Path | None) -> None:
    found = InMachine()
    found.storage = storage

    async def engine() -> Engine:
        return found

    assert (await EngineEmulation(Kernel(), engine).lacks(ARM64) is None) == (storage is None)


async def test_without_an_engine_this_kernel_counts() -> None:
    async def engine() -> Engine:
        raise EngineMissing("there is none")

    assert await EngineEmulation(Kernel(), engine).lacks(ARM64) is not None
