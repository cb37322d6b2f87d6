// Checks the body with zod before the model gets it, and shapes the answer with lodash.
import { maxBy } from 'lodash-es';
import { z } from 'zod';

const Body = z.object({ data: z.array(z.array(z.number()).length(4)).min(1) });
const NAMES = ['setosa', 'versicolor', 'virginica'];
let model;

export async function init(context) {
  model = await context.model('iris');
}

export async function run(rawData: string) {
  const body = Body.safeParse(JSON.parse(rawData));
  if (!body.success) return new Response(z.prettifyError(body.error), { status: 400 });
  const { data } = body.data;
  const { probabilities } = await model.run({ X: { datatype: 'FP32', shape: [data.length, 4], data } });
  return data.map((_, row) => {
    const scores = NAMES.map((name, i) => ({ name, score: probabilities.data[row * NAMES.length + i] }));
    return maxBy(scores, 'score');
  });
}
