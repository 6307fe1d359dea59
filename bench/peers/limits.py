"""What the hardware allows, from what was measured beside the runs, and how far from it graft is.

Limits are arithmetic over measured processor times: the multiply-adds of one core at their peak
(kernels/peak.cc), and everything else as it is. Reaching one would take every multiply-add in every
cycle.
"""

import statistics

WIDE_PEAK = 175  # GFLOP/s of a core with AVX-512, for which the goals below were set
GOALS = {  # network → photos/s of the cold pipeline, on two such cores
    "mobilenet_0.50_224": 600, "mobilenet_0.25_128": 1300}
NETWORK_GOAL = "≥ 65 % with AVX2, ≥ 80 % with AVX-512"  # of the peak
SHAPES = ("0.50_224", "0.25_128", "1.0_224")
INT8_LIMIT = "4 times: a multiply-add of VNNI does four"
INT8_GOAL = ("network", "mobilenet_0.50_224")
LARGE_LIMIT = 1.8
STEPS, BATCH, FEATURES, CLASSES = 500, 100, 1001, 5


def busy(results):
    """(least, greatest) load of the machine during the runs, or None where it was quiet."""
    loads = [run["load"] for run in results.runs if "load" in run]
    cores = results.facts["machine"]["cores"]
    return (min(loads), max(loads)) if loads and statistics.median(loads) > cores + 1 else None


def peak_of(results):
    """GFLOP/s of one core: the most that was seen; None where nothing was."""
    return max([run["rooms"]["peak_gflops"] for run in results.runs if "rooms" in run] +
               [value for run in results.runs for name, value in run.get("layers", {}).items()
                if name.startswith("peak/")], default=None)


def kernels(results):
    """Benchmark → median over the rounds of its share of the peak."""
    runs = [run["layers"] for run in results.runs if run["stage"] == "kernels"]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]} if runs else {}


def class_of_machine(results):
    peak = peak_of(results)
    if peak is None or "avx512f" in results.facts["machine"]["flags"]:
        return ""
    return (f"This machine has AVX2 and no AVX-512: a core does {peak:.0f} GFLOP/s in float32 at its "
            f"peak. The goals in photos a second were set for cores with AVX-512 that do {WIDE_PEAK}, "
            f"{WIDE_PEAK / peak:.1f} times as much, and cannot be reached here by any program; ratios "
            "and shares of the peak can be compared.\n")


def of(limit, value):
    return f"{100 * limit / value:.0f} %"


def photo_rows(results, network):
    """The network, and files to features, in processor time a photo. A core's peak changes with what
    else the machine's host does: a time is compared with the peak of its own round."""
    rooms = results.values("network", network, "graft", "rooms")
    if not rooms:
        return []
    taken = results.values("network", network, "graft", "processor_seconds")
    limits = {i: 2 * one["million_multiply_adds"] / one["peak_gflops"] for i, one in rooms.items()}
    shares = [limits[i] / (1000 * taken[i] / one["photos"]) for i, one in rooms.items()]
    least = statistics.median(limits.values())  # milliseconds
    forward = 1000 * results.a_photo("network", network, "graft")
    rows = [[f"{network}: the network, a photo", f"{forward:.2f} ms",
             f"{least:.2f} ms: every multiply-add at the peak",
             f"{100 * statistics.median(shares):.0f} %", NETWORK_GOAL if "0.50" in network else ""]]
    if results.who("extract", network):
        whole = 1000 * results.a_photo("extract", network, "graft")
        limit = whole - forward + least
        rows.append([
            f"{network}: `graft features`, cold, a photo", f"{whole:.2f} ms",
            f"{limit:.2f} ms: the network at the peak, all else ({whole - forward:.2f} ms) as it is",
            of(limit, whole), f"{2000 / GOALS[network]:.2f} ms ({GOALS[network]:,} photos/s on two "
            "cores) with AVX-512" if network in GOALS else ""])
    return rows


