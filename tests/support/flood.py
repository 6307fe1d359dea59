"""Ten thousand clients that wish a server no good: some say nothing, some a byte now and then, some no
HTTP, some ask and never take the answer; whoever is turned out comes back. For tests and measuring.

Usage: flood.py PORT   (in the background of this machine, until killed; a line when all have come)
"""

import os
import resource
import select
import socket
import sys
import time

CONNECTIONS = 10_000
SPARE = 200  # descriptors for everything else
HEADER = b"GET /api/runs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FIRST_WORDS = (b"", HEADER + b"X: ", HEADER + b"\r\n", b"\x16\x03\x01\0\xff")


def allowed_connections(wanted=CONNECTIONS):
    """As many of them as this process may hold, once its limit is as high as it can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > soft:
        soft = wanted + SPARE if hard == resource.RLIM_INFINITY else min(hard, max(soft, wanted + SPARE))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(wanted, soft - SPARE))


class Flood:
    """Clients of a port of this machine; turn() is to be called a few times a second."""

    def __init__(self, port, count):
        self.address = ("127.0.0.1", port)
        self.count = count
        self.clients = {}  # by descriptor
        self.ends = select.epoll()
        self.begun = 0  # connections, those that came back included

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ends.close()
        for client in self.clients.values():
            client.close()

    def turn(self):
        """Everyone says a bit more; who was turned out comes back."""
        for descriptor, _ in self.ends.poll(0, self.count):
            self.clients.pop(descriptor).close()
        for client in list(self.clients.values())[1::4]:
            self._say(client, b"a")
        while len(self.clients) < self.count:
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(self.address)
            self.clients[client.fileno()] = client
            self.ends.register(client, select.EPOLLRDHUP)
            self._say(client, FIRST_WORDS[self.begun % len(FIRST_WORDS)])
            self.begun += 1

    @staticmethod
    def _say(client, words):
        try:
            client.send(words)
        except OSError:  # not connected yet, or not any more
            pass


def main():
    os.nice(19)
    with Flood(int(sys.argv[1]), allowed_connections()) as flood:
        flood.turn()
        print(f"{flood.count} connections", flush=True)
        while True:
            flood.turn()
            time.sleep(0.2)


if __name__ == "__main__":
    main()
