"""The pictures of RESULTS.md: SVG without dates, so that a file differs only when its data do."""

import statistics

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

import engines  # noqa: E402

matplotlib.rcParams.update({"svg.hashsalt": "graft", "svg.fonttype": "none", "font.size": 9,
                            "font.family": "sans-serif", "axes.spines.top": False,
                            "axes.spines.right": False})
OURS, THEIRS = "#1b7f5c", "#8a94a6"


def save(figure, file):
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def costs(results, networks, file):
    """Bars: median processor time a photo, whiskers the range of the rounds."""
    panels = [(stage, network) for network in networks for stage in ("extract", "network")
              if results.who(stage, network)]
    if not panels:
        return
    figure, axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 2.6), squeeze=False)
    for axis, (stage, network) in zip(axes[0], panels):
        taken = {}
        for who in results.who(stage, network):
            photos = results.values(stage, network, who, "photos")
            taken[who] = [1000 * seconds / photos[i] for i, seconds in
                          results.values(stage, network, who, "processor_seconds").items()]
        order = sorted(taken, key=lambda who: -statistics.median(taken[who]))
        middle = [statistics.median(taken[who]) for who in order]
        reach = [[m - min(taken[who]) for m, who in zip(middle, order)],
                 [max(taken[who]) - m for m, who in zip(middle, order)]]
        axis.barh([engines.TITLES.get(who, who) for who in order], middle, xerr=reach, height=0.6,
                  color=[OURS if who == "graft" else THEIRS for who in order],
                  error_kw={"elinewidth": 1, "ecolor": "#222222", "capsize": 2})
        name = {"extract": "files to features", "network": "network alone"}[stage]
        axis.set_title(f"{network}\n{name}, CPU ms a photo", fontsize=9, loc="left")
    save(figure, file)


def growth(runs, file):
    """Seconds and megabytes over the number of photos, both axes logarithmic for the time."""
    photos = [one["photos"] for one in runs]
    figure, (time, memory) = plt.subplots(1, 2, figsize=(7.2, 2.8))
    time.loglog(photos, [one["processor_seconds"] for one in runs], "o-", color=OURS, label="cold")
    time.loglog(photos, [one["warm_processor_seconds"] for one in runs], "s-", color=THEIRS, label="warm")
    first = runs[0]
    time.loglog(photos, [first["processor_seconds"] * count / first["photos"] for count in photos], ":",
                color="#222222", label="in proportion")
    time.set_title("processor seconds, cold and warm", fontsize=9, loc="left")
    memory.semilogx(photos, [one["anonymous_mb"] for one in runs], "o-", color=OURS, label="own")
    memory.semilogx(photos, [one["resident_mb"] for one in runs], "s-", color=THEIRS,
                    label="with mapped files")
    memory.set_ylim(bottom=0)
    memory.set_title("peak memory, MB", fontsize=9, loc="left")
    for axis in (time, memory):
        axis.set_xlabel("photos")
        axis.legend(frameon=False, fontsize=8)
    save(figure, file)
