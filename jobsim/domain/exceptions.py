"""The base class of all errors, the errors about one job, and the base of errors about a path."""


class JobsimError(Exception):
    """Base of every error that jobsim itself raises; catch it to catch them all."""


class JobNotFoundError(JobsimError):
    """No job has this id; create the job first, or look for a typo in the id.

    Parameters
    ----------
    job_id
        The id that was asked for.

    Examples
    --------
    >>> str(JobNotFoundError("3f2a"))
    "Job '3f2a' not found"
    """

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id

    def __str__(self) -> str:
        return f"Job {self.job_id!r} not found"


class InvalidStateTransitionError(JobsimError):
    """The lifecycle has no step from one state to the other.

    Parameters
    ----------
    from_state, to_state
        The states' string values. A `JobStatus` works too and is stored as its value.

    Examples
    --------
    >>> str(InvalidStateTransitionError("completed", "running"))
    "Cannot transition from 'completed' to 'running'"
    """

    def __init__(self, from_state: str, to_state: str) -> None:
        # From 3.12 on a (str, Enum) member formats as its name: keep the plain value.
        from_state, to_state = str.__str__(from_state), str.__str__(to_state)
        super().__init__(from_state, to_state)
        self.from_state = from_state
        self.to_state = to_state

    def __str__(self) -> str:
        return f"Cannot transition from {self.from_state!r} to {self.to_state!r}"


class PathError(JobsimError):
    """A file or a folder cannot be used; the text says why.

    Parameters
    ----------
    path
        The file or folder, as the caller gave it.
    problem
        What is wrong with it and, where that is known, what to do.

    Examples
    --------
    >>> str(PathError("log.csv", "is a folder, not a file"))
    'log.csv: is a folder, not a file'
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"
