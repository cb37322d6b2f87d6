// The other limit: session.run in a loop, no HTTP. Arguments: model file, shape of a call's input, seconds.
import * as ort from 'onnxruntime-node';
const [file, shape, seconds] = [process.argv[2], JSON.parse(process.argv[3]), Number(process.argv[4])];
const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', new Float32Array(shape.reduce((product, dimension) => product * dimension, 1)).fill(0.5), shape) };
for (let i = 0; i < 5; i++) await session.run(feeds);
let count = 0;
const started = performance.now();
while (performance.now() - started < seconds * 1000) {
  await session.run(feeds);
  count += shape[0];
}
console.log(count / ((performance.now() - started) / 1000));
