/** The clients people have, from PyPI, against the real server: what they demand beyond the written protocol. */
import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { identity } from '../../support/fixtures/onnx.ts';
import { ready, startScorer } from '../../support/fixtures/scorer.ts';
import { pythonWith } from '../../support/clients/venv.ts';

const CLIENTS = join(import.meta.dirname, '../../support/clients');
const run = promisify(execFile);

/** The model y = x of a datatype, asked by a Python program; resolves with what that says. */
async function ask(python: string, program: string, datatype: string): Promise<string> {
  const scorer = await startScorer({ model: { name: 'same', bytes: identity(datatype, [-1, 1]) } });
  try {
    await ready(scorer);
    return (await run(python, [join(CLIENTS, program), new URL(scorer.url).host, 'same', datatype])).stdout.trim();
  } finally {
    scorer.process.kill('SIGKILL');
  }
}

const clients: [string, { packages: string[]; program: string; datatypes: string[]; does: string; says: RegExp }][] = [
  [
    'tritonclient[http]',
    {
      packages: ['tritonclient[http]==2.51.0'],
      program: 'triton.py',
      does: 'JSON and binary, packed and not, listed and refused as it wants',
      says: /^(6|18) answers$/,
      datatypes: [
        'FP16',
        'FP32',
        'FP64',
        'INT8',
        'UINT8',
        'INT16',
        'UINT16',
        'INT32',
        'UINT32',
        'INT64',
        'UINT64',
        'BOOL',
        'BYTES',
      ],
    },
  ],
  [
    'kserve’s InferenceRESTClient',
    {
      packages: ['kserve==0.21.0'],
      program: 'kserve_client.py',
      does: 'health, infer in JSON and binary, an unknown model',
      says: /^2 answers$/,
      datatypes: ['FP32', 'INT64', 'BOOL'],
    },
  ],
];

for (const [name, { packages, program, datatypes, does, says }] of clients) {
  describe(name, function () {
    this.timeout(60_000);
    let python: string;
    before(function () {
      this.timeout(600_000);
      python = pythonWith(packages);
    });
    for (const datatype of datatypes)
      it(`${datatype}: ${does}`, async () => expect(await ask(python, program, datatype)).to.match(says));
  });
}
