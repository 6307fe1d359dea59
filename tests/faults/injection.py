"""One fault in one run of the program: strace makes a chosen system call fail, or kills at it.

Calls are counted as strace counts them: by name, within a thread. The list of an undisturbed run's
calls says which call the N-th of a name is; a run that is struck does the same up to that call.
"""

import collections
import dataclasses
import os
import re
import subprocess
import tempfile
from pathlib import Path

PATIENCE = 120  # seconds after which a run hangs

_DATA = "write,pwrite64,writev,pwritev,pwritev2"
_SYNC = "fsync,fdatasync,msync,ftruncate,fallocate"
_NAMES = "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat"
WRITING = f"{_DATA},{_SYNC},{_NAMES},fchmod,close,openat"
READING = "read,pread64,readv,openat,getdents64,mmap"
# The first call of main(): whatever comes before is the loader's.
_MAIN = "rt_sigaction"


@dataclasses.dataclass(frozen=True)
class Fault:
    """error: an errno's name; "" stands for SIGKILL on entry. calls: those it can happen to. like:
    another fault takes the same ways through the program, so a sample of its points will do."""

    name: str
    error: str
    calls: frozenset
    writing: bool = True
    like: bool = False


def _set(calls):
    return frozenset(calls.split(","))


_GROWING = _set(f"{_DATA},fsync,fdatasync,msync,fallocate,rename,renameat,renameat2,link,linkat,mkdir,"
                "mkdirat,openat,close")
FAULTS = {fault.name: fault for fault in (
    Fault("kill", "", _set(f"{_DATA},{_SYNC},{_NAMES},fchmod,openat")),
    Fault("ENOSPC", "ENOSPC", _GROWING),
    Fault("EDQUOT", "EDQUOT", _GROWING, like=True),
    Fault("EFBIG", "EFBIG", _set(f"{_DATA},ftruncate,fallocate"), like=True),
    Fault("EIO-write", "EIO", _set(f"{_DATA},{_SYNC},{_NAMES},fchmod,openat,close")),
    Fault("EIO-read", "EIO", _set("read,pread64,readv,openat,getdents64"), writing=False),
    Fault("EMFILE", "EMFILE", _set("openat"), writing=False, like=True),
    Fault("ENOMEM", "ENOMEM", _set("mmap"), writing=False),
)}


