// A line chart as a file: SVG with axes, title and legend, self-contained; PNG made from it.

import { brokenSteps, type Axis, type LineSeries } from "./line_data";
import { formatDuration, formatValue, logTicks, niceTicks, type Units } from "./ticks";

export interface Picture {
  title: string;
  series: LineSeries[];
  x: [number, number];
  y: [number, number];
  axis: Axis;
  axisName: string;
  log: boolean;
  showRaw: boolean;
  units: Units;
  ink: string;
  grid: string;
  ground: string;
}

const WIDTH = 900;
const PLOT = { left: 76, top: 52, width: 796, height: 380 };
const LEGEND_ROW = 22;

const escape = (text: string) =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
    // Characters that XML has no way to write.
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");

function path(x: number[], y: number[], px: (v: number) => number, py: (v: number) => number, log: boolean): string {
  let d = "";
  let pen = false;
  for (let i = 0; i < x.length; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value) || (log && value <= 0)) {
      pen = false;
      continue;
    }
    d += `${pen ? "L" : "M"}${px(x[i] as number).toFixed(1)} ${py(value).toFixed(1)}`;
    pen = true;
  }
  return d;
}

export function chartSvg(picture: Picture): string {
  const { series, x, y, log, axis, ink, grid, ground } = picture;
  const scale = (v: number) => (log ? Math.log(v) : v);
  const px = (v: number) => PLOT.left + ((v - x[0]) / (x[1] - x[0])) * PLOT.width;
  const py = (v: number) =>
    PLOT.top + PLOT.height * (1 - (scale(v) - scale(y[0])) / (scale(y[1]) - scale(y[0])));
  const xText = (v: number) => axis === "step" ? String(v)
    : axis === "relative" ? formatDuration(v, picture.units) : new Date(v * 1000).toISOString().slice(11, 19);
  const bottom = PLOT.top + PLOT.height;
  const legendTop = bottom + 66;
  const height = legendTop + series.length * LEGEND_ROW + 8;
  const out: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="${ground}"/>`,
    `<text x="${PLOT.left}" y="30" font-size="18" font-weight="600" fill="${ink}">${escape(picture.title)}</text>`,
    `<clipPath id="plot"><rect x="${PLOT.left}" y="${PLOT.top}" width="${PLOT.width}" height="${PLOT.height}"/></clipPath>`,
  ];
  for (const tick of log ? logTicks(y[0], y[1]) : niceTicks(y[0], y[1], 6)) {
    const at = py(tick).toFixed(1);
    out.push(`<path d="M${PLOT.left} ${at}H${PLOT.left + PLOT.width}" stroke="${grid}"/>`,
      `<text x="${PLOT.left - 10}" y="${Number(at) + 4}" text-anchor="end" fill="${ink}">${formatValue(tick)}</text>`);
  }
  for (const tick of niceTicks(x[0], x[1], 7)) {
    const at = px(tick).toFixed(1);
    out.push(`<path d="M${at} ${PLOT.top}V${bottom}" stroke="${grid}"/>`,
      `<text x="${at}" y="${bottom + 20}" text-anchor="middle" fill="${ink}">${xText(tick)}</text>`);
  }
  out.push(`<text x="${PLOT.left + PLOT.width / 2}" y="${bottom + 42}" text-anchor="middle" fill="${ink}">${escape(picture.axisName)}</text>`);
  out.push(`<g clip-path="url(#plot)" fill="none" stroke-linejoin="round">`);
  for (const s of series) {
    const dash = s.dashed ? ` stroke-dasharray="7 4"` : "";
    if (picture.showRaw) out.push(`<path d="${path(s.x, s.raw, px, py, log)}" stroke="${s.colour}" stroke-opacity="0.28"/>`);
    out.push(`<path d="${path(s.x, s.y, px, py, log)}" stroke="${s.colour}" stroke-width="2"${dash}/>`);
    const broken = new Set(brokenSteps(s));
    s.steps.forEach((step, i) => {
      if (!broken.has(step)) return;
      const at = px(s.x[i] as number);
      out.push(`<path d="M${at - 5} ${bottom}h10l-5-8.5z" fill="${s.colour}" stroke="none"/>`);
    });
  }
  out.push("</g>");
  series.forEach((s, i) => {
    const at = legendTop + i * LEGEND_ROW;
    const dash = s.dashed ? ` stroke-dasharray="7 4"` : "";
    const last = [...s.y].reverse().find(Number.isFinite);
    out.push(`<path d="M${PLOT.left} ${at - 4}h28" stroke="${s.colour}" stroke-width="3"${dash}/>`,
      `<text x="${PLOT.left + 38}" y="${at}" fill="${ink}">${escape(s.name)}${last === undefined ? "" : `  ${formatValue(last)}`}</text>`);
  });
  out.push("</svg>");
  return out.join("\n");
}

/** The SVG as PNG at `scale` times its size. */
export async function svgToPng(svg: string, scale = 2): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth * scale;
    canvas.height = image.naturalHeight * scale;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise<Blob>((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("PNG: the browser made none")))));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Offers a file to save under `name`. */
export function save(name: string, content: Blob | string, type = "text/plain"): void {
  const blob = typeof content === "string" ? new Blob([content], { type }) : content;
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name.replace(/[^\p{L}\p{N}._-]+/gu, "_");
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}
