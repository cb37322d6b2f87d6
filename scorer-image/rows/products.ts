/** Rules for matrix products, which must never sum over the batch axis. Pure. */
import { equal, isOne, product, type Dimension } from './dimension.ts';
import { together } from './elementwise.ts';
import {
  constantAt,
  constantFrom,
  dataAt,
  mixes,
  overAllRows,
  rowsAt,
  unknown,
  type Operator,
  type Rows,
  type Rule,
} from './value.ts';

const summed = ({ type }: Operator): Error => mixes(`${type} sums over the batch axis`);

/** MatMul and its integer form: the last two axes are matrices, the axes before them are broadcast. */
const matMul: Rule = (operator) => {
  constantFrom(operator, 2);
  oneZeroPoint(operator, 2);
  const [left, right] = operator.inputs;
  if (left?.kind === 'rows' && right?.kind === 'rows') return bothData(operator, left, right);
  if (left?.kind === 'rows') return byMatrix(operator, left, constantAt(operator, 1)?.shape);
  return ofMatrix(operator, constantAt(operator, 0)?.shape, dataAt(operator, 1));
};

function byMatrix(operator: Operator, { axis, shape }: Rows, matrix: readonly Dimension[] | undefined): Rows {
  if (!matrix?.length) throw unknown(`the shape of a matrix of ${operator.type} is not known`);
  if (axis === shape.length - 1) throw summed(operator);
  if (matrix.length === 1) return rowsAt(axis, shape.slice(0, -1));
  return withMatrix(operator, { axis, shape }, matrix, [shape.at(-2)!, matrix.at(-1)!]);
}

function ofMatrix(operator: Operator, matrix: readonly Dimension[] | undefined, { axis, shape }: Rows): Rows {
  oneZeroPoint(operator, 3);
  if (!matrix || matrix.length < 2 || shape.length < 2)
    throw unknown(`the shape of a matrix of ${operator.type} is not known`);
  if (axis === shape.length - 2) throw summed(operator);
  return withMatrix(operator, { axis, shape }, matrix, [matrix.at(-2)!, shape.at(-1)!]);
}

/**
 * The product with a constant matrix, whose last two dimensions are `ends`. The batch axis keeps its distance from the
 * end.
 */
function withMatrix(
  operator: Operator,
  { axis, shape }: Pick<Rows, 'axis' | 'shape'>,
  matrix: readonly Dimension[],
  ends: [Dimension, Dimension],
): Rows {
  const behind = shape.length - 1 - axis;
  if (behind > 1) overAllRows(operator, { kind: 'constant', shape: matrix }, behind);
  const made = [...together(shape.slice(0, -2), matrix.slice(0, -2), operator.fresh), ...ends];
  const at = made.length - 1 - behind;
  return rowsAt(at, made.with(at, shape[axis]!));
}

/** Throws for a zero point that is not one number for all rows. */
function oneZeroPoint(operator: Operator, input: number): void {
  const zeroPoint = constantAt(operator, input);
  if (zeroPoint && (!zeroPoint.shape || !isOne(product(zeroPoint.shape))))
    throw unknown(`${operator.type} may have a zero point of its own for each row`);
}

/** A matrix of each row times another matrix of the same row, as in attention. */
function bothData(operator: Operator, left: Rows, right: Rows): Rows {
  const behind = left.shape.length - 1 - left.axis;
  if (behind < 2 || right.shape.length - 1 - right.axis !== behind)
    throw mixes(`${operator.type} multiplies rows with other rows`);
  if (!equal(left.shape[left.axis]!, right.shape[right.axis]!))
    throw unknown(`${operator.type} takes inputs with other numbers of rows`);
  const made = [
    ...together(left.shape.slice(0, -2), right.shape.slice(0, -2), operator.fresh),
    left.shape.at(-2)!,
    right.shape.at(-1)!,
  ];
  const at = made.length - 1 - behind;
  return rowsAt(at, made.with(at, left.shape[left.axis]!));
}

