/** The loop closed: the environment that the operator renders is what the scorer parses. */
import { VERSION } from '@penstock/contract';
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { parseFetch, parseServe } from '../../../../scorer-image/config.ts';
import { stored } from '../../../support/fixtures/objects.ts';

describe('operator and scorer agree', () => {
  const { spec } = stored({
    target: 'Production',
    scoring: { maxBatchSize: 8 },
    endpoint: { requestTimeout: '1500ms', initTimeout: '2m', maxConcurrentRequests: 5, maxQueueWait: '2s' },
  }).podTemplate;
  const env = (container: { env?: { name: string; value?: string }[] } | undefined) =>
    Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));

  it('on what to serve', () => {
    expect(parseServe(env(spec!.containers[0]))).to.deep.include({
      pipeline: 'iris',
      auth: 'Key',
      exposeErrors: false,
      requestTimeoutMs: 1500,
      initTimeoutMs: 120_000,
      maxConcurrentRequests: 5,
      maxQueueWaitMs: 2000,
      maxBatchSize: 8,
      userPort: 8080,
      operatorPort: 9090,
    });
    expect(parseServe(env(spec!.containers[0])).models[0]).to.include({
      name: 'iris',
      modelVersion: 'iris-1',
      file: 'iris.onnx',
      format: 'ONNX',
    });
  });
  it('on what to fetch', () =>
    expect(parseFetch(env(spec!.initContainers![0])).items[0]).to.include({
      name: 'iris',
      uri: 'configmap://iris-model/iris.onnx',
      file: 'iris.onnx',
    }));
  it('and a missing variable of the scorer is named', () =>
    expect(() => parseServe({})).to.throw('PENSTOCK_AUTH is not set'));
  it('the version that answers carry is the package’s', () =>
    expect(VERSION).to.equal(
      (
        JSON.parse(readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8')) as {
          version: string;
        }
      ).version,
    ));
});