@dataclasses.dataclass(frozen=True)
class Call:
    """path: what it was about, as the kernel or the program names it; "" where there is none. fails:
    it does so in any case: no place for an error, but one to be killed at. probe: of the file that
    tells whether a place can be written, gone at once."""

    name: str
    nth: int
    path: str
    writing: bool
    fails: bool
    probe: bool = False

    def __str__(self):
        return f"{self.name} {self.nth} of {self.path}" if self.path else f"{self.name} {self.nth}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """status: as of subprocess; 128 + N where a shell would say so. None: it hung."""

    status: int
    output: str
    errors: str


def run(words, folder, stdout=subprocess.PIPE, **options):
    """Runs to the end, or kills what hangs."""
    try:
        done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, errors="replace", check=False,
                              timeout=PATIENCE, **options)
    except subprocess.TimeoutExpired as hang:
        return Outcome(None, "", (hang.stderr or b"").decode(errors="replace"))
    status = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return Outcome(status, done.stdout, done.stderr)


def _path(name, arguments):
    quoted = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
    if name in ("openat", "mkdir", "mkdirat", "unlink", "unlinkat"):
        return quoted[0] if quoted else ""
    if name.startswith(("rename", "link")):
        return quoted[1] if len(quoted) > 1 else ""
    described = re.search(r"\d+<([^>]*)>", arguments)
    return described.group(1) if described else ""


_LINE = re.compile(r"^(\d+) +(\w+)\((.*?)(?:\) += (.*)|<unfinished \.\.\.>)$", re.M)
# The end of a call between whose beginning and end stands another thread's.
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>")
_OPENED = re.compile(r"^\d+<([^>]*)>")


def traced(calls, log, injections=(), paths=True):
    """strace's words before a command. injections: "call:what:when=N". paths: descriptors are shown
    with what they are of, which costs more than all else."""
    # Signals are lost where a filter picks the calls to stop at (the kernel takes none at such a
    # stop), so those runs stop at every call.
    quick = [] if any(":signal=" in i for i in injections) else ["--seccomp-bpf"]
    names = ",".join([*calls, *(injection.partition(":")[0] for injection in injections)])
    return ["strace", "-f", "-qq", *quick, *(["-y"] if paths else []), "-s", "0",
            "-e", f"trace={names}", *(word for injection in injections
                                      for word in ("-e", f"inject={injection}")), "-o", str(log)]


def calls_of(words, folder, injections=()):
    """The calls of an undisturbed run that a fault can strike, in order, of the thread that makes
    most of them; from main() on. injections: what befalls the run besides."""
    with tempfile.NamedTemporaryFile(prefix="graft-strace-") as log:
        done = run([*traced([WRITING, READING, _MAIN], log.name, injections), *words], folder)
        lines = [line.groups("") for line in _LINE.finditer(Path(log.name).read_text())]
    if not lines:
        raise RuntimeError(f"strace shows nothing of {words[1]}: {done.errors.strip()[-500:]}")
    (busiest, _), = collections.Counter(thread for thread, *_ in lines).most_common(1)
    so_far = collections.Counter()
    calls, in_main, written = [], False, set()
    for thread, name, arguments, rest in lines:
        if thread != busiest:
            continue
        so_far[name] += 1
        in_main |= name == _MAIN and "SIGXFSZ" in arguments
        if not in_main or name == _MAIN:
            continue
        path = _path(name, arguments)
        if name == "openat" and "O_RDONLY" not in arguments and _OPENED.search(rest):
            written.add(_OPENED.search(rest).group(1))
        if name == "close" and path not in written:
            continue
        writing = _is_writing(name, arguments, path)
        if writing or _is_reading(name, path):
            probe = name == "close" and bool(calls) and calls[-1].name.startswith("unlink")
            calls.append(Call(name, so_far[name], path, writing, rest.startswith("-"), probe))
    return calls


def _is_writing(name, arguments, path):
    if name == "openat":
        return "O_CREAT" in arguments
    if path.startswith(("pipe:", "anon_inode:", "socket:")) and not arguments.startswith(("1<", "2<")):
        return False  # between our own threads
    return name in WRITING.split(",")


def _is_reading(name, path):
    return name in READING.split(",") and not path.startswith(("pipe:", "anon_inode:", "socket:"))


def strike(words, folder, call, fault, injections=(), certain=True):
    """(outcome, paths of the calls that failed) of `words` run in `folder` with the call struck: the
    program is killed on entry to it, or it fails. certain: it is the call that the undisturbed run
    made then; with threads it may be another one of that name, one in each thread, or none."""
    what = f"error={fault.error}" if fault.error else "signal=KILL"
    injections = [*injections, f"{call.name}:{what}:when={call.nth}"]
    if certain or not fault.error:
        return run([*traced([], os.devnull, injections, paths=False), *words], folder), [call.path]
    with tempfile.NamedTemporaryFile(prefix="graft-strace-") as log:
        outcome = run([*traced([], log.name, injections), *words], folder)
        return outcome, list(_struck(Path(log.name).read_text().splitlines()))


def _struck(lines):
    """Paths of the calls that failed by injection."""
    begun = {}  # by thread: the path of the call that it made last
    for line in lines:
        call, resumed = _LINE.match(line), _RESUMED.match(line)
        if call:
            begun[call.group(1)] = _path(*call.group(2, 3))
        if line.endswith("(INJECTED)"):
            yield begun.get((call or resumed).group(1), "")
