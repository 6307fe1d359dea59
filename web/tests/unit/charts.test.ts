import assert from "node:assert/strict";
import { test } from "node:test";
import { align, axisValues, brokenSteps, nearest, yRange, type LineSeries } from "../../charts/line_data";
import { chartSvg } from "../../charts/line_picture";
import { UNITS } from "../../charts/ticks";
import { heatAt, heatColour } from "../../charts/heat_map";
import { band, heights, outline } from "../../charts/histogram";
import { layBubbles } from "../../charts/bubbles";
import { slotColour } from "../../runs/palette";
import { makeFilter } from "../../runs/filter";

const line = (x: number[], y: number[], more: Partial<LineSeries> = {}): LineSeries =>
  ({ id: "r", name: "r", colour: "#000", dashed: false, x, y, raw: y, steps: x, walls: x, start: 0, ...more });

test("curves with different steps share one x; NaN is a gap, a missing step is not", () => {
  const { x, y, at } = align([line([0, 1, 2], [5, NaN, 7]), line([0, 2, 4], [1, 2, 3])], false);
  assert.deepEqual(x, [0, 1, 2, 4]);
  assert.deepEqual(y[0], [5, null, 7, undefined]);
  assert.deepEqual(y[1], [1, undefined, 2, 3]);
  assert.deepEqual(at[1], [0, 2, 3]);
});

test("on a log axis what is not above zero is a gap", () => {
  assert.deepEqual(align([line([0, 1, 2], [1, 0, -2])], true).y[0], [1, null, null]);
});

test("nearest point", () => {
  assert.equal(nearest([], 3), -1);
  assert.equal(nearest([0, 10, 20], 14), 1);
  assert.equal(nearest([0, 10, 20], 16), 2);
  assert.equal(nearest([0, 10, 20], -5), 0);
  assert.equal(nearest([0, 10, 20], 99), 2);
});

test("y range: of what is in sight, without outliers when asked", () => {
  const values = Array.from({ length: 101 }, (_, i) => (i === 50 ? 1000 : i));
  const s = line(Array.from({ length: 101 }, (_, i) => i), values);
  const [low, high] = yRange([s], 0, 100, false, false) as [number, number];
  assert.ok(low < 0 && high > 1000);
  const [, calm] = yRange([s], 0, 100, false, true) as [number, number];
  assert.ok(calm < 110, `${calm}`);
  const [, part] = yRange([s], 0, 10, false, false) as [number, number];
  assert.ok(part >= 10 && part < 12);
  assert.equal(yRange([line([0], [NaN])], 0, 1, false, false), null);
  const [flat0, flat1] = yRange([line([0, 1], [3, 3])], 0, 1, false, false) as [number, number];
  assert.ok(flat0 < 3 && flat1 > 3);
});

test("axes: steps, seconds since the start, clock", () => {
  assert.deepEqual(axisValues("relative", [0, 1], [100, 102.5], 100), [0, 2.5]);
  assert.deepEqual(axisValues("wall", [0, 1], [100, 102.5], 100), [100, 102.5]);
  assert.deepEqual(brokenSteps(line([3, 4, 5], [1, NaN, Infinity])), [4, 5]);
});

test("the picture has title, axes, legend and gaps, and is well-formed whatever runs are called", () => {
  const svg = chartSvg({
    title: `a<b & "c"`, series: [line([0, 1, 2, 3], [1, NaN, 2, 3], { name: "x<script>\u0001", dashed: true })],
    x: [0, 3], y: [0, 3], axis: "step", axisName: "Step", log: false, showRaw: false, units: UNITS, ink: "#111", grid: "#ddd", ground: "#fff",
  });
  assert.ok(!svg.includes("<script"));
  assert.ok(!svg.includes("\u0001"));
  assert.ok(svg.includes("a&#60;b &#38; &#34;c&#34;"));
  assert.ok(svg.includes("stroke-dasharray"));
  assert.equal(svg.match(/ d="M76\.0 [\d.]+M[^"]*L[^"]*"/g)?.length, 1, "a gap begins a new piece");
  // Every element that is opened is closed.
  const open: string[] = [];
  for (const [, slash, name, self] of svg.matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
    if (slash) assert.equal(open.pop(), name);
    else if (!self) open.push(name as string);
  }
  assert.deepEqual(open, []);
});

test("heat map: exact at the centres of places, half between, warm for, cool against", () => {
  const heat = { columns: 2, rows: 2, values: [[0, 1], [2, 3]] };
  assert.equal(heatAt(heat, 0.25, 0.25), 0);
  assert.equal(heatAt(heat, 0.75, 0.75), 3);
  assert.equal(heatAt(heat, 0.5, 0.5), 1.5);
  assert.equal(heatAt(heat, 0, 0), 0);
  assert.equal(heatColour(0)[3], 0);
  assert.ok(heatColour(1)[0] > heatColour(1)[2]);
  assert.ok(heatColour(-1)[2] > heatColour(-1)[0]);
});

test("histograms: an outline through the bins' middles, bands without missing steps", () => {
  assert.equal(outline([0, 2, 4], [1, 3], (v) => v * 10, 100, 10), "M0.0 100.0L10.0 90.0L30.0 70.0L40.0 100.0");
  assert.equal(outline([], [], (v) => v, 0, 1), "");
  assert.equal(band([0, 1, 2], [1, null, 1], [2, 2, 2], (v) => v, (v) => v), "M0.0 2.0L0.0 1.0ZM2.0 2.0L2.0 1.0Z");
  const [tall, low] = heights([[0, 100], [0, 25]], 50) as [number, number];
  assert.equal(tall * 100, 50);
  assert.equal(low * 25, 25); // a quarter of the peak, half the height
});

test("bubbles: area follows size, places follow cost and accuracy", () => {
  const { bubbles } = layBubbles([{ key: "a", x: 10, y: 40, area: 4 }, { key: "b", x: 1000, y: 70, area: 16 }],
    { left: 0, top: 0, width: 300, height: 200 }, 40);
  const [b, a] = bubbles;
  assert.equal(b?.key, "b");
  assert.equal(b?.r, 40);
  assert.equal(a?.r, 20);
  assert.ok((a?.cx ?? 0) < (b?.cx ?? 0) && (a?.cy ?? 0) > (b?.cy ?? 0));
  assert.deepEqual(layBubbles([], { left: 0, top: 0, width: 1, height: 1 }, 1).bubbles, []);
});

test("run colours: 3 : 1 against their ground (WCAG 1.4.11), and no two of the first eight alike", () => {
  const luminance = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number];
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p) as [number, number];
    return (x + 0.05) / (y + 0.05);
  };
  for (const [dark, ground] of [[false, "#ffffff"], [true, "#171d1b"]] as const) {
    const colours = Array.from({ length: 8 }, (_, i) => slotColour(i, dark));
    for (const colour of colours) assert.ok(contrast(colour, ground) >= 3, `${colour} on ${ground}`);
    assert.equal(new Set(colours).size, 8);
  }
  assert.notEqual(slotColour(8, true), slotColour(9, true));
});

test("filters: regular expressions, any case; half-typed ones are text", () => {
  assert.ok(makeFilter("0\\.5.*train$").matches("mobilenet_0.50_224/Train"));
  assert.ok(!makeFilter("^train").matches("a/train"));
  const half = makeFilter("a(");
  assert.ok(!half.valid && half.matches("xA(y") && !half.matches("a"));
  assert.ok(makeFilter("  ").matches("anything"));
});
