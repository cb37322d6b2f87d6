// The other limit: session.run in a loop, no HTTP. Arguments: model file, shape of a call's input. A message says for
// how many seconds; the answer, what each call took (milliseconds) and all of them (seconds).
import * as ort from 'onnxruntime-node';
const [file, shape] = [process.argv[2], JSON.parse(process.argv[3])];
const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const values = new Float32Array(shape.reduce((product, dimension) => product * dimension, 1)).fill(0.5);
process.on('message', async (seconds) => {
  const times = [];
  const started = performance.now();
  for (let now = started; now - started < seconds * 1000;) {
    await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', values, shape) });
    times.push(performance.now() - now);
    now += times.at(-1);
  }
  process.send({ times, took: (performance.now() - started) / 1000 });
});
process.send('ready');
