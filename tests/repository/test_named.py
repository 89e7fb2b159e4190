from __future__ import annotations

import sys

import pytest

from jobsim.repository.job_repo import InMemoryJobRepository
from jobsim.repository.named import NoSuchRepository, made_by, repository_factory
from jobsim.repository.sql_repo import SqlJobRepository


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Have modules of one's own in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_repositories.py").write_text(
        "from jobsim import InMemoryJobRepository\n"
        "class Outer:\n    Inner = InMemoryJobRepository\n"
        "def fails():\n    raise OSError('disk\\nfull')\n"
        "number = 3\n"
    )
    (tmp_path / "own_broken.py").write_text("1 / 0\n")
    yield
    for name in ("own_repositories", "own_broken"):
        sys.modules.pop(name, None)


def test_an_address_makes_a_repository_in_that_database(tmp_path):
    with repository_factory(f"sqlite:///{tmp_path}/jobs.db")() as repository:
        assert isinstance(repository, SqlJobRepository)
        assert repository.count() == 0
    assert (tmp_path / "jobs.db").exists()


def test_a_name_is_imported_from_the_working_directory_too(own_module):
    assert repository_factory("own_repositories:Outer.Inner") is InMemoryJobRepository


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("jobs.db", "give a database's address, such as sqlite:///jobs.db"),
        (":x", "give a database's address"),
        ("no_such_module:x", "no_such_module cannot be imported: ModuleNotFoundError"),
        ("own_broken:x", "own_broken cannot be imported: ZeroDivisionError: division by zero"),
        ("own_repositories:absent", "own_repositories has no 'absent'"),
        ("own_repositories:number", "number is a int, not a class or a function"),
    ],
)
def test_what_names_no_repository_is_told(own_module, name, problem):
    with pytest.raises(NoSuchRepository) as caught:
        repository_factory(name)
    assert str(caught.value).startswith(f"{name}: ")
    assert problem in str(caught.value)


def test_what_a_factory_raises_is_told_in_one_line(own_module):
    name = "own_repositories:fails"
    with pytest.raises(NoSuchRepository, match=r"fails: OSError: disk$"):
        made_by(name, repository_factory(name))
