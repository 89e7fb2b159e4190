from __future__ import annotations

import pytest

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.protocol import JobRepository, require_repository


class FourMethods:
    def create(self, input_hash): ...

    def get(self, job_id): ...

    def update_status(self, job_id, target, result=None, error=None): ...

    def count(self): ...


def test_having_the_four_methods_is_enough():
    assert isinstance(FourMethods(), JobRepository)
    require_repository(FourMethods())


def test_missing_methods_are_named():
    with pytest.raises(
        TypeError, match="dict is not a job repository: it lacks create, update_status"
    ):
        require_repository({})


def test_method_that_cannot_be_called_is_missing():
    class Broken(FourMethods):
        count = 3

    with pytest.raises(TypeError, match="it lacks count;"):
        require_repository(Broken())


def test_class_in_place_of_an_instance_is_refused():
    with pytest.raises(TypeError, match=r"pass an instance, InMemoryJobRepository\(\)"):
        require_repository(InMemoryJobRepository)
