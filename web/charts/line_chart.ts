// A line chart over uPlot: drag to zoom, double-click to fit, the wheel left to scrolling; crosshair
// with the nearest curve first in its tooltip; the arrow keys do what the pointer does. Knows nothing
// of the framework, of the server or of languages: text comes through `LineOptions.words`.

import uPlot from "uplot";
import { align, nearest, yRange, type Aligned, type Axis, type LineSeries } from "./line_data";
import { formatDuration, formatValue, grouped, type Units } from "./ticks";

/** Of what is drawn on canvas, which style sheets do not reach. */
export interface LineColours { ink: string; grid: string; ground: string; font: string }

export interface LineOptions {
  axis: Axis;
  log: boolean;
  ignoreOutliers: boolean;
  /** Draw the raw values faintly behind. */
  showRaw: boolean;
  height: number;
  colours: LineColours;
  locale: string;
  words: { step: string; label: string; nothing: string; units: Units };
  /** Charts with the same key share the crosshair. */
  sync: string;
  /** x range after a zoom, or null after fitting everything. */
  onZoom(range: [number, number] | null): void;
}

const RAW_ALPHA = 0.28;
const PAGE_MOVES = 0.1; // of the points, for Page Up and Page Down

export class LineChart {
  private plot: uPlot | null = null;
  private series: LineSeries[] = [];
  private aligned: Aligned = { x: [], y: [], raw: [], at: [] };
  private zoom: [number, number] | null = null;
  private emphasised: string | null = null;
  private cursorX: number | null = null;
  private readonly tooltip = document.createElement("div");
  private readonly observer: ResizeObserver;
  private width = 0;

  constructor(private readonly host: HTMLElement, private options: LineOptions) {
    this.tooltip.className = "tooltip";
    this.tooltip.hidden = true;
    host.tabIndex = 0;
    host.setAttribute("role", "slider");
    host.setAttribute("aria-valuenow", "0");
    host.addEventListener("keydown", this.onKey);
    host.addEventListener("blur", this.hideCursor);
    this.observer = new ResizeObserver(() => this.onResize());
    this.observer.observe(host);
    host.setAttribute("aria-label", options.words.label);
    this.describeCursor();
  }

  destroy(): void {
    this.observer.disconnect();
    this.host.removeEventListener("keydown", this.onKey);
    this.host.removeEventListener("blur", this.hideCursor);
    this.plot?.destroy();
    this.plot = null;
    this.tooltip.remove();
  }

  /**
   * What is drawn and how; keeps the zoom unless the axis changed. New points of the same curves are
   * drawn into the plot that is there. Callers gather changes of one frame.
   */
  update(series: LineSeries[], options: LineOptions): void {
    const before = this.options;
    const look = (list: LineSeries[], o: LineOptions) => [
      o.axis, o.log, o.showRaw, o.height, o.locale, ...Object.values(o.colours),
      ...list.map((s) => `${s.id} ${s.colour} ${s.dashed} ${s.name} ${s.x.length > 1}`),
    ].join("\n");
    const same = look(series, options) === look(this.series, before);
    if (before.axis !== options.axis) this.zoom = null;
    this.series = series;
    this.options = options;
    this.host.setAttribute("aria-label", options.words.label);
    if (same) this.refresh();
    else this.build();
    this.describeCursor();
  }

  zoomTo(range: [number, number] | null): void {
    this.zoom = range;
    if (this.plot !== null) this.refresh();
  }

  fit(): void {
    this.zoomTo(null);
    this.options.onZoom(null);
  }

  /** Draws one curve stronger than the others; null: all alike. */
  emphasise(id: string | null): void {
    if (this.emphasised === id) return;
    this.emphasised = id;
    this.plot?.redraw(false);
  }

  /** What is visible, for pictures: x range and y range. */
  ranges(): { x: [number, number]; y: [number, number] } | null {
    const { x, y } = this.plot?.scales ?? {};
    if (x?.min == null || x.max == null || y?.min == null || y.max == null) return null;
    return { x: [x.min, x.max], y: [y.min, y.max] };
  }

