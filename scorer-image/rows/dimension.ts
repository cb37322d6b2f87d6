/** Dimensions of tensors before their values are known: an integer times symbols, such as 12 × rows × seq. Pure. */

/**
 * A product. A symbol stands for a number that is the same for all requests of a call, except {@link ROWS} and {@link
 * byRows}.
 */
export interface Dimension {
  readonly factor: number;
  readonly symbols: readonly string[];
}

/** The number of rows of a call: the only thing that batching changes. */
export const ROWS = '#rows';
/** Prefix of a number that depends on {@link ROWS} in an unknown way. */
const BY_ROWS = '#by rows ';
/** Prefix of a number that may be negative or 0, because it is not the length of an axis. */
const ANY = '#any ';

export const number = (factor: number): Dimension => ({ factor, symbols: [] });
export const ONE = number(1);
export const rows: Dimension = { factor: 1, symbols: [ROWS] };
/** The length of an axis. Axes are never empty, because calls with empty axes are never batched. */
export const named = (name: string): Dimension => ({ factor: 1, symbols: [name] });
/** `fresh`: a unique name. */
export const byRows = (fresh: Dimension): Dimension => named(`${BY_ROWS}${fresh.symbols.join()}`);
export const anyNumber = (fresh: Dimension): Dimension => named(`${ANY}${fresh.symbols.join()}`);

export const isNumber = ({ symbols }: Dimension): boolean => symbols.length === 0;
export const isOne = (one: Dimension): boolean => isNumber(one) && one.factor === 1;
/** Whether it changes with the number of rows. */
export const dependsOnRows = ({ symbols }: Dimension): boolean =>
  symbols.some((symbol) => symbol === ROWS || symbol.startsWith(BY_ROWS));
/** Whether it is a number, or a product of lengths of axes. */
export const isLength = ({ symbols }: Dimension): boolean =>
  !symbols.some((symbol) => symbol.startsWith(BY_ROWS) || symbol.startsWith(ANY));
/** Whether it is the number of rows times something that is the same for all requests. */
export const isMultipleOfRows = (one: Dimension): boolean =>
  isLength(one) && one.factor > 0 && one.symbols.filter((symbol) => symbol === ROWS).length === 1;

export const equal = (a: Dimension, b: Dimension): boolean =>
  a.factor === b.factor &&
  a.symbols.length === b.symbols.length &&
  a.symbols.every((symbol, i) => symbol === b.symbols[i]);

export function times(a: Dimension, b: Dimension): Dimension {
  const factor = a.factor * b.factor;
  return factor === 0 ? number(0) : { factor, symbols: [...a.symbols, ...b.symbols].sort() };
}

export const product = (dimensions: readonly Dimension[]): Dimension => dimensions.reduce(times, ONE);

/** The quotient if it is an integer for all values of the symbols; undefined where that is not known. */
export function over(a: Dimension, b: Dimension): Dimension | undefined {
  if (b.factor === 0 || a.factor % b.factor !== 0 || !isLength(b)) return undefined;
  const symbols = [...a.symbols];
  for (const symbol of b.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return undefined;
    symbols.splice(at, 1);
  }
  return { factor: a.factor / b.factor, symbols };
}
