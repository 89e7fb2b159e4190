"""Half characters become escapes; whole text stays as it is."""

from hypothesis import given
from hypothesis import strategies as st

from jobsim.domain.text import encodable


@given(st.text())
def test_whole_text_stays_as_it_is(text):
    assert encodable(text) == text


@given(st.text(alphabet=st.characters(categories=["Cs", "L"])))
def test_any_text_can_be_encoded_afterwards(text):
    encodable(text).encode("utf-8")
