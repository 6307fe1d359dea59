"""What the hardware allows, from what was measured beside the runs, and how far from it graft is.

Limits are arithmetic over measured rates: the multiply-adds of one core at their peak
(kernels/peak.cc), and decoding and resizing as they are. Reaching one would take every multiply-add in
every cycle and nothing else at all.
"""

import statistics

WIDE_PEAK = 175  # GFLOP/s of a core with AVX-512, for which the goals below were set
GOALS = {  # network → photos/s of the cold pipeline, on two such cores
    "mobilenet_0.50_224": 600, "mobilenet_0.25_128": 1300}
NETWORK_GOALS = {"0.50_224": 65, "1.0_224": 65}  # percent of the peak, AVX2 alone
STEPS, BATCH, FEATURES, CLASSES = 500, 100, 1001, 5


def rooms(results, network):
    """The medians over the rounds of what pipeline_bench printed."""
    found = list(results.values("network", network, "graft", "rooms").values())
    if not found:
        return None
    middle = {group: {stage: statistics.median(one[group][stage] for one in found)
                      for stage in ("decode", "resize", "network", "pipeline")}
              for group in ("one_thread", "all_threads")}
    return {**middle, "threads": found[0]["all_threads"]["threads"],
            "peak": max(one["peak_gflops"] for one in found),
            "gflop": 2 * found[0]["million_multiply_adds"] / 1000,
            "steps_ms": statistics.median(one["steps_500_ms"] for one in found)}


def peak(results):
    found = [one["rooms"]["peak_gflops"] for one in results.runs if "rooms" in one]
    return max(found) if found else None


def class_of_machine(results):
    wide = "avx512f" in results.facts["machine"]["flags"]
    measured = peak(results)
    if wide or measured is None:
        return ""
    return (f"This machine has AVX2 and no AVX-512: a core does {measured:.0f} GFLOP/s in float32 at "
            f"its peak. The goals in photos a second were set for cores with AVX-512 that do "
            f"{WIDE_PEAK}, {WIDE_PEAK / measured:.1f} times as much, and cannot be reached here by any "
            "program; ratios and shares of the peak can be compared.\n")


def of(value, limit):
    return f"{100 * value / limit:.0f} %"


def pipeline_rows(results, network, room):
    one, every, cores = room["one_thread"], room["all_threads"], room["threads"]
    network_limit = room["peak"] / room["gflop"]
    pipeline_limit = 1 / (1 / one["decode"] + 1 / one["resize"] + 1 / network_limit)
    rows = [
        [f"{network}: network alone, {cores} threads", f"{every['network']:.0f} photos/s",
         f"{cores * network_limit:.0f}: every multiply-add at the peak",
         of(every["network"], cores * network_limit), "≥ 65 % with AVX2"],
        [f"{network}: read, decode, resize, network", f"{every['pipeline']:.0f} photos/s",
         f"{cores * pipeline_limit:.0f}: so, with today's decode and resize",
         of(every["pipeline"], cores * pipeline_limit), ""],
    ]
    cold = results.values("extract", network, "graft")
    if cold:
        photos = next(iter(results.values("extract", network, "graft", "photos").values()))
        rate = photos / statistics.median(cold.values())
        rows.append([f"{network}: `graft features`, cold, exec to exit", f"{rate:.0f} photos/s",
                     f"{cores * pipeline_limit:.0f}: the same", of(rate, cores * pipeline_limit),
                     f"{GOALS.get(network, '')} with AVX-512"])
    rows.append([f"{network}: second thread, pipeline (network)",
                 f"{every['pipeline'] / one['pipeline']:.2f} ({every['network'] / one['network']:.2f})"
                 f" times one", f"{cores}", of(every["pipeline"], cores * one["pipeline"]), "≥ 95 %"])
    return rows


def training_row(room):
    gflop = 4 * STEPS * BATCH * FEATURES * CLASSES / 1e9  # a multiply-add forward, one backward
    limit = 1000 * gflop / room["peak"]
    return ["500 training steps of 100, alone", f"{room['steps_ms']:.0f} ms",
            f"{limit:.0f} ms: its multiply-adds at the peak of one core",
            of(limit, room["steps_ms"]), ""]


def label_row(results, network, room):
    seconds = results.median("label", network, "graft")
    own = 1 / room["one_thread"]["pipeline"]
    return [f"`graft label`, one photo, {network}", f"{1000 * seconds:.0f} ms",
            f"{1000 * own:.1f} ms: its decode, resize and network, no start-up", of(own, seconds),
            "≤ 30 ms"]


def kernel_rows(results):
    runs = [one["layers"] for one in results.runs if one["stage"] == "kernels"]
    if not runs:
        return []
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    rows = []
    for shape in ("0.50_224", "0.25_128", "1.0_224"):
        goal = f"≥ {NETWORK_GOALS[shape]} % with AVX2" if shape in NETWORK_GOALS else ""
        rows.append([f"kernels alone, one thread, the shapes of {shape}", "",
                     "peak of one core", f"{middle[f'network/{shape}']:.0f} %", goal])
        layers = [value for name, value in middle.items()
                  if name.startswith(f"layer/{shape}/") and " separable " in name]
        rows.append([f"depthwise + pointwise layers of {shape}", "", "peak of one core",
                     f"{min(layers):.0f}–{max(layers):.0f} %", ""])
    return rows


def section(results, networks, table):
    rows = []
    for network in networks:
        room = rooms(results, network)
        if room:
            rows += pipeline_rows(results, network, room)
            if results.who("label", network):
                rows += [label_row(results, network, room), training_row(room)]
    rows += kernel_rows(results)
    return table(["", "here", "limit", "of the limit", "goal"], rows)