  private xRange(): [number, number] {
    if (this.zoom !== null) return this.zoom;
    const { x } = this.aligned;
    const low = x[0] ?? 0;
    const high = x[x.length - 1] ?? 1;
    return high > low ? [low, high] : [low - 1, high + 1];
  }

  private data(): uPlot.AlignedData {
    const { x, y, raw } = this.aligned;
    const rows = this.series.flatMap((_, i) => (this.options.showRaw ? [raw[i], y[i]] : [y[i]]));
    return [x, ...rows] as uPlot.AlignedData;
  }

  private refresh(): void {
    if (this.plot === null) {
      this.build();
      return;
    }
    this.aligned = align(this.series, this.options.log);
    this.plot.setData(this.data(), false);
    const [min, max] = this.xRange();
    this.plot.setScale("x", { min, max });
  }

  private onResize(): void {
    const width = Math.floor(this.host.clientWidth);
    if (width === this.width || width === 0) return;
    this.width = width;
    if (this.plot === null) this.build();
    else this.plot.setSize({ width, height: this.options.height });
  }

  private build(): void {
    this.width = Math.floor(this.host.clientWidth);
    if (this.width === 0) return;
    this.plot?.destroy();
    this.aligned = align(this.series, this.options.log);
    this.plot = new uPlot(this.uplotOptions(), this.data(), this.host);
    this.plot.over.append(this.tooltip);
  }

  private uplotOptions(): uPlot.Options {
    const { axis, log, colours, showRaw, height, sync, locale } = this.options;
    const font = `12px ${colours.font}`;
    const lines = this.series.flatMap((s): uPlot.Series[] => {
      const alpha = () => (this.emphasised === null || this.emphasised === s.id ? 1 : 0.25);
      const strong: uPlot.Series = {
        stroke: s.colour,
        width: 2,
        points: { show: s.x.length === 1, size: 7, fill: s.colour },
        ...(s.dashed ? { dash: [7, 4] } : {}),
      };
      const faint: uPlot.Series = { stroke: s.colour, width: 1, alpha: RAW_ALPHA, points: { show: false } };
      Object.defineProperty(strong, "alpha", { get: alpha, set: () => undefined, enumerable: true });
      return showRaw ? [faint, strong] : [strong];
    });
    const time = (seconds: number) => new Date(seconds * 1000).toLocaleTimeString(locale);
    const xText: uPlot.Axis["values"] = axis === "step"
      ? (_, splits) => splits.map((v) => (Number.isInteger(v) ? grouped(v) : ""))
      : axis === "relative"
        ? (_, splits) => splits.map((v) => formatDuration(v, this.options.words.units))
        : (_, splits) => splits.map(time);
    const look = { stroke: colours.ink, font, grid: { stroke: colours.grid, width: 1 }, ticks: { show: false } };
    return {
      width: this.width,
      height,
      padding: [12, 14, 0, 0],
      legend: { show: false },
      cursor: {
        drag: { x: true, y: false, dist: 6, setScale: false },
        points: { size: 8, width: 2, fill: colours.ground },
        dataIdx: (_, index, hovered) => this.ownIndex(index, hovered),
        // The crosshair is shared, a zoom is not.
        sync: { key: sync, setSeries: false, filters: { sub: (type) => /^mouse(move|leave)$/.test(type), pub: () => true } },
        bind: { dblclick: () => () => (this.fit(), null) },
        y: true,
      },
      scales: {
        x: { time: false, range: () => this.xRange() },
        y: {
          distr: log ? 3 : 1,
          range: () => {
            const [x0, x1] = this.xRange();
            return yRange(this.series, x0, x1, log, this.options.ignoreOutliers) ?? (log ? [0.1, 1] : [0, 1]);
          },
        },
      },
      axes: [
        { ...look, values: xText, space: axis === "step" ? 60 : 90, size: 30, gap: 6 },
        { ...look, values: (_, splits) => splits.map((v) => (v === null ? "" : formatValue(v))), size: 56, gap: 6, space: 36 },
      ],
      series: [{}, ...lines],
      hooks: {
        draw: [(u) => this.drawBroken(u)],
        setCursor: [(u) => this.onCursor(u)],
        setSelect: [(u) => this.onSelect(u)],
      },
    };
  }

