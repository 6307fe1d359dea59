"""How a peer is run: the choices that are its user's, swept so that each is seen at its best."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Setting:
    workers: int  # threads that call the engine, each with whole photos
    threads: int  # threads of the engine within one call
    batch: int    # photos a call
    environment: dict = field(default_factory=dict)  # variables that the engine reads at import

    def __str__(self):
        words = f"{self.workers} × {self.threads} threads, batch {self.batch}"
        return words + "".join(f", {key}={value}" for key, value in self.environment.items())

    def dump(self):
        return json.dumps(asdict(self))

    @staticmethod
    def parse(text):
        return Setting(**json.loads(text))


def one_photo_a_thread_or_all_threads_a_photo(cores, batches=(1, 8, 32)):
    """Both ways to use all cores, each with several batches."""
    ways = [(cores, 1)] if cores == 1 else [(cores, 1), (1, cores)]
    return [Setting(workers, threads, batch) for workers, threads in ways for batch in batches]


def best_of(tried):
    """Of {"setting", "seconds", …} of the same work, the setting that took least."""
    return Setting.parse(min(tried, key=lambda one: one["seconds"])["setting"])
