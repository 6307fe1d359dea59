"""RESULTS.md from what a folder of results holds, with its pictures, in the peers' environment.

    report.py [RESULTS]     RESULTS/peers.json and growth.json; the page lies beside the folder
"""

import re
import statistics
import sys
from pathlib import Path

import engines
import limits
import plots
from results import Results
from setting import best_of

HERE = Path(__file__).resolve().parent
NAMES = {"graft": "**graft**", "codelab": "TensorFlow, the codelab's procedure", **engines.TITLES}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def rate_table(results, stage, network):
    """The stages extract and network: a row a contestant, the cheapest first."""
    rows = []
    who = results.who(stage, network)
    for name in sorted(who, key=lambda one: results.a_photo(stage, network, one)):
        row = [NAMES[name], f"{1 / results.a_photo(stage, network, name, 'seconds'):.0f}",
               times(results, stage, network, name, "seconds"),
               f"{1000 * results.a_photo(stage, network, name):.2f} ms",
               times(results, stage, network, name, "processor_seconds")]
        if stage == "extract":
            row += [f"{results.median(stage, network, name, 'process_seconds'):.2f} s",
                    f"{over_whole_process(results, network, name):.2f}"]
        if name == "graft":
            row += ["one photo a thread", "libjpeg-turbo, Highway"]
        else:
            tried = results.facts["settings"][network][stage][name]
            row += [str(best_of(tried)) + ("" if len(tried) > 1 else " (no other tried)"),
                    engines.READERS[name]]
        rows.append(row if stage == "extract" else row[:-1])
    head = ["", "photos/s", "graft is … times as fast", "processor time a photo", "times graft's"]
    if stage == "extract":
        return table([*head, "exec to exit", "work alone to graft's exec to exit", "setting",
                      "decode and resize"], rows)
    return table([*head, "setting"], rows)


def over_whole_process(results, network, who):
    """The work alone of `who` in units of graft's whole process: the clock that favours a peer."""
    theirs = results.values("extract", network, who)
    ours = results.values("extract", network, "graft", "process_seconds")
    return statistics.median(theirs[i] / ours[i] for i in theirs)


def times(results, stage, network, who, key, to="graft"):
    """What `who` takes in units of graft's, with the range of the rounds."""
    if who == to:
        return "1"
    middle, least, most = results.ratio(stage, network, who, to, key)
    digits = 0 if middle >= 20 else 1 if middle >= 3 else 2
    return f"{middle:.{digits}f} ({least:.{digits}f}–{most:.{digits}f})"


def whole_commands_table(results, stage, network, what):
    """The stages job and label; `what`: heading → suffix of who."""
    rows = []
    for who in ("graft", "codelab"):
        for heading, suffix in what.items():
            if f"{who}{suffix}" not in results.who(stage, network):
                continue
            row = [f"{NAMES[who]}, {heading}"]
            for key in ("seconds", "processor_seconds"):
                row += [f"{results.median(stage, network, who + suffix, key):.3g} s",
                        times(results, stage, network, who + suffix, key, "graft" + suffix)]
            rows.append(row)
    return table(["", "exec to exit", "times graft's", "processor time", "times graft's"], rows)


def agreement_table(results):
    networks = results.facts["agreement"]
    rows = [[NAMES[who]] + [f"{found[who]['largest']:.1e}" for found in networks.values()]
            for who in results.facts["installed"]]
    return table(["largest difference of a feature", *networks], rows)