  /** uPlot's series number (1 for the first) to ours, and whether it is the faint one. */
  private seriesOf(index: number): { series: number; faint: boolean } {
    const { showRaw } = this.options;
    return { series: showRaw ? (index - 1) >> 1 : index - 1, faint: showRaw && index % 2 === 1 };
  }

  private ownIndex(index: number, hovered: number): number {
    if (index === 0) return hovered;
    const { series, faint } = this.seriesOf(index);
    const own = this.series[series];
    if (faint || own === undefined) return null as unknown as number; // no mark on the faint line
    const x = this.aligned.x[hovered];
    if (x === undefined) return null as unknown as number;
    return (this.aligned.at[series] as number[])[nearest(own.x, x)] ?? (null as unknown as number);
  }

  private drawBroken(u: uPlot): void {
    const { ctx } = u;
    const bottom = u.bbox.top + u.bbox.height;
    const size = 5 * devicePixelRatio;
    for (const s of this.series) {
      s.x.forEach((x, i) => {
        if (Number.isFinite(s.raw[i])) return;
        const [low, high] = this.xRange();
        if (x < low || x > high) return;
        const at = u.valToPos(x, "x", true);
        ctx.beginPath();
        ctx.moveTo(at - size, bottom);
        ctx.lineTo(at + size, bottom);
        ctx.lineTo(at, bottom - 1.7 * size);
        ctx.closePath();
        ctx.fillStyle = s.colour;
        ctx.fill();
      });
    }
  }

  private onSelect(u: uPlot): void {
    if (u.select.width < 6) return;
    const range: [number, number] = [
      u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"),
    ];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomTo(range);
    this.options.onZoom(range);
  }

  private onCursor(u: uPlot): void {
    const { left, top } = u.cursor;
    const own = left !== undefined && left >= 0 && (u.over.matches(":hover") || this.host.matches(":focus-visible"));
    if (!own || u.cursor.idx === null || u.cursor.idx === undefined) {
      this.tooltip.hidden = true;
      return;
    }
    this.showTooltip(u, left, top ?? 0);
  }

  private rowsAt(u: uPlot, x: number, top: number): { series: LineSeries; i: number; away: number }[] {
    return this.series.flatMap((series) => {
      const i = nearest(series.x, x);
      if (i < 0) return [];
      const y = series.y[i] as number;
      const away = Number.isFinite(y) ? Math.abs(u.valToPos(y, "y") - top) : Infinity;
      return [{ series, i, away }];
    }).sort((a, b) => a.away - b.away);
  }

  private showTooltip(u: uPlot, left: number, top: number): void {
    const { words, showRaw, locale } = this.options;
    const rows = this.rowsAt(u, u.posToVal(left, "x"), top);
    const cell = (tag: string, text: string, name = "") => {
      const element = document.createElement(tag);
      element.textContent = text;
      if (name) element.className = name;
      return element;
    };
    const table = document.createElement("table");
    const shown = rows.slice(0, 12);
    shown.forEach(({ series, i }, rank) => {
      const row = document.createElement("tr");
      const swatch = cell("td", "");
      const mark = cell("span", "", series.dashed ? "swatch dashed" : "swatch");
      mark.style.color = series.colour;
      swatch.append(mark);
      const wall = new Date((series.walls[i] as number) * 1000).toLocaleTimeString(locale);
      row.append(swatch, cell("td", series.name, "name"), cell("td", formatValue(series.y[i]), "figure"));
      if (showRaw) row.append(cell("td", formatValue(series.raw[i]), "figure faint"));
      row.append(
        cell("td", `${words.step} ${grouped(series.steps[i] as number)}`, "faint"),
        cell("td", `${formatDuration((series.walls[i] as number) - series.start, words.units)} · ${wall}`, "faint when"));
      if (rank === 0 && rows.length > 1) row.className = "first";
      table.append(row);
    });
    this.tooltip.replaceChildren(table);
    this.tooltip.hidden = false;
    const width = this.tooltip.offsetWidth;
    const room = u.over.clientWidth;
    const right = left + 18 + width <= room;
    const wanted = right ? left + 18 : left - 18 - width;
    this.tooltip.style.left = `${Math.round(Math.max(-50, Math.min(wanted, room - width)))}px`;
    this.tooltip.style.top = `${Math.round(Math.min(Math.max(top - 20, 0), u.over.clientHeight - 20))}px`;
  }

