// A class activation map over its photo. The network's answer is split exactly over the places of its
// last feature map: what adds to the class is drawn warm, what speaks against it cool.

export interface Heat { columns: number; rows: number; values: number[][] }

/** Value of the map at (x, y) in [0, 1]², bilinear between the centres of its places. */
export function heatAt(heat: Heat, x: number, y: number): number {
  const keep = (v: number, n: number) => Math.min(n - 1, Math.max(0, v));
  const u = keep(x * heat.columns - 0.5, heat.columns);
  const v = keep(y * heat.rows - 0.5, heat.rows);
  const c = Math.floor(u);
  const r = Math.floor(v);
  const at = (row: number, column: number) =>
    heat.values[Math.min(row, heat.rows - 1)]?.[Math.min(column, heat.columns - 1)] ?? 0;
  const top = at(r, c) + (at(r, c + 1) - at(r, c)) * (u - c);
  const bottom = at(r + 1, c) + (at(r + 1, c + 1) - at(r + 1, c)) * (u - c);
  return top + (bottom - top) * (v - r);
}

/** Red, green, blue, alpha (0 … 255) for a share in [−1, 1] of the strongest contribution. */
export function heatColour(share: number): [number, number, number, number] {
  const s = Math.min(1, Math.abs(share));
  const alpha = Math.round(255 * Math.pow(s, 0.8) * 0.85);
  if (share < 0) return [56, 108, 200, alpha];
  // From amber to red to a light centre: told apart without hue as well.
  const stops: [number, number, number][] = [[255, 196, 64], [244, 96, 40], [214, 32, 92]];
  const at = s * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const a = stops[low] as [number, number, number];
  const b = stops[low + 1] as [number, number, number];
  const mix = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * (at - low));
  return [mix(0), mix(1), mix(2), alpha];
}

const LONGER_SIDE = 256; // the map is smooth: more pixels would show the same

/** Draws the map into `canvas`, which lies over the photo and is stretched to its size. */
export function drawHeat(canvas: HTMLCanvasElement, heat: Heat, aspect: number): void {
  canvas.width = aspect >= 1 ? LONGER_SIDE : Math.max(1, Math.round(LONGER_SIDE * aspect));
  canvas.height = aspect >= 1 ? Math.max(1, Math.round(LONGER_SIDE / aspect)) : LONGER_SIDE;
  const context = canvas.getContext("2d");
  if (context === null) return;
  const strongest = Math.max(1e-9, ...heat.values.flat().map(Math.abs));
  const image = context.createImageData(canvas.width, canvas.height);
  for (let y = 0, at = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++, at += 4) {
      const value = heatAt(heat, (x + 0.5) / canvas.width, (y + 0.5) / canvas.height);
      image.data.set(heatColour(value / strongest), at);
    }
  }
  context.putImageData(image, 0, 0);
}
