/**
 * The owner of the metrics API: registered if free, removed for another adapter, and another registration is never
 * changed.
 */
import { expect } from 'chai';
import {
  registrationOf,
  takenMessage,
  type ApiService,
  type RegistrationMode,
} from '../../../../operator/metricsapi/registration.ts';

const SERVICE = { namespace: 'penstock-system', name: 'penstock-metrics' };
const OWNER = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  name: 'penstock-metrics',
  uid: 'role',
};

function registered(version: string, service: { namespace: string; name: string }, owner?: string): ApiService {
  const ownerReferences = owner === undefined ? [] : [{ ...OWNER, uid: owner }];
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${version}.custom.metrics.k8s.io`, ownerReferences },
    spec: { group: 'custom.metrics.k8s.io', version, service },
  };
}
const ADAPTER = { namespace: 'monitoring', name: 'prometheus-adapter' };
const mine = registered('v1beta2', SERVICE, 'role');
const theirs = registered('v1beta1', ADAPTER);
const sameName = registered('v1beta2', ADAPTER);
const core: ApiService = {
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name: 'v1.apps' },
  spec: { group: 'apps', version: 'v1' },
};

const ROWS: [says: string, all: ApiService[], mode: RegistrationMode, want: object][] = [
  ['not registered: ours', [core], 'auto', {}],
  ['we have it: ours', [core, mine], 'auto', {}],
  [
    'an adapter has another version: theirs, and we stay away',
    [theirs],
    'auto',
    { takenBy: 'monitoring/prometheus-adapter' },
  ],
  [
    'an adapter appears beside us: we withdraw',
    [mine, theirs],
    'auto',
    { takenBy: 'monitoring/prometheus-adapter', withdraw: mine },
  ],
  [
    'an adapter took our very name: it is not touched',
    [sameName],
    'auto',
    { takenBy: 'monitoring/prometheus-adapter' },
  ],
  [
    'an adapter took our very object over: our owner reference goes, or it would go with our release',
    [registered('v1beta2', ADAPTER, 'role')],
    'auto',
    { takenBy: 'monitoring/prometheus-adapter', disown: registered('v1beta2', ADAPTER, 'role') },
  ],
  ['told to be there in any case: beside another version', [mine, theirs], 'true', {}],
  ['enabled: not in place of another registration', [sameName], 'true', { takenBy: 'monitoring/prometheus-adapter' }],
];

describe('the registration of the metrics API', () => {
  for (const [says, all, mode, want] of ROWS)
    it(says, () => expect(registrationOf(all, SERVICE, OWNER, mode)).to.deep.equal(want));

  it('the message names the owner and says what to do', () =>
    expect(takenMessage('monitoring/prometheus-adapter')).to.equal(
      'metrics API held by monitoring/prometheus-adapter: set metricsApi.enabled=false and have it serve pods/penstock_concurrency, or scale on CPU (spec.scaling.metrics)',
    ));
});
