"""SW503: programs of a wanted platform cannot run on this machine."""

from __future__ import annotations

from shipway.checks.finding import Finding
from shipway.checks.rule import Rule, seen_live
from shipway.dockerfile.emulation import how_to_emulate
from shipway.place import Place
from shipway.values import Platform


def not_emulated(place: Place, image: str, platform: Platform, native: Platform, reason: str) -> Finding:
    """The finding for an image whose RUN steps this machine cannot run for ``platform``, for ``reason``."""
    return RULE.finding(
        place,
        f"this machine ({native}) cannot run the RUN steps of {image} for {platform}",
        image=image,
        subject=str(platform),
        cause=reason,
        help=how_to_emulate(platform),
    )


RULE = Rule(
    id="SW503",
    name="missing-emulation",
    severity="error",
    summary="Programs of a wanted platform cannot run on this machine",
    rationale="""\
A RUN of an image for another architecture runs that architecture's programs. The kernel starts them
through an emulator that is registered in `/proc/sys/fs/binfmt_misc`; without one the step fails with
`exec format error`.

```console
$ docker run --privileged --rm tonistiigi/binfmt --install arm64
$ apt-get install qemu-user-static
```

Stages with `--platform=$BUILDPLATFORM` need none, nor do images without RUN, nor platforms that a builder of
`builders:` in the fleet file has.
""",
    check=seen_live,
    live=True,
)
