"""Emulation: whether the kernel starts programs of another processor, through QEMU and binfmt_misc.

The kernel tells in ``/proc/sys/fs/binfmt_misc`` (Documentation/admin-guide/binfmt-misc.rst). Where that is
not to be seen, as in most containers, the only proof is to start such a program: BuildKit does the same
(util/archutil).
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from shipway.errors import EngineMissing, HostError
from shipway.ports import Engine, Host
from shipway.values import Platform

BINFMT = Path("/proc/sys/fs/binfmt_misc")
_KERNEL = Path("/proc/version")
_FLAGS = re.compile(r"^flags: (\w*)$", re.MULTILINE)
_SECONDS = 10.0

# architecture -> the name that QEMU's handler is registered under
_EMULATORS = {
    "386": "i386",
    "amd64": "x86_64",
    "arm": "arm",
    "arm64": "aarch64",
    "loong64": "loongarch64",
    "mips64le": "mips64el",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}


class EngineEmulation:
    """What the kernel under the engine can run. Satisfies ``ports.Emulation``.

    ``engine`` is asked for only when this kernel cannot: the engine may run on another one.
    """

    def __init__(self, host: Host, engine: Callable[[], Awaitable[Engine]]) -> None:
        self._host = host
        self._engine = engine
        self._known: dict[str, str | None] = {}

    async def lacks(self, platform: Platform) -> str | None:
        """See ``ports.Emulation.lacks``; the answer is remembered."""
        architecture = platform.architecture
        if architecture not in self._known:
            reason = await kernel_lacks(self._host, architecture)
            self._known[architecture] = None if reason and await self._is_elsewhere() else reason
        return self._known[architecture]

    async def _is_elsewhere(self) -> bool:
        """Whether the engine hides where it keeps images: then it runs on a virtual machine of its own."""
        try:
            return (await (await self._engine()).survey()).storage is None
        except EngineMissing:
            return False


async def kernel_lacks(host: Host, architecture: str) -> str | None:
    """Why this kernel cannot run programs of ``architecture`` in containers; None when it can.

    None also where there is no Linux: containers then run on a virtual machine, which the engine knows best.
    """
    if host.read_text(_KERNEL) is None:
        return None
    if host.read_text(BINFMT / "status") is None:
        starts = await _starts(host, architecture)
        return None if starts else f"a program for {architecture} does not start: no emulator is registered"
    handler = BINFMT / f"qemu-{_EMULATORS.get(architecture, architecture)}"
    told = host.read_text(handler)
    if told is None:
        return f"no emulator for {architecture} is registered in {BINFMT}"
    if not told.startswith("enabled"):
        return f"the emulator {handler} is disabled"
    flags = _FLAGS.search(told)
    if flags is not None and "F" not in flags[1]:
        return f"the emulator {handler} is registered without the flag F, so containers do not find it"
    return None


# --- the smallest programs ----------------------------------------------------------------------

# architecture -> ELF class, byte order, machine, flags, and the instructions of exit(0)
_PROGRAMS: Mapping[str, tuple[int, str, int, int, bytes]] = MappingProxyType(
    {
        "386": (1, "<", 3, 0, bytes.fromhex("31db31c040cd80")),
        "amd64": (2, "<", 62, 0, bytes.fromhex("31ffb83c0000000f05")),
        "arm": (1, "<", 40, 0x05000000, struct.pack("<3I", 0xE3A00000, 0xE3A07001, 0xEF000000)),
        "arm64": (2, "<", 183, 0, struct.pack("<3I", 0xD2800000, 0xD2800BA8, 0xD4000001)),
        "ppc64le": (2, "<", 21, 2, struct.pack("<3I", 0x38600000, 0x38000001, 0x44000002)),
        "riscv64": (2, "<", 243, 4, struct.pack("<3I", 0x00000513, 0x05D00893, 0x00000073)),
        "s390x": (2, ">", 22, 0, bytes.fromhex("a72900000a01")),
    }
)
_LOADED_AT = 0x400000


def smallest_program(architecture: str) -> bytes | None:
    """An executable that does nothing but end with code 0 (ELF, System V ABI, chapters 4 and 5)."""
    if architecture not in _PROGRAMS:
        return None
    elf_class, order, machine, flags, code = _PROGRAMS[architecture]
    ident = b"\x7fELF" + bytes((elf_class, 1 if order == "<" else 2, 1)) + bytes(9)
    header_size, entry_size = (52, 32) if elf_class == 1 else (64, 56)
    start = header_size + entry_size
    size, word = start + len(code), "I" if elf_class == 1 else "Q"
    header = struct.pack(
        f"{order}HHI3{word}I6H",
        2,
        machine,
        1,
        _LOADED_AT + start,
        header_size,
        0,
        flags,
        header_size,
        entry_size,
        1,
        0,
        0,
        0,
    )
    # readable and executable, all of the file
    place = (0, _LOADED_AT, _LOADED_AT, size, size)
    segment = (
        struct.pack(f"{order}8I", 1, *place, 5, 0x1000)
        if elf_class == 1
        else struct.pack(f"{order}2I6Q", 1, 5, *place, 0x1000)
    )
    return ident + header + segment + code


async def _starts(host: Host, architecture: str) -> bool:
    program = smallest_program(architecture)
    if program is None:
        return False
    with tempfile.TemporaryDirectory(prefix="shipway-") as directory:
        path = Path(directory) / "exit"
        path.write_bytes(program)
        path.chmod(0o700)
        try:
            completed = await host.run((str(path),), timeout=_SECONDS)
        except HostError:
            return False
    return completed.code == 0
