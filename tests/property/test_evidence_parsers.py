"""Whatever is attached to an image, reading it ends in a verdict: nothing but Mismatch is ever raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipway.errors import ConfigError, Mismatch
from shipway.evidence.attachment import DSSE_LAYER, exhibited
from shipway.evidence.dsse import BUNDLE, IN_TOTO, pae
from shipway.evidence.judge import judge_provenance, judge_signature
from shipway.evidence.keys import PublicKey, SigningKey
from shipway.evidence.provenance import BUILD_TYPE, read_provenance
from shipway.evidence.simple import SIGNATURE_ANNOTATION, SIMPLE_SIGNING
from shipway.evidence.statement import PROVENANCE_V1, STATEMENT_V1, read_statement
from shipway.oci.manifest import Descriptor
from shipway.values import Digest

KEY = SigningKey.generate()
DIGEST = Digest.of(b"image")
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part)
)
KEYS = [
    "buildDefinition",
    "runDetails",
    "buildType",
    "externalParameters",
    "internalParameters",
    "fingerprint",
    "image",
    "dockerfile",
    "resolvedDependencies",
    "name",
    "digest",
    "sha256",
    "gitCommit",
    "uri",
    "annotations",
    "byproducts",
    "read-back",
    "platforms",
    "size",
]
SHAPED = st.recursive(
    SCALARS | st.sampled_from([*KEYS, BUILD_TYPE, DIGEST.hex]),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(KEYS), part, max_size=6),
)


def judged(media_type: str, data: bytes, annotations: dict[str, str] | None = None) -> None:
    layer = Descriptor(media_type, str(Digest.of(data)), len(data), annotations=annotations)
    exhibit = exhibited(DIGEST, layer, data)
    found = [exhibit] if exhibit else []
    assert judge_signature(found, KEY.public, DIGEST).state != "verified"
    for key in (None, KEY.public):
        assert judge_provenance(found, key, DIGEST).provenance is None


@pytest.mark.parametrize("media_type", [BUNDLE, IN_TOTO, DSSE_LAYER, SIMPLE_SIGNING])
@given(
    data=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()),
    note=st.text(max_size=20),
)
def test_junk_verifies_nothing_and_raises_nothing(media_type: str, data: bytes, note: str) -> None:
    judged(media_type, data, {SIGNATURE_ANNOTATION: note})


@given(predicate=st.dictionaries(st.sampled_from(KEYS), SHAPED))
def test_a_predicate_of_any_shape_is_read_or_refused(predicate: dict[str, Any]) -> None:
    subject = [{"digest": {"sha256": DIGEST.hex}}]
    claim = {
        "_type": STATEMENT_V1,
        "subject": subject,
        "predicateType": PROVENANCE_V1,
        "predicate": predicate,
    }
    try:
        read_provenance(read_statement(json.dumps(claim).encode()))
    except Mismatch:
        return


@given(pem=st.binary(max_size=80) | st.text(max_size=40).map(lambda text: f"-----BEGIN {text}-----".encode()))
def test_what_is_no_key_is_refused_in_words(pem: bytes) -> None:
    with pytest.raises(ConfigError):
        PublicKey.parse(pem, "k")
    with pytest.raises(ConfigError):
        SigningKey.parse(pem, b"x", "k")


@given(
    one=st.tuples(st.text(max_size=6), st.binary(max_size=6)),
    two=st.tuples(st.text(max_size=6), st.binary(max_size=6)),
)
def test_two_payloads_are_never_signed_as_the_same_text(
    one: tuple[str, bytes], two: tuple[str, bytes]
) -> None:
    assert (pae(*one) == pae(*two)) == (one == two)
