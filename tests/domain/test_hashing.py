from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsim.domain.hashing import hash_inputs

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=8,
)


def test_digest_is_of_the_canonical_json():
    canonical = '{"a":[1,2.5,null],"ü":{"x":true,"y":"z"}}'
    payload = {"ü": {"y": "z", "x": True}, "a": [1, 2.5, None]}
    assert hash_inputs(payload) == hashlib.sha256(canonical.encode("utf-8")).hexdigest()


@settings(max_examples=30)  # nested values are slow to draw
@given(payload=st.dictionaries(st.text("abcd"), VALUES), shuffle=st.randoms())
def test_field_order_does_not_change_the_hash(payload, shuffle):
    fields = list(payload.items())
    shuffle.shuffle(fields)
    assert hash_inputs(dict(fields)) == hash_inputs(payload)


def test_order_in_a_list_changes_the_hash():
    assert hash_inputs({"a": [1, 2]}) != hash_inputs({"a": [2, 1]})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_number_without_json_form_is_refused(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        hash_inputs({"a": value})


def test_object_without_json_form_is_refused():
    with pytest.raises(TypeError, match="not JSON serializable"):
        hash_inputs({"a": object()})
