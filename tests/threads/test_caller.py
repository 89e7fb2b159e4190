"""Calls that one process asks for and another makes."""

import pickle
import threading

from jobsim import InMemoryJobRepository, Job
from jobsim.repository.recorded import RecordedRepository
from jobsim.threads.caller import Caller, Request


def test_an_answer_of_a_class_that_cannot_be_pickled_is_sent_as_a_job():
    class Row(Job):
        """As of an ORM: a class that is not at the level of a module, with a lock."""

        _lock: threading.Lock

    class Mine(InMemoryJobRepository):
        def create(self, input_hash):
            return Row(**super().create(input_hash).model_dump())

    class Out:
        sent = None

        def send(self, *message):
            self.sent = pickle.loads(pickle.dumps(message))  # noqa: S301 - its own

    recorded, out = RecordedRepository(Mine()), Out()
    caller = Caller(0, recorded.actor("client-0"), out, recorded.learn)
    caller.asked.put(Request("create", ("a" * 64,), row=0))
    caller.asked.put(None)
    caller.run()
    assert caller.fault is None
    assert type(out.sent[2].answer) is Job
    assert out.sent[2].answer.input_hash == "a" * 64
