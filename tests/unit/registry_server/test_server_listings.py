"""Tags, catalog and referrers: distribution specification 1.1, § Content Discovery."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from shipway.oci.manifest import OCI_INDEX, OCI_MANIFEST
from shipway.testing.raw import Answer, RawRepository, descriptor, encode, index
from shipway.testing.registry import running_registry
from shipway.values import Digest

TAGS = ["1.0", "10", "9", "A", "Z", "_x", "a", "z"]
SUBJECT = b"the subject of many"
SIGNATURE = "application/vnd.example.signature"
SBOM = "application/vnd.example.sbom"


@pytest.fixture
def tagged(repository: RawRepository) -> RawRepository:
    document = repository.image()
    repository.put_manifest(Digest.of(encode(document)), document, tag=list(reversed(TAGS)))
    return repository


def followed(repository: RawRepository, answer: Answer) -> Iterator[Answer]:
    """The pages from ``answer`` on, as clients walk them: by the Link header alone."""
    while True:
        assert answer.status == 200
        yield answer
        match = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
        if not match:
            assert "link" not in answer.headers
            return
        answer = repository("GET", match[1])


def test_tags_come_in_ascii_order(tagged: RawRepository) -> None:
    assert tagged("GET", "tags/list").json == {"name": tagged.name, "tags": TAGS}


@pytest.mark.parametrize("count", [1, 3, 4, 7, 8, 9])
def test_pages_of_tags_hold_every_tag_once(tagged: RawRepository, count: int) -> None:
    pages = [page.json["tags"] for page in followed(tagged, tagged("GET", "tags/list", n=count))]
    assert list(chain.from_iterable(pages)) == TAGS
    assert [len(page) for page in pages[:-1]] == [count] * (len(pages) - 1)
    assert pages[-1]


def test_last_skips_even_what_is_no_tag(tagged: RawRepository) -> None:
    assert tagged("GET", "tags/list", last="9").json["tags"] == TAGS[3:]
    assert tagged("GET", "tags/list", last="B").json["tags"] == TAGS[4:]
    assert tagged("GET", "tags/list", last="zz").json["tags"] == []


def test_a_page_of_nothing_has_no_link(tagged: RawRepository) -> None:
    answer = tagged("GET", "tags/list", n=0)
    assert answer.json["tags"] == []
    assert "link" not in answer.headers


@pytest.mark.parametrize("count", ["-1", "x", "", "1.5", "²"])
def test_a_count_that_is_no_number_is_refused(tagged: RawRepository, count: str) -> None:
    assert tagged("GET", "tags/list", n=count).status == 400


def test_a_huge_count_is_all(tagged: RawRepository) -> None:
    assert tagged("GET", "tags/list", n="9" * 30).json["tags"] == TAGS


def test_a_repository_without_tags_is_empty_and_an_unknown_one_unknown(repository: RawRepository) -> None:
    answer = repository("GET", "tags/list")
    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")
    repository.push_image("only")
    repository("DELETE", "manifests/only")
    assert repository("GET", "tags/list").json["tags"] == []


def test_the_catalog_pages_like_tags(tmp_path: Path) -> None:
    with running_registry(tmp_path) as registry:
        names = ["a", "a-b", "a/b", "b", "c/d/e"]
        for name in names:
            RawRepository(registry.address, name).push_image("1.0")
        repository = RawRepository(registry.address, "a")
        assert repository("GET", "/v2/_catalog").json == {"repositories": names}
        pages = list(followed(repository, repository("GET", "/v2/_catalog", n=2)))
        assert [page.json["repositories"] for page in pages] == [names[:2], names[2:4], names[4:]]


# --- referrers ------------------------------------------------------------------------------------


def referrers(repository: RawRepository, subject: bytes = SUBJECT, **query: Any) -> Answer:
    answer = repository("GET", f"referrers/{Digest.of(subject)}", **query)
    assert answer.status == 200
    assert answer.headers["content-type"] == answer.json["mediaType"] == OCI_INDEX
    return answer


def attach(repository: RawRepository, document: dict[str, Any]) -> str:
    digest = str(Digest.of(encode(document)))
    answer = repository.put_manifest(digest, document)
    assert answer.headers["oci-subject"] == str(Digest.of(SUBJECT))
    return digest


def test_nothing_refers_to_what_nobody_knows(repository: RawRepository) -> None:
    assert referrers(repository).json["manifests"] == []


def test_referrers_tell_type_size_and_annotations(repository: RawRepository) -> None:
    subject: dict[str, Any] = {"subject": descriptor(SUBJECT), "annotations": {"made": "today"}}
    by_config = repository.image(**subject)
    by_field = repository.image(artifactType=SBOM, **subject)
    of_index = index(artifactType=SIGNATURE, **subject)
    plain_index = index(**subject)
    for document in (by_config, by_field, of_index, plain_index):
        attach(repository, document)
    found = {entry["digest"]: entry for entry in referrers(repository).json["manifests"]}
    expected = [
        (by_config, OCI_MANIFEST, by_config["config"]["mediaType"]),
        (by_field, OCI_MANIFEST, SBOM),
        (of_index, OCI_INDEX, SIGNATURE),
        (plain_index, OCI_INDEX, None),
    ]
    assert len(found) == len(expected)
    for document, media_type, artifact_type in expected:
        entry = found[str(Digest.of(encode(document)))]
        assert entry["mediaType"] == media_type
        assert entry["size"] == len(encode(document))
        assert entry.get("artifactType") == artifact_type
        assert entry["annotations"] == {"made": "today"}


def test_referrers_are_filtered_by_artifact_type(repository: RawRepository) -> None:
    attach(repository, repository.image(artifactType=SBOM, subject=descriptor(SUBJECT)))
    signature = attach(repository, index(artifactType=SIGNATURE, subject=descriptor(SUBJECT)))
    attach(repository, index(subject=descriptor(SUBJECT)))
    answer = referrers(repository, artifactType=SIGNATURE)
    assert answer.headers["oci-filters-applied"] == "artifactType"
    assert [entry["digest"] for entry in answer.json["manifests"]] == [signature]
    everything = referrers(repository)
    assert "oci-filters-applied" not in everything.headers
    assert len(everything.json["manifests"]) == 3


def test_a_deleted_referrer_is_listed_no_more(repository: RawRepository) -> None:
    digest = attach(repository, repository.image(subject=descriptor(SUBJECT)))
    repository("DELETE", f"manifests/{digest}")
    assert referrers(repository).json["manifests"] == []


def test_referrers_of_another_repository_are_not_listed(repository: RawRepository) -> None:
    other = RawRepository(repository.address, "test/elsewhere")
    attach(other, other.image(subject=descriptor(SUBJECT)))
    assert referrers(repository).json["manifests"] == []


def test_more_referrers_than_one_index_holds_come_in_pages(repository: RawRepository) -> None:
    big = {str(number): "x" * 500_000 for number in range(3)}
    digests = {
        attach(
            repository,
            index(annotations=big | {"which": str(which)}, artifactType=SBOM, subject=descriptor(SUBJECT)),
        )
        for which in range(5)
    }
    for which in range(20):
        attach(repository, index(annotations={"which": str(which)}, subject=descriptor(SUBJECT)))
    pages = list(followed(repository, referrers(repository, artifactType=SBOM)))
    assert len(pages) > 1
    assert max(len(page.body) for page in pages) < 4 * 1024 * 1024
    found = [entry["digest"] for page in pages for entry in page.json["manifests"]]
    assert (len(found), set(found)) == (5, digests)
