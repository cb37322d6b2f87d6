// A client inside the cluster, on the scorer image: one request, or a steady load with a summary. `--in NAMESPACE`
// before the command: where the Services of URLs are.
//   client.mjs idle | request METHOD URL [BODY] [HEADERS] [patient] | load URL BODY SECONDS PER_SECOND [HEADERS] | end
//   client.mjs burst URL BODY COUNT [HEADERS] | rests URL BODY CYCLES PER_CYCLE IDLE_MS | curve URL BODY POINTS
import { lookup as resolveName } from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

// A Service keeps its address: asked for once, so that a load is one on the endpoint and not on the cluster's DNS.
const addresses = new Map();
function lookup(host, options, done) {
  if (!addresses.has(host)) addresses.set(host, resolveName(host, { family: 4 }));
  addresses.get(host).then(
    ({ address, family }) => (options.all ? done(null, [{ address, family }]) : done(null, address, family)),
    (error) => (addresses.delete(host), done(error)),
  );
}

function call(method, url, body, headers = {}, agent, timeout = 10_000) {
  return new Promise((resolve) => {
    const request = http.request(
      namespace ? url.replace(/^http:\/\/[^/:]+/, `$&.${namespace}`) : url,
      { method, headers, agent, timeout, lookup },
      (response) => {
        const chunks = [];
        response
          .on('data', (chunk) => chunks.push(chunk))
          .on('end', () =>
            resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
          );
        response.on('error', (error) => resolve({ status: 0, error: error.message }));
      },
    );
    request
      .on('timeout', () => request.destroy(new Error('timeout')))
      .on('error', (error) => resolve({ status: 0, error: error.code ?? error.message }));
    request.end(body);
  });
}

const namespace = process.argv[2] === '--in' ? process.argv.splice(2, 2)[1] : '';
const PID = `/tmp/load-${namespace}.pid`;
/** Longer than the activator holds a request. */
const COLD_MS = 70_000;
/** endpoint.maxConcurrentRequests by default: more at a time may be told 429. */
const PLACES = 16;

function note(summary, { status, error, body = '' }) {
  summary.sent += 1;
  const failure = error ?? `${status} ${body.slice(0, 80)}`;
  if (status === 200) summary.ok += 1;
  else summary.failures[failure] = (summary.failures[failure] ?? 0) + 1;
}

// A load that follows POINTS, [[second, requests a second], …], in straight lines; what came of it, second by second.
async function curve(url, body, points) {
  const summary = { sent: 0, ok: 0, failures: {}, seconds: [] };
  const started = Date.now();
  const end = points.at(-1)[0];
  const rate = (at) => {
    const i = points.findIndex(([second]) => second > at);
    const [[s0, r0], [s1, r1]] = [points[i - 1], points[i]];
    return r0 + ((r1 - r0) * (at - s0)) / (s1 - s0);
  };
  const running = new Set();
  let [due, last] = [0, 0];
  for (let at = 0; at < end; await sleep(5), at = (Date.now() - started) / 1000) {
    due += rate(Math.min(at, end - 0.001)) * (at - last);
    last = at;
    for (; due >= 1; due -= 1) {
      const second = (summary.seconds[Math.floor(at)] ??= { sent: 0, ok: 0 });
      second.sent += 1;
      const one = call('POST', url, body).then((answer) => {
        note(summary, answer);
        if (answer.status === 200) second.ok += 1;
        running.delete(one);
      });
      running.add(one);
    }
  }
  await Promise.all(running);
  return { ...summary, startedAt: started };
}

// All at once, each on a connection of its own.
async function burst(url, body, count, headers) {
  const summary = { sent: 0, ok: 0, failures: {}, slowestMs: 0 };
  const started = Date.now();
  await Promise.all(
    Array.from({ length: count }, () =>
      call('POST', url, body, headers, undefined, COLD_MS).then((answer) => note(summary, answer)),
    ),
  );
  return { ...summary, slowestMs: Date.now() - started };
}

