"""What is in use and has to stay, whatever a policy says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from shipway.place import Place
from shipway.planning.retention.policy import Uses
from shipway.ports import Delivery
from shipway.values import Reference

_WORD = re.compile(rb"sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = b"sha256:"
_MANIFESTS = (".yaml", ".yml", ".json", ".jsonnet", ".cue", ".tf", ".tfvars", ".hcl", ".toml", ".env")
_NAMED = ("Kustomization", "Dockerfile", "Containerfile", ".env")


def may_reference(path: str) -> bool:
    """Whether a file is of a kind that references images."""
    name = path.rpartition("/")[2]
    return name.endswith(_MANIFESTS) or name.startswith(_NAMED) or name.endswith(".Dockerfile")


def words_beside(files: Mapping[str, bytes], repository: Reference) -> Mapping[str, Place]:
    """Every word of ``files``, by path, that name the last component of ``repository``, with its first place.

    Manifests write references in one piece, in three (Helm's registry, repository and tag, Kustomize's
    newName and newTag) or with variables. So every word of such a file that is a tag of the repository
    counts as one in use: too much is kept rather than too little, and no file is too broken to be read.
    """
    name = re.escape(repository.repository.rpartition("/")[2]).encode()
    named = re.compile(rb"(?<![A-Za-z0-9_.-])" + name + rb"(?![A-Za-z0-9_-])")
    found: dict[str, Place] = {}
    for path, data in files.items():
        if not named.search(data):
            continue
        for number, line in enumerate(data.split(b"\n"), start=1):
            for word in _WORD.findall(line):
                found.setdefault(word.decode("ascii"), Place(path, number))
    return found


def uses_of(repository: Reference, deliveries: Sequence[Delivery], words: Mapping[str, Place]) -> Uses:
    """What deliveries and manifests use of ``repository``."""
    tags: dict[str, str] = {}
    digests: dict[str, str] = {}
    for word, place in words.items():
        (digests if word.startswith(_DIGEST.decode()) else tags)[word] = str(place)
    for delivery in deliveries:
        reference = Reference.parse(delivery.reference)
        if reference.name == repository.name:
            why = f"the ledger has it as the delivery of {delivery.image} in run {delivery.run}"
            digests[delivery.digest] = why
            tags.update(dict.fromkeys(filter(None, (reference.tag, *delivery.tags)), why))
    return Uses(tags, digests)
