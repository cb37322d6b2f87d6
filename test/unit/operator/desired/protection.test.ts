/** The PodDisruptionBudget and the NetworkPolicy of a pipeline. */
import { expect } from 'chai';
import { disruptionBudget, networkPolicy } from '../../../../operator/desired/protection.ts';
import { pipeline } from '../../../support/fixtures/objects.ts';

describe('the protection of pods', () => {
  it('lets one pod at a time be evicted, and pods that are not Ready always', () =>
    expect(disruptionBudget(pipeline(), 'iris-1').spec).to.deep.equal({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: { 'penstock.dev/pipeline': 'iris', 'penstock.dev/revision': 'iris-1' } },
    }));

  it('opens port 8080 to all, and port 9090 to the operator and the configured peers', () => {
    const peer = { podSelector: { matchLabels: { app: 'prometheus' } } };
    const { spec } = networkPolicy(pipeline(), {
      operatorNamespace: 'penstock-system',
      metricsFrom: [peer],
      requestsFrom: [],
    });
    expect(spec).to.deep.equal({
      podSelector: { matchLabels: { 'penstock.dev/pipeline': 'iris' } },
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [{ protocol: 'TCP', port: 8080 }] },
        {
          ports: [{ protocol: 'TCP', port: 9090 }],
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'penstock-system' } } }, peer],
        },
      ],
    });
  });

  it('opens port 8080 to the configured clients and the activator, where there are any', () => {
    const peer = { namespaceSelector: { matchLabels: { team: 'web' } } };
    const { spec } = networkPolicy(pipeline(), {
      operatorNamespace: 'penstock-system',
      metricsFrom: [],
      requestsFrom: [peer],
    });
    expect((spec as { ingress: object[] }).ingress[0]).to.deep.equal({
      ports: [{ protocol: 'TCP', port: 8080 }],
      from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'penstock-system' } } }, peer],
    });
  });
});
