"""The pictures of RESULTS.md: SVG, written by matplotlib without dates, so that they differ when data do."""

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


def rates(results, networks, file):
    """Bars: median photos a second, whiskers the range of the rounds."""
    panels = [(stage, network) for network in networks for stage in ("extract", "network")
              if results.who(stage, network)]
    if not panels:
        return
    figure, axes = plt.subplots(1, len(panels), figsize=(3.2 * len(panels), 2.6), squeeze=False)
    for axis, (stage, network) in zip(axes[0], panels):
        rates_of = {}
        for who in results.who(stage, network):
            photos = results.values(stage, network, who, "photos")
            rates_of[who] = [photos[i] / s for i, s in results.values(stage, network, who).items()]
        order = sorted(rates_of, key=lambda who: statistics.median(rates_of[who]))
        middle = [statistics.median(rates_of[who]) for who in order]
        reach = [[m - min(rates_of[who]) for m, who in zip(middle, order)],
                 [max(rates_of[who]) - m for m, who in zip(middle, order)]]
        axis.barh([engines.TITLES.get(who, who) for who in order], middle, xerr=reach, height=0.6,
                  color=[OURS if who == "graft" else THEIRS for who in order],
                  error_kw={"elinewidth": 1, "ecolor": "#222222", "capsize": 2})
        name = {"extract": "files to features", "network": "network alone"}[stage]
        axis.set_title(f"{network}\n{name}, photos/s", fontsize=9, loc="left")
    save(figure, file)


def growth(runs, file):
    """Seconds and megabytes over the number of photos, both axes logarithmic for the time."""
    photos = [one["photos"] for one in runs]
    figure, (time, memory) = plt.subplots(1, 2, figsize=(7.2, 2.8))
    time.loglog(photos, [one["seconds"] for one in runs], "o-", color=OURS, label="cold")
    time.loglog(photos, [one["warm_seconds"] for one in runs], "s-", color=THEIRS, label="warm")
    first = runs[0]
    time.loglog(photos, [first["seconds"] * count / first["photos"] for count in photos], ":",
                color="#222222", label="in proportion")
    time.set_title("seconds, cold and warm", fontsize=9, loc="left")
    memory.semilogx(photos, [one["anonymous_mb"] for one in runs], "o-", color=OURS, label="own")
    memory.semilogx(photos, [one["resident_mb"] for one in runs], "s-", color=THEIRS,
                    label="with mapped files")
    memory.set_ylim(bottom=0)
    memory.set_title("peak memory, MB", fontsize=9, loc="left")
    for axis in (time, memory):
        axis.set_xlabel("photos")
        axis.legend(frameon=False, fontsize=8)
    save(figure, file)
