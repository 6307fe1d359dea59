"""What must hold of the program's folder and words after any run, whatever befell it."""

import collections
import ctypes
import hashlib
import json
import os
import re
import struct

import injection

TEMPORARY = re.compile(r"^\.(.+)\.\d+\.\d+\.tmp$")
MAX_RECORD = 1 << 28
# What another library or the language's runtime says when nobody caught what went wrong.
UNCAUGHT = ("terminate called", "internal error", "libgomp:", "Sanitizer", "double free", "corrupted")


def _crc32c_of_isal():
    library = ctypes.CDLL("libisal.so.2")
    library.crc32_iscsi.restype = ctypes.c_uint
    library.crc32_iscsi.argtypes = (ctypes.c_char_p, ctypes.c_int, ctypes.c_uint)

    def crc32c(data):
        return library.crc32_iscsi(data, len(data), 0xFFFFFFFF) ^ 0xFFFFFFFF

    # The check value of the catalogue of parametrised CRC algorithms, CRC-32/ISCSI.
    assert crc32c(b"123456789") == 0xE3069283
    return crc32c


CRC32C = _crc32c_of_isal()


def _masked_crc(data):
    """As TensorFlow's record files hold it: tensorflow/core/lib/hash/crc32c.h."""
    crc = CRC32C(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


class Damage(Exception):
    """An event file is not what it should be."""


def events(file):
    """(the events without their wall times, bytes of a record that the end cuts off). Damage: a
    wrong checksum, or what is no event."""
    with open(file, "rb") as opened:
        data = opened.read()
    at, found = 0, []
    while at < len(data):
        if len(data) - at < 12:
            return found, len(data) - at
        (length, crc) = struct.unpack_from("<QI", data, at)
        if crc != _masked_crc(data[at:at + 8]) or length > MAX_RECORD:
            raise Damage(f"{file}: a damaged header at {at}")
        if len(data) - at < length + 16:
            return found, len(data) - at
        event = data[at + 12:at + 12 + length]
        if _masked_crc(event) != struct.unpack_from("<I", data, at + 12 + length)[0]:
            raise Damage(f"{file}: a damaged event at {at}")
        if event[:1] != b"\x09":  # Event.wall_time, a double
            raise Damage(f"{file}: no event at {at}")
        found.append(event[9:])
        at += 16 + length
    return found, 0


class State:
    """A folder's files: by content, but for those that no two runs write alike."""

    def __init__(self, folder):
        self.files, self.temporaries = {}, []
        self.events = collections.defaultdict(set)  # by folder
        self.damage, self.cut_off, self.caches = [], 0, []
        for place, _, names in os.walk(folder):
            beside = os.path.relpath(place, folder)
            for name in names:
                self._read(os.path.join(place, name), os.path.normpath(f"{beside}/{name}"))

    def _read(self, path, name):
        last = os.path.basename(path)
        if TEMPORARY.match(last):
            self.temporaries.append(name)
        elif ".tfevents." in last:
            self._read_events(path, os.path.dirname(name))
        elif last == "features.cache":
            self.caches.append(name)
        elif last == "run.json":
            self._read_record(path, name)
        elif last != "checkpoint.graft":  # checked by going on from it
            with open(path, "rb") as file:
                self.files[name] = hashlib.sha256(file.read()).hexdigest()

    def _read_events(self, path, folder):
        try:
            found, cut_off = events(path)
        except Damage as damage:
            self.damage.append(str(damage))
            return
        self.events[folder].update(found)
        self.cut_off += cut_off

    def _read_record(self, path, name):
        try:
            with open(path, encoding="utf-8") as file:
                json.load(file)
        except ValueError:
            self.damage.append(f"{name}: not JSON")


def old_or_new(state, old, new):
    """Complaints: a file that is neither as it was nor as it is to become, or that lacks wrongly."""
    for name in sorted({*state.files, *old.files, *new.files}):
        if state.files.get(name) not in (old.files.get(name), new.files.get(name)):
            yield f"{name} is neither old nor new" if name in state.files else f"{name} is gone"
    yield from state.damage
    for folder, found in state.events.items():
        strangers = found - new.events.get(folder, set()) - old.events.get(folder, set())
        if strangers:
            yield f"{folder}: {len(strangers)} events that an undisturbed run does not write"


def same_as(state, new, on_the_way=True):
    """Complaints: what differs from an undisturbed run's folder; also of what runs write on their
    way, events and intermediate graphs."""
    for name in sorted({*state.files, *new.files}):
        if state.files.get(name) != new.files.get(name) and (on_the_way or
                                                             not name.startswith("intermediate/")):
            yield f"{name} is not an undisturbed run's"
    yield from state.damage
    for folder in sorted({*state.events, *new.events} if on_the_way else ()):
        if state.events.get(folder) != new.events.get(folder):
            yield f"{folder}: not an undisturbed run's events"


def cache_complaints(graft, folder, state):
    for name in state.caches:
        place = os.path.dirname(name) or "."
        checked = injection.run([graft, "cache", "check", f"--bottleneck_dir={place}"], folder)
        if checked.status != 0:
            yield f"graft cache check {place}: {(checked.output + checked.errors).strip()[-200:]}"


def plain_name(path):
    """Of the file that a temporary one is to become."""
    name = path.rstrip("/").rpartition("/")[2]
    temporary = TEMPORARY.match(name)
    return temporary.group(1) if temporary else name


def message_complaints(outcome, names, partly=False):
    """A failure ends with one line, "graft: what: why: what to do", which has one of `names`.
    partly: the command goes on with the rest, so that the line is not the last."""
    for word in UNCAUGHT:
        if word in outcome.errors:
            yield f"\"{word}\" in: {outcome.errors.strip()[-300:]}"
    lines = outcome.errors.splitlines()
    errors = [line for line in lines if line.startswith("graft: ") and
              not line.startswith("graft: warning: ")]
    if len(errors) != 1 or (lines[-1] != errors[0] and not partly):
        yield f"not one line at the end that says why: {outcome.errors.strip()[-300:]!r}"
        return
    if errors[0].count(": ") < 3:
        yield f"not what, why and what to do: {errors[0]}"
    if names and not any(name in errors[0] for name in names):
        yield f"names none of {', '.join(names)}: {errors[0]}"
