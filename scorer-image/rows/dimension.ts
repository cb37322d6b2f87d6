/**
 * Dimensions of tensors before their numbers are known: a whole number times named dimensions, such as 12 × rows × seq.
 * Pure.
 */

/** A product. Symbols stand for numbers of at least 1 that are the same for all requests of one call, {@link ROWS} aside. */
export interface Dimension {
  readonly factor: number;
  readonly symbols: readonly string[];
}

/** The number of rows of a call: all that changes when requests are joined. */
export const ROWS = '#rows';
/** Some number that depends on {@link ROWS} in a way that is not followed. */
const BY_ROWS = '#by rows';

export const number = (factor: number): Dimension => ({ factor, symbols: [] });
export const ONE = number(1);
export const rows: Dimension = { factor: 1, symbols: [ROWS] };
export const byRows: Dimension = { factor: 1, symbols: [BY_ROWS] };
export const named = (name: string): Dimension => ({ factor: 1, symbols: [name] });

export const isNumber = ({ symbols }: Dimension): boolean => symbols.length === 0;
export const isOne = (one: Dimension): boolean => isNumber(one) && one.factor === 1;
/** Whether it changes with the number of rows. */
export const dependsOnRows = ({ symbols }: Dimension): boolean => symbols.includes(ROWS) || symbols.includes(BY_ROWS);
/** Whether it is the number of rows times something that is the same for all requests. */
export const isMultipleOfRows = ({ symbols }: Dimension): boolean => symbols.filter((symbol) => symbol === ROWS).length === 1 && !symbols.includes(BY_ROWS);

export const equal = (a: Dimension, b: Dimension): boolean => a.factor === b.factor && a.symbols.join() === b.symbols.join();

export function times(a: Dimension, b: Dimension): Dimension {
  const factor = a.factor * b.factor;
  return factor === 0 ? number(0) : { factor, symbols: [...a.symbols, ...b.symbols].sort() };
}

export const product = (dimensions: readonly Dimension[]): Dimension => dimensions.reduce(times, ONE);

/** The quotient where it is a whole number whatever the symbols stand for; undefined where that is not known. */
export function over(a: Dimension, b: Dimension): Dimension | undefined {
  if (b.factor === 0 || a.factor % b.factor !== 0) return undefined;
  const symbols = [...a.symbols];
  for (const symbol of b.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  return { factor: a.factor / b.factor, symbols };
}
