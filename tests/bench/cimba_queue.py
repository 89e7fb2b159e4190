"""The M/M/8 queue for cimba, which reads annotations as objects: none are postponed here."""

import cimba
import numpy as np
from cimba import inputs


class Queue(cimba.Model):
    """Eight servers at one store; each job leaves its three times."""

    gap: cimba.Input[float] = inputs.dist.exponential(mean=1 / 6.4)
    work: cimba.Input[float] = inputs.dist.exponential(mean=1.0)
    queue: cimba.Store[float]
    arrived: cimba.Dataset
    started: cimba.Dataset
    finished: cimba.Dataset

    @cimba.process
    def source(self):
        while True:
            cimba.hold(self.gap.next())
            self.queue.put(cimba.now())

    @cimba.process(copies=8)
    def server(self):
        while True:
            arrived = self.queue.get()
            started = cimba.now()
            cimba.hold(self.work.next())
            self.arrived.record(arrived)
            self.started.record(started)
            self.finished.record(cimba.now())


def prepare(jobs):
    """Return a function that runs about so many jobs and returns their times, shape (n, 3)."""
    model = Queue()
    for name in ("arrived", "started", "finished"):
        column = cimba.Dataset()
        column.capture()
        setattr(model, name, column)

    def run(jobs=jobs):
        window = cimba.Window(duration=jobs / 6.4)
        results = cimba.Experiment(model, window=window, seed=1).run(workers=1)[model]
        signals = (results.arrived, results.started, results.finished)
        return np.column_stack([signal.trials[0][0][1] for signal in signals])

    run(1000)  # compiles
    return run