def growth_section(growth, folder):
    if not growth.runs:
        return ""
    runs = sorted(growth.runs, key=lambda one: one["photos"])
    rows = [[f"{one['photos']:,}", f"{one['processor_seconds']:.1f} s",
             f"{1000 * one['processor_seconds'] / one['photos']:.2f} ms", f"{one['seconds']:.1f} s",
             f"{one['warm_processor_seconds']:.2f} s", f"{one['warm_seconds']:.2f} s",
             f"{one['anonymous_mb']:.0f} MB", f"{one['resident_mb']:.0f} MB"] for one in runs]
    plots.growth(runs, folder / "growth.svg")
    return ("## Growth\n\n`graft retrain`, 500 steps, " + runs[0]["network"] + ", every photo of "
            "another content, nothing cached; then the same again with everything cached. The mapped "
            "cache is 4 kB a photo.\n\n" +
            table(["photos", "cold: processor", "a photo", "wall clock", "warm: processor", "wall clock",
                   "own memory", "with mapped files"], rows) +
            "\n![Time and memory from the fewest photos to the most](results/growth.svg)\n\n")


def versions(results):
    found = dict(results.facts["versions"])
    graft = found.pop("graft").splitlines()
    peers = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"{graft[0]} ({graft[1]}; {re.sub('^libraries: ', '', graft[2])}); {peers}."


def accuracies(results, network):
    return ", ".join(
        f"{name} {100 * statistics.median(results.values('job', network, who, 'accuracy').values()):.1f} %"
        for name, who in (("graft", "graft cold"), ("TensorFlow", "codelab cold")))


def state_of_machine(results):
    load = limits.busy(results)
    if not load:
        return ""
    return (f"**The machine was busy with other work** (load average {load[0]:.0f} to {load[1]:.0f}): "
            "wall-clock times are several times longer than on a quiet one, and their ratios rough. "
            "Processor times are what to compare.\n\n")


def write(folder):
    results, growth = Results(folder / "peers.json"), Results(folder / "growth.json")
    networks = [network for network in results.facts["agreement"]
                if results.who("extract", network) or results.who("network", network)]
    machine = results.facts["machine"]
    parts = [f"""# Measured beside other programs

`./dev bench peers` and `./dev bench growth` write this page; every single time is in
[results](results). How it is measured, and what
the figures do not say, is at the top of [compare.py](peers/compare.py).

{machine['date']}, {machine['cores_used']} cores of {machine['processor']} ({', '.join(machine['flags'])}),
{machine['memory_gb']} GB. The shared flower photos, files in the page cache. Contestants in turns;
medians, in brackets the whole range over the rounds.

{state_of_machine(results)}{limits.class_of_machine(results)}
"""]
    for network in networks:
        if results.who("job", network):
            parts.append(f"## The whole job, {network}\n\n1,000 photos, 500 steps.\n\n" +
                         whole_commands_table(results, "job", network, {
                             "nothing cached": " cold", "features cached": " warm"}) +
                         f"\nTest accuracy: {accuracies(results, network)}.\n")
        if results.who("label", network):
            parts.append(f"## One photo, {network}\n\n" + whole_commands_table(
                results, "label", network, {"from process start to answer": ""}))
    for network in networks:
        if results.who("extract", network):
            photos = next(iter(results.values("extract", network, "graft", "photos").values()))
            parts.append(f"## Features of {photos} photos, {network}\n\n"
                         f"{rate_table(results, 'extract', network)}")
    for network in networks:
        if results.who("network", network):
            parts.append(f"## The network alone, {network}\n\n"
                         f"{rate_table(results, 'network', network)}")
    plots.costs(results, networks, folder / "costs.svg")
    parts.append("![Processor time a photo of all contestants](results/costs.svg)\n")
    parts.append("## How far from the limit\n\n" + limits.section(results, networks, table))
    parts.append(growth_section(growth, folder))
    parts.append("## Same answers\n\nOver 25 photos, against graft's features; arg max equal on all.\n\n"
                 f"{agreement_table(results)}\nPyTorch is not among the peers: what PyPI has for Linux "
                 "brings CUDA's libraries, 1.9 GB to download and the CUDA toolkit beside.\n")
    parts.append(f"## Versions\n\n{versions(results)}\n")
    (folder.parent / "RESULTS.md").write_text("\n".join(part for part in parts if part))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "results")
