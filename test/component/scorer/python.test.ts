/** Scripts in Python: Azure ML's contract, failures, and processes that end, each with a real Python. */
import { ENV, LOCAL_ENV } from '@penstock/contract';
import { expect } from 'chai';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pythonWith } from '../../support/clients/venv.ts';
import { ready, scorerPerTest, type Scorer } from '../../support/fixtures/scorer.ts';
import { waitFor } from '../../support/waitFor.ts';

const CONTENT = { 'content-type': 'application/json' };

describe('a script in Python', function () {
  this.timeout(60_000);
  let scorer: Scorer;
  const startAny = scorerPerTest();
  const start = (
    source: string,
    { env = {}, program = 'python3', until = ready }: { env?: object; program?: string; until?: typeof ready } = {},
  ) =>
    startAny(
      {
        script: 'score.py',
        files: { 'score.py': source },
        env: {
          PATH: process.env.PATH!,
          [LOCAL_ENV.python]: program,
          [LOCAL_ENV.pythonSocket]: join(mkdtempSync(join(tmpdir(), 'penstock-python-')), 's.sock'),
          ...env,
        },
      },
      until,
    );
  const post = (body: string | Buffer, headers: Record<string, string> = CONTENT, path = '/score') =>
    fetch(scorer.url + path, { method: 'POST', body, headers });
  const json = async (body: string) => (await post(body)).json();
  const logged = () =>
    scorer
      .log()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { level: string; message: string; logger?: string; requestId?: string });

  const ECHO = 'def init():\n    pass\n\ndef run(raw_data):\n    return raw_data\n';

  describe('gets requests as in Azure ML', () => {
    it('run() takes the body as text, and its result is JSON', async () => {
      scorer = await start(ECHO);
      expect(await json('{"a": "ä€😀"}')).to.equal('{"a": "ä€😀"}');
      expect(await (await fetch(`${scorer.url}/score?a=1&b=x`)).json()).to.equal('{"a":1,"b":"x"}');
      expect(await (await post('{}', CONTENT, '/invocations')).json()).to.equal('{}');
    });

    it('a body that is not UTF-8 is 400', async () => {
      scorer = await start(ECHO);
      const answer = await post(Buffer.from([0xff, 0xfe]));
      expect(answer.status).to.equal(400);
      expect(((await answer.json()) as { message: string }).message).to.contain('Input cannot be decoded as UTF-8');
    });

    it('request_headers has the headers of the request', async () => {
      scorer = await start('def init(): pass\ndef run(data, request_headers):\n    return request_headers["X-Mine"]\n');
      expect(await (await post('x', { ...CONTENT, 'x-mine': 'seen' })).json()).to.equal('seen');
    });

    it('Model.get_model_path of the SDK v1 finds the file of a model', async () => {
      scorer = await start(
        [
          'from azureml.core.model import Model',
          'def init():',
          '    global path',
          '    path = Model.get_model_path("iris")',
          'def run(data):',
          '    return path',
        ].join('\n'),
        { env: { [ENV.modelDir]: join(import.meta.dirname, '../../../examples/iris') } },
      );
      expect(await json('')).to.match(/examples\/iris$/);
    });

    it('what it prints and logs has the id of the request', async () => {
      scorer = await start(
        [
          'import logging',
          'def init():',
          '    print("loading")',
          'def run(data):',
          '    print("scoring", data)',
          '    logging.getLogger("mine").warning("careful")',
          '    return 1',
        ].join('\n'),
      );
      await post('x', { ...CONTENT, 'x-request-id': 'one' });
      await waitFor(() => Promise.resolve(logged().some(({ message }) => message === 'careful')));
      const lines = logged().filter(({ message }) => ['loading', 'scoring x', 'careful'].includes(message));
      expect(lines).to.deep.equal([
        { level: 'info', message: 'loading' },
        { level: 'info', message: 'scoring x', requestId: 'one' },
        { level: 'warn', message: 'careful', logger: 'mine', requestId: 'one' },
      ]);
    });

    it('scoring.test is answered before the pod is ready', async () => {
      scorer = await start(ECHO, {
        env: { [ENV.test]: JSON.stringify({ request: 'a', expect: '"b"' }) },
        until: () => Promise.resolve(),
      });
      expect(await scorer.exited).to.equal(3);
      expect(scorer.log()).to.contain('ScoringTestFailed');
    });
  });

  describe('that cannot be used ends the scorer with the reason', () => {
    const rows: [what: string, source: string, reason: string][] = [
      ['a syntax error', 'def init(:\n', 'UserScriptImportError: SyntaxError: invalid syntax'],
      [
        'a package that is missing',
        'import no_such_package\n',
        "UserScriptImportError: ModuleNotFoundError: No module named 'no_such_package' (score.py:1)",
      ],
      ['no run()', 'def init(): pass\n', 'UserScriptFunctionNotFound: score.py has no function run()'],
      [
        'a run() without a parameter',
        'def init(): pass\ndef run(): pass\n',
        'UserScriptFunctionNotFound: run() has no parameter for the data',
      ],
      [
        'an init() that raises',
        'def init():\n    raise ValueError("no weights")\ndef run(x): pass\n',
        'UserScriptInitFailed: ValueError: no weights (score.py:2)',
      ],
      [
        'an init() that exits',
        'import os\ndef init():\n    os._exit(7)\ndef run(x): pass\n',
        "UserScriptCrashed: the script's process ended with exit code 7",
      ],
      [
        'an init() that takes too long',
        'import time\ndef init():\n    time.sleep(60)\ndef run(x): pass\n',
        'UserScriptInitTimeout: init() did not end within initTimeout',
      ],
    ];
    for (const [what, source, reason] of rows)
      it(what, async () => {
        scorer = await start(source, { env: { [ENV.initTimeoutMs]: '2000' }, until: () => Promise.resolve() });
        expect(await scorer.exited).to.equal(3);
        expect(scorer.log()).to.contain(reason);
      });

    it('a Python that is not there', async () => {
      scorer = await start(ECHO, { program: '/no/python', until: () => Promise.resolve() });
      expect(await scorer.exited).to.equal(3);
      expect(scorer.log()).to.contain('ResourceNotReady: /no/python cannot be started');
    });
  });

  it('a run() that raises is 500: the client gets the request id, and the log the stack', async () => {
    scorer = await start('def init(): pass\ndef run(data):\n    return 1 / int(data)\n');
    const answer = await post('0');
    expect([answer.status, await answer.json()]).to.deep.equal([
      500,
      { message: 'An unexpected error occurred in scoring script. Check the logs for more info.' },
    ]);
    await waitFor(() => Promise.resolve(scorer.log().includes('ZeroDivisionError')));
    expect(scorer.log()).to.contain('score.py').and.contain('line 3');
    expect(await json('4')).to.equal(0.25);
  });

  it('answers stay with their requests, with several processes and large bodies', async () => {
    scorer = await start(ECHO, { env: { [ENV.workers]: '2', [ENV.maxQueueWaitMs]: '30000' } });
    const bodies = Array.from({ length: 60 }, (_, i) => `${i}:${'x'.repeat([3_000_000, 100_000, i][i % 20] ?? i)}`);
    const answers = await Promise.all(bodies.map((body) => post(body)));
    expect(answers.map(({ status }) => status)).to.deep.equal(bodies.map(() => 200));
    const texts = await Promise.all(answers.map((answer) => answer.json()));
    expect(texts.map((text, i) => text === bodies[i])).to.deep.equal(bodies.map(() => true));
  });

  const PIDS = 'import os, time\ndef init(): pass\ndef run(data):\n';

  it('a process that ends is replaced by one other: its request is 500, and the next one is answered', async () => {
    scorer = await start(
      [
        'import os, time',
        'def init():',
        '    time.sleep(1)',
        '    print("init of", os.getpid())',
        'def run(data):',
        '    if data == "end": os._exit(1)',
        '    return os.getpid()',
      ].join('\n'),
    );
    const before = await json('');
    expect((await post('end')).status).to.equal(500);
    await waitFor(async () => (await fetch(`${scorer.operator}/readyz`)).status === 200, 10_000);
    expect(await json(''))
      .to.be.a('number')
      .and.not.equal(before);
    expect(logged().filter(({ message }) => message.startsWith('init of'))).to.have.length(2);
    expect(scorer.log()).to.contain(
      "UserScriptCrashed: the script's process ended with exit code 1; another worker starts",
    );
  });

  it('an idle process that ends is replaced, and a request in another one is answered', async () => {
    scorer = await start(
      [
        'import os, signal, time',
        'def init(): pass',
        'def run(data):',
        '    if data == "wait": time.sleep(2)',
        '    return os.getpid()',
      ].join('\n'),
      { env: { [ENV.workers]: '2', [ENV.requestTimeoutMs]: '5000' } },
    );
    const idle = new Set<number>();
    await waitFor(async () => {
      for (const pid of await Promise.all(Array.from({ length: 8 }, () => json('')))) idle.add(pid as number);
      return idle.size === 2;
    });
    const waiting = json('wait');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const busy = await Promise.race([waiting, json('')]); // of the process that is free
    process.kill(busy as number, 'SIGKILL');
    expect(await waiting)
      .to.be.a('number')
      .and.not.equal(busy);
    await waitFor(async () => (await json('')) !== busy);
    expect(scorer.process.exitCode).to.equal(null);
  });

  it('requests of the V2 protocol need numpy', async () => {
    scorer = await start(ECHO);
    const body = '{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}';
    const answer = await post(body, CONTENT, '/v2/models/iris/infer');
    expect([answer.status, await answer.json()]).to.deep.equal([
      501,
      { error: 'the protocol V2 needs numpy among the packages of the script' },
    ]);
    expect(await json('on')).to.equal('on');
  });

  it('a run() that exits or logs in a wrong way is 500 or nothing, and the process goes on', async () => {
    scorer = await start(
      [
        'import logging, os, sys',
        'sys.stdout.reconfigure(line_buffering=True)',
        'def init(): pass',
        'def run(data):',
        '    if data == "exit": sys.exit("bye")',
        '    logging.warning("one", 1)',
        '    sys.stdout.buffer.write(b"bytes\\n")',
        '    return os.getpid()',
      ].join('\n'),
    );
    const pid = await json('');
    expect((await post('exit')).status).to.equal(500);
    expect(await json('')).to.equal(pid);
    await waitFor(() => Promise.resolve(/SystemExit: bye/.test(scorer.log())));
  });

  it('a run() that hangs is killed after a while, and its process is replaced', async () => {
    scorer = await start(`${PIDS}    while data == "hang": time.sleep(1)\n    return os.getpid()\n`, {
      env: { [ENV.requestTimeoutMs]: '300', PENSTOCK_LEAST_HANG_MS: '1500' },
    });
    const before = await json('');
    expect((await post('hang')).status).to.equal(504);
    await waitFor(async () => ((await json('').catch(() => undefined)) as number) > 0, 15_000);
    expect(await json('')).not.to.equal(before);
    expect(scorer.process.exitCode).to.equal(null);
    expect(scorer.log()).to.contain('ScriptHung');
  });

  it('its processes, and those that it has started, end with the scorer, also when that is killed', async () => {
    scorer = await start(
      [
        'import os, subprocess',
        'def init():',
        '    global child',
        '    child = subprocess.Popen(["sleep", "300"])',
        'def run(data):',
        '    while data == "loop": pass',
        '    return [os.getpid(), os.getppid(), child.pid]',
      ].join('\n'),
    );
    const pids = (await json('')) as number[];
    const alive = () => pids.filter((pid) => readState(pid) !== undefined);
    expect(alive()).to.deep.equal(pids);
    void post('loop').catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    scorer.process.kill('SIGKILL');
    await waitFor(() => Promise.resolve(alive().length === 0), 10_000);
  });

  it('a request in progress is answered when the scorer is stopped', async () => {
    scorer = await start(`${PIDS}    time.sleep(1)\n    return "done"\n`);
    const answer = json('');
    await new Promise((resolve) => setTimeout(resolve, 300));
    scorer.process.kill('SIGTERM');
    expect(await answer).to.equal('done');
    expect(await scorer.exited).to.equal(0);
  });

  describe('with the packages of Azure ML', function () {
    this.timeout(300_000);
    let program: string;
    before(
      () => (program = pythonWith(['azureml-inference-server-http==1.5.1', 'inference-schema==1.8', 'numpy==2.2.6'])),
    );

    it('@input_schema: keys of the body are arguments, and Swagger has their types', async () => {
      scorer = await start(
        [
          'import numpy as np',
          'from inference_schema.schema_decorators import input_schema, output_schema',
          'from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType',
          'def init(): pass',
          '@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))',
          '@output_schema(NumpyParameterType(np.array([3.0])))',
          'def run(data):',
          '    return data.sum(axis=1).tolist()',
        ].join('\n'),
        { program, env: { [ENV.initTimeoutMs]: '60000' } },
      );
      expect(await json('{"data": [[1, 2], [3, 4.5]]}')).to.deep.equal([3, 7.5]);
      const rows: [string, Record<string, string>, number, string][] = [
        ['{"data": [[1]]}', { 'content-type': 'text/plain' }, 415, 'Expects Content-Type to be application/json'],
        ['', CONTENT, 400, 'POST body is empty. Expecting a JSON dictionary.'],
        ['[1]', CONTENT, 400, 'POST body should be a JSON dictionary.'],
        ['{}', CONTENT, 400, "A value is not provided for the 'data' parameter."],
      ];
      for (const [body, headers, status, message] of rows) {
        const answer = await post(body, headers);
        expect([answer.status, await answer.json()]).to.deep.equal([status, { message }]);
      }
      const swagger = (await (await fetch(`${scorer.url}/swagger.json`)).json()) as {
        definitions: { ServiceInput: { properties: object } };
      };
      expect(Object.keys(swagger.definitions.ServiceInput.properties)).to.deep.equal(['data']);
    });

    describe('requests of the V2 protocol', () => {
      const infer = (body: unknown, headers: Record<string, string> = CONTENT) =>
        post(Buffer.isBuffer(body) ? body : JSON.stringify(body), headers, '/v2/models/iris/infer');
      const x = { name: 'x', shape: [2, 2], datatype: 'FP32', data: [1, 2.1, 3, 4] };

      it('run() gets numpy arrays and returns them, in JSON and in binary', async () => {
        scorer = await start(
          [
            'def init(): pass',
            'def run(request):',
            '    x = request["inputs"][0]["data"]',
            '    return {"outputs": [{"name": "sum", "data": x.sum(axis=1, dtype="f8")}, {"name": "same", "data": x}]}',
          ].join('\n'),
          { program },
        );
        const sum = { name: 'sum', datatype: 'FP64', shape: [2] };
        expect(await (await infer({ id: 'a', inputs: [x] })).json()).to.deep.equal({
          model_name: 'iris',
          model_version: 'iris-1',
          id: 'a',
          outputs: [
            { ...sum, data: [3.0999999046325684, 7] },
            { ...x, name: 'same', data: [1, 2.0999999046325684, 3, 4] },
          ],
        });
        const head = JSON.stringify({
          inputs: [{ ...x, data: undefined, parameters: { binary_data_size: 16 } }],
          outputs: [{ name: 'same', parameters: { binary_data: true } }],
        });
        const numbers = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);
        const answer = await infer(Buffer.concat([Buffer.from(head), numbers]), {
          'inference-header-content-length': String(head.length),
        });
        const length = Number(answer.headers.get('inference-header-content-length'));
        const bytes = Buffer.from(await answer.arrayBuffer());
        expect(answer.headers.get('content-type')).to.equal('application/octet-stream');
        expect((JSON.parse(bytes.toString('utf8', 0, length)) as { outputs: object[] }).outputs).to.deep.equal([
          { name: 'same', datatype: 'FP32', shape: [2, 2], parameters: { binary_data_size: 16 } },
        ]);
        expect(bytes.subarray(length).equals(numbers)).to.equal(true);
      });

      it('large outputs come whole, in JSON and in binary', async () => {
        scorer = await start(
          'import numpy\ndef init(): pass\ndef run(request):\n    return numpy.arange(3_000_000, dtype="i4")\n',
          { program, env: { [ENV.requestTimeoutMs]: '60000' } },
        );
        const asJson = (await (await infer({ inputs: [x] })).json()) as { outputs: [{ data: number[] }] };
        expect(asJson.outputs[0].data.length).to.equal(3_000_000);
        const answer = await infer({ inputs: [x], parameters: { binary_data_output: true } });
        const length = Number(answer.headers.get('inference-header-content-length'));
        const values = new Int32Array((await answer.arrayBuffer()).slice(length));
        expect([values.length, values[2_999_999]]).to.deep.equal([3_000_000, 2_999_999]);
      });

      it('a typed run() gets each input as an argument', async () => {
        scorer = await start(
          [
            'import numpy as np',
            'from inference_schema.schema_decorators import input_schema',
            'from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType',
            'def init(): pass',
            '@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))',
            'def run(data):',
            '    return (data * 2).tolist()',
          ].join('\n'),
          { program, env: { [ENV.initTimeoutMs]: '60000' } },
        );
        const answer = (await (await infer({ inputs: [{ ...x, name: 'data' }] })).json()) as { outputs: object[] };
        expect(answer.outputs).to.deep.equal([
          { name: 'output', datatype: 'FP64', shape: [2, 2], data: [2, 4.199999809265137, 6, 8] },
        ]);
        expect((await infer({ inputs: [x] })).status).to.equal(400);
      });
    });

    it('@rawhttp: run() gets the request and returns an AMLResponse, also in pieces', async () => {
      scorer = await start(
        [
          'from azureml.contrib.services.aml_request import AMLRequest, rawhttp',
          'from azureml.contrib.services.aml_response import AMLResponse',
          'def init(): pass',
          '@rawhttp',
          'def run(request):',
          '    if request.args.get("stream") == "endless":',
          '        return AMLResponse((b"x" * 1000 for _ in iter(int, 1)), 200)',
          '    if request.args.get("stream"):',
          '        return AMLResponse((("%d\\n" % i).encode() for i in range(2000)), 200)',
          '    return AMLResponse(request.method + request.get_data().decode(), 201, {"x-mine": "yes", "x-request-id": "no"})',
        ].join('\n'),
        { program, env: { [ENV.initTimeoutMs]: '60000' } },
      );
      const answer = await post('body', { ...CONTENT, 'x-request-id': 'mine' });
      expect([answer.status, await answer.text()]).to.deep.equal([201, 'POSTbody']);
      expect(answer.headers.get('content-type')).to.equal('text/html; charset=utf-8'); // Flask's
      expect([answer.headers.get('x-mine'), answer.headers.get('x-request-id')]).to.deep.equal(['yes', 'mine']);
      const endless = new AbortController();
      const broken = await fetch(`${scorer.url}/score?stream=endless`, { method: 'POST', signal: endless.signal });
      await broken.body!.getReader().read();
      endless.abort();
      const streamed = await (await post('', CONTENT, '/score?stream=1')).text();
      expect(streamed).to.equal(Array.from({ length: 2000 }, (_, i) => `${i}\n`).join(''));
    });

    it('scoring.test may be answered in pieces', async () => {
      scorer = await start(
        [
          'from flask import Response',
          'def init(): pass',
          'def run(data):',
          '    return Response(iter(["{", "\\"a\\": 1", "}"]), 200)',
        ].join('\n'),
        {
          program,
          env: { [ENV.initTimeoutMs]: '60000', [ENV.test]: JSON.stringify({ request: '', expect: '{"a": 1}' }) },
        },
      );
      expect(await json('')).to.deep.equal({ a: 1 });
    });
  });
});

/** The state of a process; undefined when it has ended. */
function readState(pid: number): string | undefined {
  try {
    const state = / ([A-Z]) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
    return state === 'Z' ? undefined : state;
  } catch {
    return undefined;
  }
}
