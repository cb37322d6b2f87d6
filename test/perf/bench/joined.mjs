// A plain server that keeps a model off the HTTP thread and joins calls: node:http in one thread, session.run in
// another. What waits at the end of a turn of the event loop goes as one message and one call, two at the same time. No
// rules: whatever comes is taken for a row.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

async function serve(port, file) {
  const worker = new Worker(new URL(import.meta.url), { workerData: file });
  await once(worker, 'message');
  const asked = [];
  let waiting = [];
  let soon = false;
  const send = () => {
    if (asked.length === 2 || waiting.length === 0) return;
    asked.push(waiting.map(({ response }) => response));
    worker.postMessage(waiting.map(({ body }) => body));
    waiting = [];
  };
  worker.on('message', (bodies) => {
    for (const [i, response] of asked.shift().entries())
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bodies[i]) })
        .end(bodies[i]);
    send();
  });
  createServer((request, response) => {
    const chunks = [];
    request
      .on('data', (chunk) => chunks.push(chunk))
      .on('end', () => {
        waiting.push({ body: Buffer.concat(chunks).toString(), response });
        if (soon) return;
        soon = true;
        setImmediate(() => {
          soon = false;
          send();
        });
      });
  }).listen(port, '127.0.0.1');
}

async function run(file) {
  const ort = await import('onnxruntime-node');
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  parentPort.on('message', async (bodies) => {
    const rows = bodies.map((body) => JSON.parse(body).data[0]);
    const results = await session.run({
      [session.inputNames[0]]: new ort.Tensor('float32', Float32Array.from(rows.flat()), [rows.length, rows[0].length]),
    });
    const outputs = Object.entries(results).map(([name, { data, dims }]) => ({ name, data, width: dims[1] }));
    parentPort.postMessage(
      bodies.map((_, i) =>
        JSON.stringify(
          Object.fromEntries(
            outputs.map(({ name, data, width }) => [name, [Array.from(data.subarray(i * width, (i + 1) * width))]]),
          ),
        ),
      ),
    );
  });
  parentPort.postMessage('ready');
}

if (isMainThread) await serve(Number(process.argv[2]), process.argv[3]);
else await run(workerData);
