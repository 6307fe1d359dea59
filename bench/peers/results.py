"""The runs that were measured, as JSON, and what they come to."""

import json
import statistics
from collections import Counter
from pathlib import Path


class Results:
    """One JSON file: facts about the machine and programs, and a flat list of single runs.

    A run: {"stage", "network", "who", "round", "seconds", …}; "seconds" is what the stage is about.
    """

    def __init__(self, file):
        self._file = Path(file)
        self.facts, self.runs = {}, []
        if self._file.exists():
            stored = json.loads(self._file.read_text())
            self.facts, self.runs = stored["facts"], stored["runs"]

    def forget(self):
        self.facts, self.runs = {}, []

    def save(self):
        self._file.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join("  " + json.dumps(run) for run in self.runs)
        self._file.write_text('{"facts": ' + json.dumps(self.facts, indent=1, ensure_ascii=False) +
                              ',\n"runs": [\n' + lines + "\n]}\n")

    def next_round(self, stage, network):
        return 1 + max((run["round"] for run in self._all(stage, network)), default=0)

    def _all(self, stage, network):
        return [run for run in self.runs if (run["stage"], run["network"]) == (stage, network)]

    def _of(self, stage, network):
        """Those of whole rounds: one that was broken off would set one hour's times beside another's."""
        runs = self._all(stage, network)
        count = Counter(run["round"] for run in runs)
        return [run for run in runs if count[run["round"]] == max(count.values())]

    def who(self, stage, network):
        """Those that were measured, in the order of their first run."""
        return list(dict.fromkeys(run["who"] for run in self._of(stage, network)))

    def values(self, stage, network, who, key="seconds"):
        """round → value"""
        return {run["round"]: run[key] for run in self._of(stage, network)
                if run["who"] == who and key in run}

    def median(self, stage, network, who, key="seconds"):
        return statistics.median(self.values(stage, network, who, key).values())

    def a_photo(self, stage, network, who, key="processor_seconds"):
        photos = next(iter(self.values(stage, network, who, "photos").values()))
        return self.median(stage, network, who, key) / photos

    def ratio(self, stage, network, who, to="graft", key="seconds"):
        """(median, least, greatest) over the rounds: what `who` took to what `to` took."""
        theirs, ours = self.values(stage, network, who, key), self.values(stage, network, to, key)
        pairs = [theirs[i] / ours[i] for i in theirs if i in ours]
        return statistics.median(pairs), min(pairs), max(pairs)
