"""`graft board` over a folder of logs, on a port of its own, for as long as a with block lasts."""

import re
import subprocess


class RunningBoard:
    """port: 0 when it did not start. options: of subprocess.Popen."""

    def __init__(self, graft, logs, **options):
        self.process = subprocess.Popen([graft, "board", f"--logdir={logs}", "--port=0"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, **options)
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.process.stdout.readline())
        self.port = int(found.group(1)) if found else 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def alive(self):
        return self.process.poll() is None
