"""The public names: listed, explained, and loaded only when used."""

import inspect

import pytest

import jobsim


def test_every_public_name_has_one_home():
    assert sorted(jobsim.__all__) == sorted(jobsim._HOME)


@pytest.mark.parametrize("name", jobsim.__all__)
def test_every_public_name_can_be_had_and_is_documented(name):
    value = getattr(jobsim, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'jobsim' has no attribute 'run_thread'"):
        jobsim.run_thread  # noqa: B018


def test_tab_completion_lists_the_public_names():
    assert set(jobsim.__all__) < set(dir(jobsim))