  private readonly hideCursor = (): void => {
    this.tooltip.hidden = true;
    this.plot?.setCursor({ left: -10, top: -10 });
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    const u = this.plot;
    const { x } = this.aligned;
    if (u === null || x.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const [low, high] = this.xRange();
    const from = this.cursorX === null ? -1 : nearest(x, this.cursorX);
    const page = Math.max(1, Math.round(x.length * PAGE_MOVES));
    const moves: Record<string, number> = {
      ArrowRight: from + 1, ArrowUp: from + 1, ArrowLeft: from < 0 ? x.length - 1 : from - 1,
      ArrowDown: from < 0 ? x.length - 1 : from - 1, PageDown: from + page, PageUp: from - page,
      Home: 0, End: x.length - 1,
    };
    const target = moves[event.key];
    if (target !== undefined) {
      const value = x[Math.min(Math.max(target, 0), x.length - 1)] as number;
      this.moveTo(u, value);
    } else if (event.key === "+" || event.key === "=" || event.key === "-") {
      const centre = this.cursorX ?? (low + high) / 2;
      const half = ((high - low) / 2) * (event.key === "-" ? 2 : 0.5);
      const first = x[0] as number;
      const last = x[x.length - 1] as number;
      const range: [number, number] = [Math.max(first, centre - half), Math.min(last, centre + half)];
      if (range[0] <= first && range[1] >= last) this.fit();
      else {
        this.zoomTo(range);
        this.options.onZoom(range);
      }
    } else if (event.key === "Escape" && this.zoom !== null) {
      this.fit();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  private moveTo(u: uPlot, x: number): void {
    this.cursorX = x;
    const [low, high] = this.xRange();
    if (x < low || x > high) this.zoomTo([x - (high - low) / 2, x + (high - low) / 2]);
    const own = this.series[0];
    const y = own === undefined ? NaN : (own.y[nearest(own.x, x)] as number);
    const top = Number.isFinite(y) ? u.valToPos(y, "y") : u.over.clientHeight / 2;
    u.setCursor({ left: u.valToPos(x, "x"), top });
    this.describeCursor();
  }

  private describeCursor(): void {
    const { x } = this.aligned;
    const { words, axis, locale } = this.options;
    const at = this.cursorX ?? x[x.length - 1];
    this.host.setAttribute("aria-valuemin", String(x[0] ?? 0));
    this.host.setAttribute("aria-valuemax", String(x[x.length - 1] ?? 0));
    this.host.setAttribute("aria-valuenow", String(at ?? 0));
    if (at === undefined) {
      this.host.setAttribute("aria-valuetext", words.nothing);
      return;
    }
    const place = axis === "step" ? `${words.step} ${grouped(at)}`
      : axis === "relative" ? formatDuration(at, words.units) : new Date(at * 1000).toLocaleTimeString(locale);
    const values = this.series.map((s) => `${s.name} ${formatValue(s.y[nearest(s.x, at)])}`);
    this.host.setAttribute("aria-valuetext", `${place}: ${values.join(", ")}`);
  }
}
