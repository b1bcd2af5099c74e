"""Image references in the values of a HelmRelease, in the shapes that charts commonly have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shipway.gitops.kubernetes import text, value


def images_in(values: object) -> Iterator[str]:
    """References as written: ``image: REF`` under any key that ends so, and mappings with ``repository`` (and
    ``registry``) and ``tag``, ``version`` or ``digest`` (Renovate's rule for Helm values)."""
    if isinstance(values, list):
        for each in values:
            yield from images_in(each)
    if not isinstance(values, Mapping):
        return
    if text(values, "repository"):
        yield _joined(values)
    for key, inner in values.items():
        if isinstance(inner, str) and str(key).lower().endswith("image"):
            yield inner
        else:
            yield from images_in(inner)


def _joined(values: Mapping[str, object]) -> str:
    registry, repository = text(values, "registry"), text(values, "repository")
    name = f"{registry}/{repository}" if registry else repository
    tag = value(values, "tag")
    tag = value(values, "version") if tag in (None, "") else tag
    digest = text(values, "digest")
    return name + (f":{tag}" if tag not in (None, "") else "") + (f"@{digest}" if digest else "")
