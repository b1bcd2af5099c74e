"""Objects of Flux's image automation as YAML: ``image.toolkit.fluxcd.io/v1``, Flux 2.7 and later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shipway.gitops.policy import TagPolicy
from shipway.values import Reference

_API = "image.toolkit.fluxcd.io/v1"


@dataclass(frozen=True, slots=True)
class Automation:
    """What the objects of one image need beside its policy. ``path`` is where markers are looked for,
    ``source`` the GitRepository, ``branch`` the branch that is checked out and pushed to."""

    namespace: str = "flux-system"
    interval: str = "5m"
    source: str = "flux-system"
    branch: str = "main"
    path: str = "./"
    author: str = "fluxcdbot@users.noreply.github.com"


def image_objects(name: str, repository: Reference, policy: TagPolicy, settings: Automation) -> str:
    """An ImageRepository and an ImagePolicy as YAML, and how a manifest is marked.

    ``digestReflectionPolicy`` is Always, so that a tag that was moved is seen; it asks for an interval.
    """
    lines = [
        f'# mark the line of the image:  # {{"$imagepolicy": "{settings.namespace}:{name}"}}',
        "---",
        *_head("ImageRepository", name, settings),
        f"  image: {repository.without_version()}",
        f"  interval: {settings.interval}",
        *_exclusions(policy),
        "---",
        *_head("ImagePolicy", name, settings),
        "  imageRepositoryRef:",
        f"    name: {name}",
        "  digestReflectionPolicy: Always",
        f"  interval: {settings.interval}",
        *_filter(policy),
        *_choice(policy),
    ]
    return "\n".join(lines) + "\n"


def automation_object(name: str, settings: Automation) -> str:
    """The ImageUpdateAutomation that writes what policies pick at their markers."""
    lines = [
        "---",
        *_head("ImageUpdateAutomation", name, settings),
        f"  interval: {settings.interval}",
        "  sourceRef:",
        "    kind: GitRepository",
        f"    name: {settings.source}",
        "  git:",
        "    checkout:",
        "      ref:",
        f"        branch: {quoted(settings.branch)}",
        "    commit:",
        f"      author:\n        email: {settings.author}",
        "    push:",
        f"      branch: {quoted(settings.branch)}",
        "  update:",
        "    strategy: Setters",
        f"    path: {quoted(settings.path)}",
    ]
    return "\n".join(lines) + "\n"


def _head(kind: str, name: str, settings: Automation) -> list[str]:
    return [
        f"apiVersion: {_API}",
        f"kind: {kind}",
        "metadata:",
        f"  name: {name}",
        f"  namespace: {settings.namespace}",
        "spec:",
    ]


def _exclusions(policy: TagPolicy) -> Iterator[str]:
    if policy.exclusions:
        yield "  exclusionList:"
        yield from (f"    - {quoted(text)}" for text in policy.exclusions)


def _filter(policy: TagPolicy) -> Iterator[str]:
    if policy.filtered:
        yield "  filterTags:"
        yield f"    pattern: {quoted(policy.pattern)}"
        if policy.extract:
            yield f"    extract: {quoted(policy.extract)}"


def _choice(policy: TagPolicy) -> Iterator[str]:
    yield "  policy:"
    yield f"    {policy.kind}:"
    semver = policy.kind == "semver"
    yield f"      range: {quoted(policy.range)}" if semver else f"      order: {policy.order}"


def quoted(text: str) -> str:
    """``text`` as a single-quoted scalar of YAML."""
    return "'" + text.replace("'", "''") + "'"