// Again and again: some requests, as many at a time as a pod has places, half of them on kept connections, then silence
// for about as long as it takes to be put
// to sleep. Every other silence ends within the half second in which that happens, the rest up to six seconds later.
async function rests(url, body, cycles, perCycle, idleMs) {
  const agents = [new http.Agent({ keepAlive: true }), new http.Agent({ keepAlive: false })];
  const summary = { sent: 0, ok: 0, failures: {}, firstMs: [] };
  for (let cycle = 0; cycle < cycles; cycle++) {
    const started = Date.now();
    note(summary, await call('POST', url, body, {}, agents[cycle % 2], COLD_MS));
    summary.firstMs.push(Date.now() - started);
    for (let left = perCycle - 1; left > 0; left -= PLACES)
      await Promise.all(
        Array.from({ length: Math.min(left, PLACES) }, (_, i) =>
          call('POST', url, body, {}, agents[i % 2], COLD_MS).then((answer) => note(summary, answer)),
        ),
      );
    await sleep(idleMs + Math.random() * (cycle % 2 ? 500 : 6_000));
  }
  return summary;
}

// Half of the requests on kept connections, half on new ones: both must survive whatever goes on meanwhile. `end` ends
// it early.
async function load(url, body, seconds, perSecond, headers) {
  let ended = false;
  process.once('SIGTERM', () => (ended = true));
  writeFileSync(PID, String(process.pid));
  const agents = [new http.Agent({ keepAlive: true }), new http.Agent({ keepAlive: false })];
  const summary = { sent: 0, ok: 0, perSecond: 0, failures: {}, revisions: {} };
  const running = new Set();
  const send = () => {
    const one = call('POST', url, body, headers, agents[summary.sent++ % 2]).then(
      ({ status, headers: answered, error, body: text }) => {
        if (status === 200) summary.ok += 1;
        else
          summary.failures[error ?? `${status} ${text.slice(0, 80)}`] =
            (summary.failures[error ?? `${status} ${text.slice(0, 80)}`] ?? 0) + 1;
        const revision = answered?.['x-penstock-revision'];
        if (revision) summary.revisions[revision] = (summary.revisions[revision] ?? 0) + 1;
        running.delete(one);
      },
    );
    running.add(one);
  };
  const started = Date.now();
  for (; !ended && Date.now() < started + seconds * 1000; await sleep(2))
    while (summary.sent < ((Date.now() - started) / 1000) * perSecond) send();
  await Promise.all(running);
  summary.perSecond = Math.round((summary.sent / (Date.now() - started)) * 1000);
  return summary;
}

const print = (summary) => {
  console.log(JSON.stringify(summary));
  process.exit(0);
};
const [command, ...args] = process.argv.slice(2);
if (command === 'idle') {
  process.on('SIGTERM', () => process.exit(0));
  setInterval(() => undefined, 60_000);
} else if (command === 'request') {
  const [method, url, body = '', headers = '{}', patience] = args;
  const sentAt = Date.now();
  const answer = await call(
    method,
    url,
    body,
    JSON.parse(headers),
    undefined,
    patience === 'patient' ? COLD_MS : undefined,
  );
  console.log(JSON.stringify({ ...answer, sentAt, answeredAt: Date.now() }));
} else if (command === 'load') {
  const [url, body, seconds, perSecond, headers = '{}'] = args;
  print(await load(url, body, Number(seconds), Number(perSecond), JSON.parse(headers)));
} else if (command === 'burst') {
  const [url, body, count, headers = '{}'] = args;
  print(await burst(url, body, Number(count), JSON.parse(headers)));
} else if (command === 'curve') {
  const [url, body, points] = args;
  print(await curve(url, body, JSON.parse(points)));
} else if (command === 'rests') {
  const [url, body, cycles, perCycle, idleMs] = args;
  print(await rests(url, body, Number(cycles), Number(perCycle), Number(idleMs)));
} else if (command === 'end') process.kill(Number(readFileSync(PID, 'utf8')), 'SIGTERM');