def second_thread_row(results, network):
    found = list(results.values("network", network, "graft", "rooms").values())
    if not found or busy(results):
        return []
    gain = {stage: statistics.median(one["all_threads"][stage] / one["one_thread"][stage]
                                     for one in found) for stage in ("pipeline", "network")}
    threads = found[0]["all_threads"]["threads"]
    return [[f"{network}: {threads} threads to one, pipeline (network)",
             f"{gain['pipeline']:.2f} ({gain['network']:.2f}) times", f"{threads}",
             of(gain["pipeline"], threads), "≥ 95 %"]]


def training_row(results, network, peak):
    found = [one["steps_500_ms"] for one in results.values("network", network, "graft", "rooms").values()]
    if not found or peak is None:
        return []
    limit = 4 * STEPS * BATCH * FEATURES * CLASSES / peak / 1e6  # a multiply-add there, one back
    return [["500 training steps of 100, the least of all rounds", f"{min(found):.0f} ms",
             f"{limit:.0f} ms: its multiply-adds at the peak of one core", of(limit, min(found)), ""]]


def rooms_rows(results, network):
    """What the pipeline's benchmark found beside: int8, and a photo much larger than the input."""
    found = list(results.values("network", network, "graft", "rooms").values())
    if not found:
        return []
    rows = []
    for what, stage in (("the network", "network"), ("photo to feature", "photo_to_feature")):
        ratio = statistics.median(one["precisions"][stage]["ratio"] for one in found)
        rows.append([f"{network}: int8, {what}", f"{ratio:.2f} times float32", INT8_LIMIT, "",
                     "≥ 1.7 times" if (stage, network) == INT8_GOAL else ""])
    large = statistics.median(one["large_photo"]["ratio"] for one in found)
    rows.append([f"12 megapixels, baseline JPEG, to the input of {network}",
                 f"{large:.2f} times libjpeg's whole decode", "1.8 times: entropy decoding alone",
                 of(large, LARGE_LIMIT), "≥ 1.6 times"])
    return rows


def label_row(results, network):
    if not results.who("label", network) or not results.who("network", network):
        return []
    whole = 1000 * results.median("label", network, "graft", "processor_seconds")
    forward = 1000 * results.a_photo("network", network, "graft")
    return [[f"`graft label`, one photo, {network}", f"{whole:.0f} ms",
             f"{forward:.1f} ms: its network, no start-up, no decoding", of(forward, whole), "≤ 30 ms"]]


def kernel_rows(results):
    middle = kernels(results)
    rows = []
    for shape in SHAPES if middle else ():
        layers = [value for name, value in middle.items()
                  if name.startswith(f"layer/{shape}/") and " separable " in name]
        goal = {"0.50_224": NETWORK_GOAL,
                "1.0_224": "≥ 65 % with AVX2, ≥ 78 % with AVX-512"}.get(shape, "")
        rows.append([f"kernels over the shapes of {shape}; its depthwise and pointwise layers", "",
                     "peak of one core",
                     f"{middle[f'network/{shape}']:.0f} %; {min(layers):.0f}–{max(layers):.0f} %", goal])
    return rows + avx2_rows(results)


def avx2_rows(results):
    """The same with AVX2 alone; a layer by its own name, the network as it is planned."""
    runs = [run["avx2"] for run in results.runs if "avx2" in run]
    rows = []
    for shape in runs[0] if runs else ():
        middle = {layer: statistics.median(run[shape][layer] for run in runs)
                  for layer in runs[0][shape]}
        pointwise = [share for layer, share in middle.items() if layer.startswith("pointwise")]
        rows.append([f"AVX2 alone, {shape}: the network; its pointwise layers", "",
                     "AVX2's peak of one core",
                     f"{middle['whole network, as planned']:.0f} %; {min(pointwise):.0f}–"
                     f"{max(pointwise):.0f} %", "≥ 65 %; ≥ 80 %"])
    return rows


def section(results, networks, table):
    peak = peak_of(results)
    rows = []
    for network in networks:
        rows += photo_rows(results, network) + second_thread_row(results, network)
        rows += label_row(results, network) + rooms_rows(results, network)
    rows += training_row(results, networks[0], peak) if networks else []
    return ("Processor time of all cores, which other programs on the machine disturb little.\n\n" +
            table(["", "here", "limit", "of the limit", "goal"], rows + kernel_rows(results)))
