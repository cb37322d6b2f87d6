/** EndpointSlices of pipelines and of the activator. */
import { expect } from 'chai';
import {
  activatorPort,
  creationOrder,
  hasReadyEndpoints,
  isActivatorSlice,
  readyAddresses,
  selectedRevision,
  type Slice,
} from '../../../../operator/api/endpointSlices.ts';

const slice = (change: object = {}, metadata: object = {}): Slice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  addressType: 'IPv4',
  metadata: { name: 'a', namespace: 'ns', ...metadata },
  endpoints: [],
  ...change,
});
const endpoint = (address: string, conditions?: object) => ({ addresses: [address, 'second'], conditions });

describe('the Ready addresses of a slice', () => {
  it('are the first of each Ready endpoint that does not terminate', () => {
    const endpoints = [
      endpoint('10.0.0.1', { ready: true }),
      endpoint('10.0.0.2', { ready: true, terminating: true }),
      endpoint('10.0.0.3', { ready: false }),
      endpoint('10.0.0.4'),
      endpoint('10.0.0.5', {}),
    ];
    expect(readyAddresses(slice({ endpoints }))).to.deep.equal(['10.0.0.1']);
    expect(hasReadyEndpoints(slice({ endpoints }))).to.equal(true);
  });

  it('are none without endpoints', () => {
    for (const endpoints of [[], null, undefined]) {
      expect(readyAddresses(slice({ endpoints }))).to.deep.equal([]);
      expect(hasReadyEndpoints(slice({ endpoints }))).to.equal(false);
    }
  });
});

describe('the port of the activator', () => {
  for (const [port, expected] of [
    [20_000, 20_000],
    [29_999, 29_999],
    [19_999, undefined],
    [30_000, undefined],
    [undefined, undefined],
  ] as const)
    it(`${port} is ${expected}`, () => expect(activatorPort(slice({ ports: [{ port }] }))).to.equal(expected));

  it('is undefined without ports', () => {
    expect(activatorPort(slice({ ports: [] }))).to.equal(undefined);
    expect(activatorPort(slice())).to.equal(undefined);
  });
});

describe('a slice', () => {
  it('is the activator’s by its role', () => {
    expect(isActivatorSlice(slice({}, { labels: { 'penstock.dev/role': 'activator' } }))).to.equal(true);
    expect(isActivatorSlice(slice({}, { labels: {} }))).to.equal(false);
    expect(isActivatorSlice(slice())).to.equal(false);
  });

  it('is ordered by time, namespace and name', () => {
    const at = (creationTimestamp: string, name = 'a', namespace = 'ns') =>
      creationOrder(slice({}, { creationTimestamp, name, namespace }));
    expect(at('2026-01-01') < at('2026-01-02')).to.equal(true);
    expect(at('2026-01-01', 'a') < at('2026-01-01', 'b')).to.equal(true);
    expect(at('2026-01-01', 'b', 'a') < at('2026-01-01', 'a', 'b')).to.equal(true);
    expect(creationOrder(slice({}, { namespace: undefined }))).to.equal(' /a');
  });
});

describe('the revision that a Service selects', () => {
  it('is in its selector, or undefined', () => {
    const service = (spec?: object) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a' },
      ...(spec && { spec }),
    });
    expect(selectedRevision(service({ selector: { 'penstock.dev/revision': 'iris-1' } }))).to.equal('iris-1');
    expect(selectedRevision(service({ selector: {} }))).to.equal(undefined);
    expect(selectedRevision(service({}))).to.equal(undefined);
    expect(selectedRevision(service())).to.equal(undefined);
    expect(selectedRevision(undefined)).to.equal(undefined);
  });
});
