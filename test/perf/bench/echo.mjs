// The limit: node:http, the body read and parsed, and sent back. With a model file: its answer to the body's data, by
// session.run in the same thread.
import { createServer } from 'node:http';
const [port, file] = process.argv.slice(2);
const ort = file && (await import('onnxruntime-node'));
const session = ort && (await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 }));
async function answer({ data }) {
  const results = await session.run({
    [session.inputNames[0]]: new ort.Tensor('float32', Float32Array.from(data.flat()), [data.length, data[0].length]),
  });
  return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, Array.from(value.data)]));
}
createServer((request, response) => {
  const chunks = [];
  const send = (value) => {
    const body = JSON.stringify(value);
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
      .end(body);
  };
  request
    .on('data', (chunk) => chunks.push(chunk))
    .on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString());
      if (session) void answer(body).then(send);
      else send(body);
    });
}).listen(Number(port), '127.0.0.1');
