// TensorBoard's smoothing: an exponential moving average, corrected for its start at zero (the
// correction of Adam: Kingma and Ba, https://arxiv.org/abs/1412.6980, section 3). NaN and infinite
// values stay where they are and do not enter the average.

export class Smoother {
  private average = 0;
  private power = 1; // weight ** (how many values were taken)

  constructor(private readonly weight: number) {}

  next(value: number): number {
    if (this.weight <= 0 || !Number.isFinite(value)) return value;
    this.average = this.average * this.weight + (1 - this.weight) * value;
    this.power *= this.weight;
    return this.average / (1 - this.power);
  }

  /** Goes on after `count` values whose last smoothed one is known. */
  resume(last: number, count: number): void {
    if (this.weight <= 0 || count <= 0 || !Number.isFinite(last)) return;
    this.power = Math.pow(this.weight, count);
    this.average = last * (1 - this.power);
  }
}

export function smoothed(values: readonly number[], weight: number): number[] {
  const smoother = new Smoother(weight);
  return values.map((value) => smoother.next(value));
}
