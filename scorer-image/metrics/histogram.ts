/**
 * A histogram for the hot path. prom-client's own looks up its labels at each observation, which costs more than the
 * tensors of a small model. The registry of prom-client accepts any object that returns values.
 */
import type { Metric, Registry } from 'prom-client';

/** The series of one label value. */
export class Series {
  readonly #bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let i = 0;
    while (i < this.#bounds.length && value > this.#bounds[i]!) i += 1;
    this.counts[i]! += 1;
    this.sum += value;
  }
}

export interface HistogramOptions<Value extends string> {
  name: string;
  help: string;
  /** Upper bounds, ascending, without infinity. */
  buckets: readonly number[];
  /** One label with all its values. */
  label?: { name: string; values: readonly Value[] };
  registry: Registry;
}

/** Registers a histogram with one series for each value of its label; without a label, one series named ''. */
export function histogram<Value extends string = ''>({
  name,
  help,
  buckets,
  label,
  registry,
}: HistogramOptions<Value>): Record<Value, Series> {
  const series = Object.fromEntries((label?.values ?? ['']).map((value) => [value, new Series(buckets)])) as Record<
    string,
    Series
  >;
  const values = (): object[] =>
    Object.entries<Series>(series).flatMap(([value, { counts, sum }]) => {
      const sharedLabels = label ? { [label.name]: value } : {};
      let total = 0;
      const upTo = counts.map((count, i) => ({
        metricName: `${name}_bucket`,
        labels: { le: i < buckets.length ? buckets[i]! : '+Inf' },
        sharedLabels,
        value: (total += count),
      }));
      return [
        ...upTo,
        { metricName: `${name}_sum`, sharedLabels, value: sum },
        { metricName: `${name}_count`, sharedLabels, value: total },
      ];
    });
  const described = { name, help, type: 'histogram' };
  registry.registerMetric({
    ...described,
    labelNames: label ? [label.name] : [],
    get: () => Promise.resolve({ ...described, aggregator: 'sum', values: values() }),
  } as unknown as Metric);
  return series;
}
