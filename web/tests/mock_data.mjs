// What the mock server answers besides docs/board_api/examples: curves, histograms and photos that
// are drawn here, the same at every start.

/** Uniform numbers in [0, 1): mulberry32. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
}

export function hash(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619) >>> 0;
  return h;
}

/** A curve that looks like training: [step, wall, value] rows. */
export function makeCurve(run, tag, count, { every = 1, nan = [] } = {}) {
  const next = random(hash(`${run.name} ${tag}`));
  const better = (hash(run.group) % 100) / 1500;
  const validation = run.kind === "validation";
  const rows = [];
  for (let i = 0; i < count; i++) {
    const step = i * every;
    const noise = (next() + next() + next() - 1.5) * (validation ? 0.035 : 0.045);
    const progress = 1 - Math.exp(-step / 60);
    let value;
    if (tag.startsWith("accuracy")) {
      value = Math.min(1, Math.max(0.1, 0.22 + (validation ? 0.66 : 0.72) * progress + better + noise));
      value = Math.round(value * 100) / 100;
    } else if (tag.startsWith("cross_entropy")) {
      value = Math.max(0.02, (validation ? 0.27 : 0.14) + 1.45 * (1 - progress) - better + noise * 1.6);
    } else if (tag.endsWith("stddev_1")) value = 0.001 + 0.012 * progress + noise * 1e-4;
    else if (tag.endsWith("max_1")) value = 0.002 + 0.1 * progress + noise * 1e-3;
    else if (tag.endsWith("min_1")) value = -0.002 - 0.08 * progress + noise * 1e-3;
    else value = noise * 1e-5;
    if (nan.includes(step)) value = NaN;
    rows.push([step, run.started + step * 0.024, value]);
  }
  return rows;
}

/** TensorBoard's smoothing, written a second time so that it can check the page's. */
export function ema(values, weight) {
  let sum = 0;
  let mass = 0;
  return values.map((v) => {
    if (weight <= 0 || !Number.isFinite(v)) return v;
    sum = weight * sum + (1 - weight) * v;
    mass = weight * mass + (1 - weight);
    return sum / mass;
  });
}

/** The binary answer of /api/series. */
export function encodeSeries(rows, { smooth = 0, px = 0, axis = "step", x0, x1 } = {}) {
  const smoothed = ema(rows.map((r) => r[2]), smooth);
  let picked = rows.map((_, i) => i);
  if (x0 !== undefined) {
    const at = axis === "wall" ? 1 : 0;
    const inside = picked.filter((i) => rows[i][at] >= x0 && rows[i][at] <= x1);
    const first = inside[0] ?? 0;
    const last = inside[inside.length - 1] ?? 0;
    picked = picked.slice(Math.max(0, first - 1), last + 2);
  }
  if (px > 0 && picked.length > 4 * px) {
    const thinned = new Set();
    for (let p = 0; p < px; p++) {
      const part = picked.slice(Math.floor((p * picked.length) / px), Math.floor(((p + 1) * picked.length) / px));
      let low = part[0];
      let high = part[0];
      for (const i of part) {
        if (rows[i][2] < rows[low][2]) low = i;
        if (rows[i][2] > rows[high][2]) high = i;
      }
      for (const i of [part[0], low, high, part[part.length - 1]]) if (i !== undefined) thinned.add(i);
    }
    picked = [...thinned].sort((a, b) => a - b);
  }
  const n = picked.length;
  const bytes = Buffer.alloc(16 + 24 * n);
  bytes.write("GRS1", 0, "latin1");
  bytes.writeUInt32LE(n, 4);
  bytes.writeBigUInt64LE(BigInt(rows.length), 8);
  picked.forEach((i, k) => {
    bytes.writeDoubleLE(rows[i][0], 16 + 8 * k);
    bytes.writeDoubleLE(rows[i][1], 16 + 8 * n + 8 * k);
    bytes.writeFloatLE(rows[i][2], 16 + 16 * n + 4 * k);
    bytes.writeFloatLE(smoothed[i], 16 + 20 * n + 4 * k);
  });
  return bytes;
}

const PETALS = ["#f4f4ef", "#ffd84d", "#d5395c", "#f2a71b", "#b565c9", "#ef7e9b", "#6c8fe0"];

/** A drawn flower in place of a photo; its kind follows from the class, the rest from the id. */
export function flowerSvg(id, kind, size) {
  const next = random(hash(id));
  const wide = next() < 0.7;
  const w = wide ? size : Math.round(size * 0.75);
  const h = wide ? Math.round(size * (0.62 + next() * 0.2)) : size;
  const petals = [13, 24, 9, 18, 6][kind % 5];
  const colour = PETALS[kind % PETALS.length];
  const hue = Math.round(90 + next() * 70);
  const parts = [`<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}">`,
    `<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl(${hue} 35% ${Math.round(34 + next() * 34)}%)"/><stop offset="1" stop-color="hsl(${hue - 20} 45% 24%)"/></linearGradient></defs>`,
    `<rect width="${w}" height="${h}" fill="url(#g)"/>`];
  for (let i = 0; i < 12; i++) {
    parts.push(`<ellipse cx="${next() * w}" cy="${next() * h}" rx="${w * (0.05 + next() * 0.12)}" ry="${h * 0.03}" fill="hsl(${hue} 40% ${Math.round(25 + next() * 30)}%)" opacity=".5" transform="rotate(${Math.round(next() * 180)} ${w / 2} ${h / 2})"/>`);
  }
  const blooms = 1 + Math.floor(next() * 2.4);
  for (let b = 0; b < blooms; b++) {
    const cx = w * (0.25 + next() * 0.5);
    const cy = h * (0.25 + next() * 0.4);
    const r = Math.min(w, h) * (0.18 + next() * 0.16);
    parts.push(`<path d="M${cx} ${cy}Q${cx + r * (next() - 0.5)} ${cy + r} ${cx} ${h}" stroke="hsl(${hue} 50% 30%)" stroke-width="${r * 0.12}" fill="none"/>`);
    const turn = next() * 360;
    for (let p = 0; p < petals; p++) {
      parts.push(`<ellipse cx="${cx}" cy="${cy - r * 0.62}" rx="${(r * 2.6) / petals + r * 0.05}" ry="${r * 0.46}" fill="${colour}" stroke="#0002" transform="rotate(${turn + (360 / petals) * p} ${cx} ${cy})"/>`);
    }
    parts.push(`<circle cx="${cx}" cy="${cy}" r="${r * [0.3, 0.34, 0.2, 0.42, 0.14][kind % 5]}" fill="${["#f2b705", "#c98d12", "#8f1d3a", "#4a2c12", "#3b2a4a"][kind % 5]}"/>`);
  }
  parts.push("</svg>");
  return parts.join("");
}
