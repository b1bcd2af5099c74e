"""Write the healthcheck binaries of the base image, without a compiler.

Each is a static ELF program that exits 0 when /run/ready exists and 1 when it does not.
"""

from __future__ import annotations

import struct
from pathlib import Path

READY = b"/run/ready\0"
LOAD = 0x400000
HEADERS = 64 + 56

# access("/run/ready", F_OK); exit(result != 0); with the address of the path at the end
AMD64 = bytes.fromhex("b815000000 bf00000000 31f6 0f05 31ff 85c0 400f95c7 b83c000000 0f05")
PATH_IN_AMD64 = 6

# x0 = AT_FDCWD, x1 = path (adr), x2 = F_OK; faccessat; cmp x0, #0; cset x0, ne; exit
ARM64 = struct.pack(
    "<9I",
    0x92800C60,  # mov x0, #-100
    0x10000101,  # adr x1, #32: the path follows the code
    0xD2800002,  # mov x2, #0
    0xD2800608,  # mov x8, #48
    0xD4000001,  # svc #0
    0xF100001F,  # cmp x0, #0
    0x9A9F07E0,  # cset x0, ne
    0xD2800BA8,  # mov x8, #93
    0xD4000001,  # svc #0
)


def elf(machine: int, code: bytes) -> bytes:
    """A static executable with one segment that holds ``code`` and the path behind it."""
    body = code + READY
    size = HEADERS + len(body)
    ident = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    entry = LOAD + HEADERS
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, LOAD, LOAD, size, size, 0x1000)
    return header + segment + body


def amd64() -> bytes:
    address = struct.pack("<I", LOAD + HEADERS + len(AMD64))
    return elf(62, AMD64[:PATH_IN_AMD64] + address + AMD64[PATH_IN_AMD64 + 4 :])


def arm64() -> bytes:
    return elf(183, ARM64)


if __name__ == "__main__":
    for architecture, data in (("amd64", amd64()), ("arm64", arm64())):
        path = Path(__file__).parent / "bin" / architecture / "healthcheck"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755)