/** Y = A B + C of matrices, each transposed or not. */
const gemm: Rule = (operator) => {
  const [a, b] = operator.inputs;
  if (a?.kind === 'rows' && b?.kind === 'rows') throw mixes('Gemm multiplies rows with other rows');
  const made =
    a?.kind === 'rows'
      ? ofSide(operator, a, { other: 1, transposed: 'transA', otherTransposed: 'transB' })
      : ofSide(operator, dataAt(operator, 1), { other: 0, transposed: 'transB', otherTransposed: 'transA' });
  added(operator, made);
  return made;
};

interface Side {
  /** Index of the other matrix. */
  other: 0 | 1;
  transposed: string;
  otherTransposed: string;
}

/** The product of data and a constant matrix. */
function ofSide(operator: Operator, { axis, shape }: Rows, { other, transposed, otherTransposed }: Side): Rows {
  const matrix = constantAt(operator, other)?.shape;
  if (!matrix || shape.length !== 2) throw unknown('the shape of a matrix of Gemm is not known');
  const turned = (name: string): boolean => operator.int(name, 0) !== 0;
  const inner = (other === 1) === turned(transposed) ? 0 : 1;
  if (axis === inner) throw summed(operator);
  const width = matrix[(other === 1) === turned(otherTransposed) ? 0 : 1]!;
  return other === 1 ? rowsAt(0, [shape[axis]!, width]) : rowsAt(1, [width, shape[axis]!]);
}

/** The summand has the rows of the product on the same axis, or is the same for all. */
function added(operator: Operator, made: Rows): void {
  const c = operator.inputs[2];
  if (c?.kind === 'rows') {
    if (c.axis - c.shape.length !== made.axis - 2 || !equal(c.shape[c.axis]!, made.shape[made.axis]!))
      throw mixes('Gemm adds rows to other rows');
  } else {
    const constant = constantAt(operator, 2);
    if (constant) overAllRows(operator, constant, 1 - made.axis);
  }
}

/** The batch axis has the same letter in each input that has rows, and in the output. */
const einsum: Rule = (operator) => {
  const { terms, result } = equation(operator);
  const values = terms.map((term, i) => {
    const input = operator.inputs[i];
    const value = input?.kind === 'rows' ? input : constantAt(operator, i);
    if (value?.shape?.length !== term.length) throw unknown('the shape of an input of Einsum is not known');
    return { term, shape: value.shape, letter: value.kind === 'rows' ? term[value.axis] : undefined };
  });
  const batches = new Set(values.flatMap(({ letter }) => letter ?? []));
  const [batch] = batches;
  if (batch === undefined || batches.size > 1) throw mixes('Einsum multiplies rows with other rows');
  if (values.some(({ term, letter }) => letter === undefined && term.includes(batch)))
    throw unknown('Einsum has a value of its own for each row');
  if (!result.includes(batch)) throw summed(operator);
  const size = (letter: string): Dimension => {
    const sizes = values.flatMap(({ term, shape }) => (term.includes(letter) ? shape[term.indexOf(letter)]! : []));
    return sizes.find((one) => !isOne(one)) ?? sizes[0]!;
  };
  const first = values.find(({ letter }) => letter !== undefined)!;
  const rows = first.shape[first.term.indexOf(batch)]!;
  if (values.some(({ term, shape, letter }) => letter !== undefined && !equal(shape[term.indexOf(batch)]!, rows)))
    throw unknown('Einsum takes inputs with other numbers of rows');
  return rowsAt(
    result.indexOf(batch),
    result.map((letter) => (letter === batch ? rows : size(letter))),
  );
};

/**
 * The letters of each input and of the result. Throws for an equation that is not explicit: dots, no result, a letter
 * twice in one input.
 */
function equation({ text }: Operator): { terms: string[][]; result: string[] } {
  const written = (text('equation') ?? '').replaceAll(' ', '');
  const [inputs = '', result] = written.split('->');
  const terms = inputs.split(',').map((term) => term.split(''));
  if (
    result === undefined ||
    !/^[A-Za-z,]*$/.test(inputs + result) ||
    terms.some((term) => new Set(term).size < term.length)
  )
    throw unknown(`Einsum ${written} is not followed`);
  return { terms, result: result.split('') };
}

export const PRODUCTS: Record<string, Rule> = { MatMul: matMul, MatMulInteger: matMul, Gemm: gemm, Einsum: einsum };
