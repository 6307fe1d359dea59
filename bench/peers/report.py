"""bench/RESULTS.md and its pictures from bench/results/*.json, in the peers' environment."""

import re
import statistics
from pathlib import Path

import engines
import limits
import plots
from results import Results
from setting import Setting

BENCH = Path(__file__).resolve().parents[1]
RESULTS = BENCH / "results"
NAMES = {"graft": "**graft**", "codelab": "TensorFlow, the codelab's procedure", **engines.TITLES}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def times(ratio):
    """A ratio with the range of its rounds."""
    middle, least, most = ratio
    digits = 0 if middle >= 20 else 1 if middle >= 3 else 2
    return f"{middle:.{digits}f} ({least:.{digits}f}–{most:.{digits}f})"


def chosen_setting(results, network, stage, who):
    tried = results.facts["settings"][network][stage][who]
    return str(Setting.parse(min(tried, key=lambda one: one["seconds"])["setting"]))


def by_speed(results, stage, network):
    who = results.who(stage, network)
    return sorted(who, key=lambda name: results.median(stage, network, name))


def photos_a_second(results, stage, network, who):
    photos = next(iter(results.values(stage, network, who, "photos").values()))
    return photos / results.median(stage, network, who)


def rate_table(results, stage, network):
    rows = []
    for who in by_speed(results, stage, network):
        rate = photos_a_second(results, stage, network, who)
        if who == "graft":
            rows.append([NAMES[who], f"{rate:.0f}", "1", "one photo a thread", ""])
            continue
        reader = engines.READERS[who]
        rows.append([NAMES[who], f"{rate:.0f}", times(results.ratio(stage, network, who)),
                     chosen_setting(results, network, stage, who), reader])
    head = ["", "photos/s", "graft is … times as fast", "setting", "decode and resize"]
    if stage != "extract":
        head, rows = head[:4], [row[:4] for row in rows]
    return table(head, rows)


def job_table(results, network):
    rows = []
    for who in ("graft", "codelab"):
        row = [NAMES[who]]
        for warmth in ("cold", "warm"):
            row.append(f"{results.median('job', network, f'{who} {warmth}'):.2f} s")
            row.append("1" if who == "graft" else times(
                results.ratio("job", network, f"{who} {warmth}", f"graft {warmth}")))
        accuracy = results.values("job", network, f"{who} cold", "accuracy").values()
        row.append(f"{100 * statistics.median(accuracy):.1f} %")
        rows.append(row)
    return table(["1,000 photos, 500 steps", "cold", "graft is … times as fast", "warm",
                  "graft is … times as fast", "test accuracy"], rows)


def label_table(results, network):
    rows = []
    for who in ("graft", "codelab"):
        milliseconds = 1000 * results.median("label", network, who)
        rows.append([NAMES[who], f"{milliseconds:.0f} ms",
                     "1" if who == "graft" else times(results.ratio("label", network, who))])
    return table(["one photo, process start to exit", "", "graft is … times as fast"], rows)


def agreement_table(results):
    networks = results.facts["agreement"]
    rows = [[NAMES[who]] + [f"{found[who]['largest']:.1e}" for found in networks.values()]
            for who in results.facts["installed"]]
    return table(["largest difference of a feature", *networks], rows)


def growth_section(growth):
    if not growth.runs:
        return ""
    runs = sorted(growth.runs, key=lambda one: one["photos"])
    rows = [[f"{one['photos']:,}", f"{one['seconds']:.1f} s",
             f"{1000 * one['seconds'] / one['photos']:.2f} ms", f"{one['warm_seconds']:.2f} s",
             f"{one['anonymous_mb']:.0f} MB", f"{one['resident_mb']:.0f} MB"] for one in runs]
    plots.growth(runs, RESULTS / "growth.svg")
    return ("## Growth\n\n`graft retrain`, 500 steps, " + runs[0]["network"] + ", every photo of "
            "another content, nothing cached; then the same again with everything cached. The mapped "
            "cache is 4 kB a photo.\n\n" +
            table(["photos", "cold", "a photo", "warm", "own memory", "with mapped files"], rows) +
            "\n![Time and memory from the fewest photos to the most](results/growth.svg)\n\n")


def versions(results):
    found = dict(results.facts["versions"])
    graft = found.pop("graft").splitlines()
    peers = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"{graft[0]} ({graft[1]}; {re.sub('^libraries: ', '', graft[2])}); {peers}."


def write():
    results, growth = Results(RESULTS / "peers.json"), Results(RESULTS / "growth.json")
    networks = [network for network in results.facts["agreement"]
                if results.who("extract", network) or results.who("network", network)]
    machine = results.facts["machine"]
    parts = [f"""# Measured beside other programs

`./dev bench peers` and `./dev bench growth` write this page; every single time is in
[peers.json](results/peers.json) and [growth.json](results/growth.json). How it is measured, and what
the figures do not say, is at the top of [compare.py](peers/compare.py).

{machine['date']}, {machine['cores_used']} cores of {machine['processor']} ({', '.join(machine['flags'])}),
{machine['memory_gb']} GB. The shared flower photos, files in the page cache. Contestants in turns;
medians, in brackets the whole range over the rounds.

{limits.class_of_machine(results)}
"""]
    for network in networks:
        if results.who("job", network):
            parts.append(f"## The whole job, {network}\n\n{job_table(results, network)}")
        if results.who("label", network):
            parts.append(f"## One photo, {network}\n\n{label_table(results, network)}")
    for network in networks:
        if results.who("extract", network):
            photos = next(iter(results.values("extract", network, "graft", "photos").values()))
            parts.append(f"## Features of {photos} photos, {network}\n\n"
                         f"{rate_table(results, 'extract', network)}")
    for network in networks:
        if results.who("network", network):
            parts.append(f"## The network alone, {network}\n\n"
                         f"{rate_table(results, 'network', network)}")
    plots.rates(results, networks, RESULTS / "rates.svg")
    parts.append("![Photos a second of all contestants](results/rates.svg)\n")
    parts.append("## How far from the limit\n\n" + limits.section(results, networks, table))
    parts.append(growth_section(growth))
    parts.append("## Same answers\n\nOver 25 photos, against graft's features; arg max equal on all.\n\n"
                 f"{agreement_table(results)}\nPyTorch is not among the peers: what PyPI has for Linux "
                 "brings CUDA's libraries, 1.9 GB to download and the CUDA toolkit beside.\n")
    parts.append(f"## Versions\n\n{versions(results)}\n")
    (BENCH / "RESULTS.md").write_text("\n".join(part for part in parts if part))


if __name__ == "__main__":
    write()
