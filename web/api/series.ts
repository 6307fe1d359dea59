// One curve as the server sends it (see docs/board_api/README.md, "series").

export interface Series {
  /** How many points the run has in all; more than `steps` holds when some were left out. */
  total: number;
  steps: Float64Array;
  walls: Float64Array;
  /** NaN and infinities are values like any other. */
  values: Float32Array;
  smoothed: Float32Array;
}

const MAGIC = 0x31535247; // "GRS1", little endian
const HEADER = 16;

/** Throws when the bytes are not a whole curve. */
export function parseSeries(bytes: ArrayBuffer): Series {
  const view = new DataView(bytes);
  if (bytes.byteLength < HEADER || view.getUint32(0, true) !== MAGIC) {
    throw new Error("series: not a GRS1 answer");
  }
  const n = view.getUint32(4, true);
  const total = Number(view.getBigUint64(8, true));
  if (bytes.byteLength !== HEADER + n * 24) throw new Error("series: its length does not fit its header");
  const wide = (at: number) => new Float64Array(bytes.slice(at, at + n * 8));
  const narrow = (at: number) => new Float32Array(bytes.slice(at, at + n * 4));
  return {
    total,
    steps: wide(HEADER),
    walls: wide(HEADER + n * 8),
    values: narrow(HEADER + n * 16),
    smoothed: narrow(HEADER + n * 20),
  };
}
