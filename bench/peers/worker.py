"""One run of one engine in a process of its own, in the peers' environment; prints one JSON object.

    worker.py extract NAME NETWORK SETTING LIST ROWS   features of the photos in LIST, into ROWS (.npy)
    worker.py network NAME NETWORK SETTING LIST        the network alone, inputs already in memory
    worker.py compare ROWS ROWS                        largest difference of two arrays of features
    worker.py versions NAME                            of Python and of what the engine is made of;
                                                       nothing where it is not installed
    worker.py settings NAME CORES                      those worth trying on so many cores

"seconds" (and "processor_seconds", of all threads) is the work alone: importing the library, loading
the network and one first batch come before. The clock of the whole process is with the caller.
"""

import importlib.metadata
import itertools
import json
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import engines
from networks import WIDTH, Network
from setting import Setting

PASSES = 5


def read_into(paths, buffer):
    import reading  # compiles or loads its loops: not in the processes that need none of it

    for path, target in zip(paths, buffer):
        reading.prepare(path, target)


def new_buffer(network, chosen):
    return np.zeros((chosen.batch, network.size, network.size, 3), np.float32)


def in_workers(count, work):
    """Calls work(worker) in `count` threads, the last of them this one; what one raises comes out."""
    with ThreadPoolExecutor(max(1, count - 1)) as pool:
        others = [pool.submit(work, worker) for worker in range(count - 1)]
        work(count - 1)
        for other in others:
            other.result()


def extract_one_photo_a_thread(engine, network, chosen, paths, rows):
    """Every worker reads a batch and sends it through the network, then takes the next one."""
    following = itertools.count(0, chosen.batch)
    lock = threading.Lock()

    def work(worker):
        buffer = new_buffer(network, chosen)
        while True:
            with lock:
                begin = next(following)
            if begin >= len(paths):
                return
            part = paths[begin:begin + chosen.batch]
            read_into(part, buffer)
            rows[begin:begin + len(part)] = engine.features(worker, buffer)[:len(part)]

    in_workers(chosen.workers, work)


def extract_reading_ahead(engine, network, chosen, paths, rows):
    """Threads read the next batch while the engine has the last one."""
    buffers = [new_buffer(network, chosen) for _ in range(2)]

    def start(pool, number):
        part = paths[number * chosen.batch:(number + 1) * chosen.batch]
        buffer = buffers[number % 2]
        return [pool.submit(read_into, part[i::chosen.threads], buffer[i::chosen.threads])
                for i in range(min(chosen.threads, len(part)))]

    with ThreadPoolExecutor(chosen.threads) as pool:
        ahead = start(pool, 0)
        for number, begin in enumerate(range(0, len(paths), chosen.batch)):
            for reading in ahead:
                reading.result()
            ahead = start(pool, number + 1)
            count = min(chosen.batch, len(paths) - begin)
            rows[begin:begin + count] = engine.features(0, buffers[number % 2])[:count]


def extract(engine, network, chosen, paths, rows):
    if hasattr(engine, "extract"):
        engine.extract(paths, rows)
    elif chosen.workers > 1:
        extract_one_photo_a_thread(engine, network, chosen, paths, rows)
    else:
        extract_reading_ahead(engine, network, chosen, paths, rows)


def run_extract(name, folder, setting_text, list_file, rows_file):
    chosen, network = Setting.parse(setting_text), Network(Path(folder))
    engine = engines.load(name).Engine(network, chosen)
    paths = Path(list_file).read_text().splitlines()
    rows = np.zeros((len(paths), WIDTH), np.float32)
    first = chosen.batch * chosen.workers
    extract(engine, network, chosen, paths[:first], rows[:first])
    begun, processor = time.perf_counter(), time.process_time()
    extract(engine, network, chosen, paths, rows)
    seconds, processor = time.perf_counter() - begun, time.process_time() - processor
    np.save(rows_file, rows)
    return {"seconds": seconds, "processor_seconds": processor, "photos": len(paths)}


def run_network(name, folder, setting_text, list_file):
    chosen, network = Setting.parse(setting_text), Network(Path(folder))
    engine = engines.load(name).Engine(network, chosen)
    paths = Path(list_file).read_text().splitlines()
    batches = [new_buffer(network, chosen) for _ in range(len(paths) // chosen.batch)]
    for i, batch in enumerate(batches):
        read_into(paths[i * chosen.batch:(i + 1) * chosen.batch], batch)

    def work(worker):
        for batch in batches[worker::chosen.workers]:
            engine.features(worker, batch)

    in_workers(chosen.workers, work)
    taken, processor = [], time.process_time()
    for _ in range(PASSES):
        begun = time.perf_counter()
        in_workers(chosen.workers, work)
        taken.append(time.perf_counter() - begun)
    return {"seconds": statistics.median(taken),
            "processor_seconds": (time.process_time() - processor) / PASSES,
            "photos": len(batches) * chosen.batch}


def run_compare(ours_file, theirs_file):
    ours, theirs = np.load(ours_file), np.load(theirs_file)
    return {"photos": len(ours), "largest": float(np.abs(ours - theirs).max()),
            "same_arg_max": int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())}


def run_versions(name):
    try:
        distributions = engines.load(name).DISTRIBUTIONS
    except ImportError:
        return {}
    return {"python": sys.version.split()[0],
            **{name: importlib.metadata.version(name) for name in distributions}}


def run_settings(name, cores):
    return {"settings": [one.dump() for one in engines.load(name).settings(int(cores))]}


def main():
    stage, *arguments = sys.argv[1:]
    work = {"extract": run_extract, "network": run_network, "compare": run_compare,
            "versions": run_versions, "settings": run_settings}[stage]
    print(json.dumps(work(*arguments)))


if __name__ == "__main__":
    main()
