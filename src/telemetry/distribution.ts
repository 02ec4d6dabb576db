/** How many values fell under each of some bounds, and their sum: what a Prometheus histogram says of them. */
export class Distribution {
  /** Upper bounds, in rising order; a value that is one falls under it. */
  readonly bounds: readonly number[];
  /** Values by the first bound that they fall under; the last count is of those above all bounds. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const { bounds } = this;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index += 1;
    this.counts[index]! += 1;
    this.sum += value;
  }
}
