/** Bodies of /score as clients of pandas, MLflow and Azure ML send them, in the form of the model's inputs. */
import type { ModelSignature, TensorSignature } from '@penstock/contract';
import { expect } from 'chai';
import { fromRecords, fromScoreBody, fromSplit } from '../../../scorer-image/protocols/dataFrames.ts';

const signature = (...inputs: TensorSignature[]): ModelSignature => ({ inputs, outputs: [] });
const matrix = signature({ name: 'X', datatype: 'FP32', shape: [-1, 2] });
const named = signature({ name: 'X', datatype: 'FP32', shape: [-1, 2], features: ['sepal length', 'width'] });
const column = signature({ name: 'X', datatype: 'FP32', shape: [-1, 1] });
const columns = signature(
  { name: 'age', datatype: 'INT64', shape: [-1, 1] },
  { name: 'city', datatype: 'BYTES', shape: [-1] },
);
const mixed = signature(
  { name: 'age', datatype: 'INT64', shape: [-1, 1] },
  { name: 'image', datatype: 'FP32', shape: [-1, 3, 3] },
);
const called = signature({ name: 'data', datatype: 'FP32', shape: [-1, 2] });

describe('a body of /score becomes', () => {
  const rows: [what: string, body: unknown, of: ModelSignature, inputs: unknown][] = [
    ['rows of the only input', [[1, 2]], matrix, { X: [[1, 2]] }],
    ['rows under the name of the input', { X: [[1, 2]] }, matrix, { X: [[1, 2]] }],
    ['rows under data', { data: [[1, 2]] }, matrix, { X: [[1, 2]] }],
    ['a value under data that is no list', { data: 7 }, matrix, { X: 7 }],
    ['data of a model whose input has that name', { data: [[1, 2]] }, called, { data: [[1, 2]] }],
    ['rows under input_data', { input_data: [[1, 2]] }, matrix, { X: [[1, 2]] }],
    [
      'a split frame under input_data',
      { input_data: { columns: ['a', 'b'], data: [[1, 2]] } },
      matrix,
      { X: [[1, 2]] },
    ],
    ['inputs by name under input_data', { input_data: { X: [[1, 2]] } }, matrix, { X: [[1, 2]] }],
    ['inputs by name, of which one is called data', { input_data: { data: [[1, 2]] } }, called, { data: [[1, 2]] }],
    ['rows under Inputs', { Inputs: { anything: [[1, 2]] } }, matrix, { X: [[1, 2]] }],
    ['records of columns by their names', [{ city: 'x', age: 1 }], columns, { age: [[1]], city: ['x'] }],
    ['rows of columns in their order', [[1, 'x']], columns, { age: [[1]], city: ['x'] }],
    ['values of a single column', [1, 2], column, { X: [[1], [2]] }],
    ['rows of a single column', [[1], [2]], column, { X: [[1], [2]] }],
    ['records with features in another order', [{ width: 2, 'sepal length': 1 }], named, { X: [[1, 2]] }],
    ['records with names as exporters write them', [{ sepal_length: 1, width: 2 }], named, { X: [[1, 2]] }],
    ['no rows', [], matrix, { X: [] }],
  ];
  for (const [what, body, of, inputs] of rows) it(what, () => expect(fromScoreBody(body, of)).to.deep.equal(inputs));

  it('itself where no rule is for it', () => {
    for (const body of [7, null, { other: 1 }, { Inputs: { a: 1 } }, { Inputs: { a: [], b: [] } }, { Inputs: [] }])
      expect(fromScoreBody(body, matrix)).to.equal(body);
  });
});

describe('a body of /score is refused', () => {
  const rows: [what: string, body: unknown, of: ModelSignature, message: string][] = [
    ['with too few values in a row', [[1]], columns, 'the body[0] has 1 values, there are 2 inputs'],
    ['with a row that is no list', { data: [7] }, columns, 'data[0] must be a list'],
    ['as rows for inputs that are not columns', [[1, 2]], mixed, 'the model has 2 inputs that are not all columns'],
    ['as records for a model without features', [{ a: 1, b: 2 }], matrix, 'the model has no names of features'],
    [
      'with records of other keys',
      [{ city: 'x', age: 1 }, { city: 'x' }],
      columns,
      'the body[1] must have the keys of the first: city, age',
    ],
    ['with a record among lists', [{ city: 'x', age: 1 }, [1, 2]], columns, 'the body[1] must have the keys'],
    ['with a record without keys', [{}], columns, "the body[0] must be an object with the columns' names"],
    [
      'without a feature',
      [{ width: 2, other: 1 }],
      named,
      'feature sepal length is missing; the model has sepal length, width',
    ],
    [
      'with a column too many',
      [{ age: 1, city: 'x', more: 1 }],
      columns,
      'unknown input more; the model has age, city',
    ],
  ];
  for (const [what, body, of, message] of rows) it(what, () => expect(() => fromScoreBody(body, of)).to.throw(message));
});

describe('a frame as pandas splits it', () => {
  it('takes columns by name where the model has names, and in their order else', () => {
    const data = [[1, 2]];
    expect(fromSplit({ columns: ['width', 'sepal length'], data }, 'f', named)).to.deep.equal({ X: [[2, 1]] });
    expect(fromSplit({ columns: ['width', 'length'], data }, 'f', matrix)).to.deep.equal({ X: [[1, 2]] });
    expect(fromSplit({ data }, 'f', matrix)).to.deep.equal({ X: [[1, 2]] });
    expect(fromSplit({ columns: [0, 1], data }, 'f', matrix)).to.deep.equal({ X: [[1, 2]] });
  });

  it('of which the only column is the input', () =>
    expect(fromSplit({ columns: ['X'], data: [[1], [2]] }, 'f', column)).to.deep.equal({ X: [[1], [2]] }));

  const rows: [what: string, frame: object, message: string][] = [
    ['without data', {}, 'f.data must be a list'],
    ['with columns that are no list', { columns: 'a', data: [] }, 'f.columns must be a list'],
    ['with columns that are no names', { columns: [{}], data: [] }, 'f.columns must be names'],
    [
      'with a row of another length',
      { columns: ['a', 'b'], data: [[1, 2], [1]] },
      'f.data[1] has 1 values, there are 2 columns',
    ],
  ];
  for (const [what, frame, message] of rows)
    it(`${what} is refused`, () => expect(() => fromSplit(frame as never, 'f', matrix)).to.throw(message));
});

describe('records', () => {
  it('of one column need no names of features', () =>
    expect(fromRecords([{ any: 1 }], 'r', column)).to.deep.equal({ X: [[1]] }));
  it('that are none are refused', () => {
    expect(() => fromRecords('x', 'r', column)).to.throw('r must be a list');
    expect(() => fromRecords([7], 'r', column)).to.throw("r[0] must be an object with the columns' names");
  });
});
