// The other limit: session.run in a loop, no HTTP. Arguments: model file, columns, rows of a call, seconds.
import * as ort from 'onnxruntime-node';
const [file, columns, rows, seconds] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', new Float32Array(rows * columns).fill(0.5), [rows, columns]) };
for (let i = 0; i < 50; i++) await session.run(feeds);
let count = 0;
const started = performance.now();
while (performance.now() - started < seconds * 1000) {
  await session.run(feeds);
  count += rows;
}
console.log(count / ((performance.now() - started) / 1000));
