// A curve as sound: higher is higher, left to right in a few seconds and from the left ear to the
// right. A gap is silence, with a low click where a value is NaN.

export const LOWEST_HZ = 196; // G3
export const HIGHEST_HZ = 784; // G5, two octaves above

/** Pitch for a value in [low, high]: equal differences are equal intervals. */
export function pitch(value: number, low: number, high: number): number {
  const share = high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5;
  return LOWEST_HZ * Math.pow(HIGHEST_HZ / LOWEST_HZ, share);
}

export interface Tone { x: number; y: number }

let context: AudioContext | null = null;
let current: (() => void) | null = null;

export function silence(): void {
  current?.();
  current = null;
}

/**
 * Plays curves one after the other, all on the scale [low, high]; `seconds` each. Calls `onDone` at
 * the end or when something else is played. Needs a user gesture before, as browsers ask for.
 */
export function play(
  curves: Tone[][], low: number, high: number, seconds: number, onDone: () => void,
): void {
  silence();
  context ??= new AudioContext();
  const audio = context;
  void audio.resume();
  const gain = audio.createGain();
  const pan = audio.createStereoPanner();
  const tone = audio.createOscillator();
  tone.type = "triangle";
  tone.connect(gain).connect(pan).connect(audio.destination);
  gain.gain.value = 0;
  const begin = audio.currentTime + 0.06;
  let at = begin;
  for (const curve of curves) {
    const first = curve[0]?.x ?? 0;
    const span = Math.max((curve[curve.length - 1]?.x ?? 0) - first, 1e-9);
    for (const { x, y } of thin(curve, 400)) {
      const when = at + ((x - first) / span) * seconds;
      pan.pan.setValueAtTime(-0.8 + (1.6 * (x - first)) / span, when);
      if (Number.isFinite(y)) {
        tone.frequency.setValueAtTime(pitch(y, low, high), when);
        gain.gain.setTargetAtTime(0.16, when, 0.01);
      } else {
        tone.frequency.setValueAtTime(LOWEST_HZ / 2, when);
        gain.gain.setTargetAtTime(0, when + 0.02, 0.01);
      }
    }
    gain.gain.setTargetAtTime(0, at + seconds, 0.02);
    at += seconds + 0.35;
  }
  tone.start(begin);
  tone.stop(at);
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    tone.onended = null;
    gain.disconnect();
    pan.disconnect();
    onDone();
  };
  tone.onended = end;
  current = () => {
    tone.stop();
    end();
  };
}

/** At most `count` points, evenly chosen, but every NaN is kept. */
export function thin(curve: Tone[], count: number): Tone[] {
  const every = Math.max(1, Math.ceil(curve.length / count));
  return curve.filter((tone, i) => i % every === 0 || !Number.isFinite(tone.y));
}
