"""Which objects of a cluster a commit concerns: sources by URL, Kustomizations by path and inventory."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from urllib.parse import urlsplit

from shipway.gitops.kubernetes import (
    GIT_REPOSITORY,
    HELM_RELEASE,
    KUSTOMIZATION,
    Kind,
    Name,
    Object,
    items,
    mapping,
    text,
    value,
)

_SCP = re.compile(r"(?:[^@/\s]+@)?(?P<host>[^:/\s]+):(?!//)(?P<path>.+)")
_SHA = re.compile(r"(?:sha1:|sha256:|/)?(?P<sha>[0-9a-f]{40}(?:[0-9a-f]{24})?)\Z")


def same_repository(one: str, other: str) -> bool:
    """Whether two URLs name one repository, however it is reached: scheme, user, port, ``.git`` and the case
    of the host aside."""
    return _repository(one) == _repository(other)


def _repository(url: str) -> tuple[str, str]:
    scp = _SCP.fullmatch(url)
    if scp and "://" not in url:
        host, path = scp["host"], scp["path"]
    else:
        parts = urlsplit(url)
        host, path = parts.hostname or "", parts.path
    return host.lower(), path.strip("/").removesuffix(".git")


def commit_of(revision: str) -> str:
    """The commit in a revision such as ``main@sha1:<hex>`` (``main/<hex>`` before Flux 2.0), ``""`` for
    none."""
    found = _SHA.search(revision.rpartition("@")[2])
    return found["sha"] if found else ""


def shown(revision: str) -> str:
    """A revision for people, its commit cut short."""
    commit = commit_of(revision)
    return revision.replace(commit, commit[:12]) if commit else revision


def follows(source: Object, branch: str | None) -> bool:
    """Whether a GitRepository follows a branch; one without a ref follows ``master``, as Flux has it."""
    ref = mapping(source, "spec", "ref")
    if branch is None:
        return True
    if any(text(ref, key) for key in ("commit", "name", "semver", "tag")):
        return text(ref, "name") == f"refs/heads/{branch}"
    return (text(ref, "branch") or "master") == branch


def source_of(kustomization: Object) -> Name:
    """The GitRepository, or whatever else, that a Kustomization takes its files from."""
    ref = mapping(kustomization, "spec", "sourceRef")
    kind = Kind(GIT_REPOSITORY.group, text(ref, "kind"))
    return Name(
        kind, text(ref, "namespace") or text(kustomization, "metadata", "namespace"), text(ref, "name")
    )


def covers(kustomization: Object, files: Sequence[str]) -> bool:
    """Whether one of the files lies below ``spec.path``."""
    root = posixpath.normpath("/" + text(kustomization, "spec", "path")).strip("/")
    return any(not root or file == root or file.startswith(f"{root}/") for file in files)


def dependencies(kind: Kind, thing: Object) -> tuple[Name, ...]:
    """What an object names in ``spec.dependsOn``."""
    own = text(thing, "metadata", "namespace")
    entries = items(thing, "spec", "dependsOn")
    return tuple(Name(kind, text(entry, "namespace") or own, text(entry, "name")) for entry in entries)


def in_order(kind: Kind, wanted: Sequence[Name], known: Mapping[Name, Object]) -> tuple[Name, ...]:
    """The objects wanted and all that they depend on, dependencies first; a circle is cut where it closes,
    for Flux waits in it for ever and the verdict is theirs that are in it."""
    graph: dict[Name, tuple[Name, ...]] = {}
    queue = sorted(wanted)
    while queue:
        name = queue.pop()
        if name not in graph:
            graph[name] = dependencies(kind, known.get(name, {}))
            queue += graph[name]
    while True:
        try:
            return tuple(
                TopologicalSorter({name: sorted(graph[name]) for name in sorted(graph)}).static_order()
            )
        except CycleError as error:
            closing = error.args[1]
            graph[closing[1]] = tuple(each for each in graph[closing[1]] if each != closing[0])


def inventory(thing: Object) -> Iterator[Name]:
    """What a Kustomization or HelmRelease has applied: ``status.inventory.entries[].id`` is
    ``namespace_name_group_kind``, in which only a name may hold an underscore."""
    for entry in items(thing, "status", "inventory", "entries"):
        namespace, _, rest = text(entry, "id").partition("_")
        rest, _, kind = rest.rpartition("_")
        name, _, group = rest.rpartition("_")
        # colons of RBAC names are written as two underscores
        yield Name(Kind(group, kind), namespace, name.replace("__", ":"))


def released_by(thing: Object) -> Callable[[Object], bool]:
    """Tells of an object whether a HelmRelease made it, by the labels that Flux puts on all of them."""
    name, namespace = text(thing, "metadata", "name"), text(thing, "metadata", "namespace")

    def is_one(made: Object) -> bool:
        labels = mapping(made, "metadata", "labels")
        return (labels.get(f"{HELM_RELEASE.group}/name"), labels.get(f"{HELM_RELEASE.group}/namespace")) == (
            name,
            namespace,
        )

    return is_one


def target_namespace(release: Object) -> str:
    """Where the objects of a HelmRelease are made."""
    return text(release, "spec", "targetNamespace") or text(release, "metadata", "namespace")


def is_remote(thing: Object) -> bool:
    """Whether a Kustomization or HelmRelease applies to another cluster than its own."""
    return value(thing, "spec", "kubeConfig") is not None


def checks_health(kustomization: Object) -> bool:
    """Whether Ready=True of a Kustomization says more than that it was applied."""
    return value(kustomization, "spec", "wait") is True or bool(items(kustomization, "spec", "healthChecks"))


KINDS = (GIT_REPOSITORY, KUSTOMIZATION, HELM_RELEASE)
"""The kinds of Flux that a commit goes through, in this order."""
