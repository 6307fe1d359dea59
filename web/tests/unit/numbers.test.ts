import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration, formatValue, grouped, logTicks, niceTicks, quantile } from "../../charts/ticks";
import { Smoother, smoothed } from "../../charts/smoothing";
import { shortHash } from "../../runs/shorthash";
import { pitch, thin } from "../../charts/sound";
import { shortest, toCsv, toJson } from "../../charts/tables";
import { parseSeries } from "../../api/series";
import { encodeSeries, random } from "../mock_data.mjs";

const near = (a: number, b: number, what = "") => assert.ok(Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(b)), `${what} ${a} ≠ ${b}`);

test("smoothing: the corrected average, worked out by hand", () => {
  // w = 1/2: sums 1/2, 5/4, 17/8 over masses 1/2, 3/4, 7/8.
  const values = smoothed([1, 2, 3], 0.5);
  [1, 5 / 3, 17 / 7].forEach((expected, i) => near(values[i] as number, expected));
  assert.deepEqual(smoothed([4, 4, 4], 0.9).map((v) => Number(v.toFixed(12))), [4, 4, 4]);
  assert.deepEqual(smoothed([3, 1, 2], 0), [3, 1, 2]);
});

test("smoothing: NaN and infinities stay and do not enter the average", () => {
  const values = smoothed([1, NaN, 2, Infinity, 3], 0.5);
  assert.ok(Number.isNaN(values[1]));
  assert.equal(values[3], Infinity);
  near(values[2] as number, 5 / 3);
  near(values[4] as number, 17 / 7);
});

test("smoothing: going on from the last value is the same as from the start", () => {
  const all = [5, 1, 4, 2, 8, 3];
  const whole = smoothed(all, 0.7);
  const later = new Smoother(0.7);
  later.resume(whole[3] as number, 4);
  near(later.next(8), whole[4] as number);
  near(later.next(3), whole[5] as number);
});

test("ticks: round numbers that cover the range", () => {
  assert.deepEqual(niceTicks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(niceTicks(-0.09, 0.11, 4), [-0.05, 0, 0.05, 0.1]);
  assert.deepEqual(niceTicks(3, 3, 5), [3]);
  assert.deepEqual(niceTicks(NaN, NaN, 5), []);
  assert.deepEqual(logTicks(0.05, 2), [0.05, 0.1, 0.2, 0.5, 1, 2]);
  assert.deepEqual(logTicks(1, 1e6), [1, 10, 100, 1000, 1e4, 1e5, 1e6]);
  assert.deepEqual(logTicks(-1, 5), []);
});

test("numbers as text", () => {
  assert.equal(formatValue(0.912621), "0.9126");
  assert.equal(formatValue(0), "0");
  assert.equal(formatValue(-0.0811), "−0.0811");
  assert.equal(formatValue(2.1e-6), "2.1e−6");
  assert.equal(formatValue(12345678), "1.23e7");
  assert.equal(formatValue(NaN), "NaN");
  assert.equal(formatValue(-Infinity), "−∞");
  assert.equal(formatDuration(0.25), "0.25 s");
  assert.equal(formatDuration(200), "3 min 20 s");
  assert.equal(formatDuration(7500), "2 h 5 min");
  assert.equal(formatDuration(59.7), "1 min");
  assert.equal(formatDuration(200, ["秒", "分", "时", "天"]), "3 分 20 秒");
});

test("numbers in groups: as Intl writes them, in both languages", () => {
  const chance = random(7);
  const values = [0, -0, 1, -1, 999, 1000, 1234567, 0.5, 1.005, 1.15, -1.15, 99.95, 999.9996, 1e-7, 123456789012, 1e12, 1e21, Infinity, NaN];
  for (let i = 0; i < 2000; i++) values.push((chance() - 0.5) * 10 ** Math.floor(chance() * 13));
  for (const value of values) {
    for (const [least, most] of [[0, 3], [0, 0], [1, 1], [0, 2]] as const) {
      for (const language of ["en", "zh-CN"]) {
        assert.equal(grouped(value, least, most),
          value.toLocaleString(language, { minimumFractionDigits: least, maximumFractionDigits: most }), `${value} in ${language}`);
      }
    }
  }
});

test("quantiles: numpy.quantile's linear method", () => {
  // numpy.quantile([1, 2, 4, 8, 16], [0, .05, .5, .95, 1]) = 1, 1.2, 4, 14.4, 16
  [[0, 1], [0.05, 1.2], [0.5, 4], [0.95, 14.4], [1, 16]].forEach(([p, expected]) =>
    near(quantile([1, 2, 4, 8, 16], p as number), expected as number));
});

test("short hashes: FNV-1a's published values", () => {
  // http://www.isthe.com/chongo/src/fnv/test_fnv.c
  assert.equal(shortHash(""), (0x811c9dc5).toString(36));
  assert.equal(shortHash("a"), (0xe40c292c).toString(36));
  assert.equal(shortHash("foobar"), (0xbf9cf968).toString(36));
});

test("sound: two octaves from lowest to highest, an octave in the middle", () => {
  near(pitch(1, 0, 1) / pitch(0, 0, 1), 4);
  near(pitch(0.5, 0, 1) / pitch(0, 0, 1), 2);
  assert.equal(pitch(9, 0, 1), pitch(1, 0, 1));
  const curve = Array.from({ length: 1000 }, (_, x) => ({ x, y: x === 501 ? NaN : x }));
  assert.ok(thin(curve, 100).length <= 101);
  assert.ok(thin(curve, 100).some((tone) => Number.isNaN(tone.y)));
});

test("tables: TensorBoard's columns for one run, a column more for several, RFC 4180's quotes", () => {
  const value = Math.fround(0.1);
  assert.equal(shortest(value), "0.1");
  assert.equal(Math.fround(Number(shortest(Math.fround(1 / 3)))), Math.fround(1 / 3));
  assert.equal(toCsv([{ run: "a", rows: [[12.5, 3, value]] }]), "Wall time,Step,Value\n12.5,3,0.1\n");
  assert.equal(toCsv([{ run: 'a,"b"', rows: [[1, 2, NaN]] }, { run: "c", rows: [] }]),
    'Run,Wall time,Step,Value\n"a,""b""",1,2,NaN\n');
  assert.equal(toJson([{ run: "a", rows: [[1, 2, NaN]] }]), "[[1,2,null]]");
  assert.deepEqual(JSON.parse(toJson([{ run: "a", rows: [] }, { run: "b", rows: [[1, 2, 3]] }])), { a: [], b: [[1, 2, 3]] });
});

test("series: the binary answer, read back", () => {
  const rows = [[0, 100.5, 0.25], [1, 101, NaN], [5, 102.25, -3]];
  const bytes = encodeSeries(rows);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const series = parseSeries(buffer);
  assert.equal(series.total, 3);
  assert.deepEqual([...series.steps], [0, 1, 5]);
  assert.deepEqual([...series.walls], [100.5, 101, 102.25]);
  assert.deepEqual([...series.values], [0.25, NaN, -3]);
  assert.throws(() => parseSeries(buffer.slice(0, -1)), /length/);
  assert.throws(() => parseSeries(new ArrayBuffer(4)), /GRS1/);
});
