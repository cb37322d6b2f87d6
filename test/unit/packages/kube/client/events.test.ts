/** Events: published once for each change. */
import type { KubeObject } from '@penstock/kube/api/objects';
import type { KubeClient } from '@penstock/kube/client/client';
import { EventRecorder } from '@penstock/kube/client/events';
import { expect } from 'chai';

const object = (uid: string): KubeObject => ({
  apiVersion: 'penstock.dev/v1alpha1',
  kind: 'InferencePipeline',
  metadata: { name: 'iris', namespace: 'ns', uid },
});
const note = (text: string, reason = 'Serving') => ({ type: 'Normal' as const, reason, note: text });

interface Event {
  metadata: { name: string; namespace: string };
  note: string;
  eventTime: string;
  [field: string]: unknown;
}

function recorder(fails = false) {
  const created: Event[] = [];
  const errors: unknown[] = [];
  const client = {
    create: (event: Event) => {
      created.push(event);
      return fails ? Promise.reject(new Error('no')) : Promise.resolve(event);
    },
  } as unknown as KubeClient;
  const reporter = { controller: 'penstock.dev/operator', instance: 'pod-1' };
  return { events: new EventRecorder(client, reporter, (error) => errors.push(error)), created, errors };
}

describe('an Event', () => {
  it('names its object, its reporter and the time', () => {
    const { events, created } = recorder();
    events.publish(object('u'), note('revision iris-1 serves'));
    const [event] = created;
    expect(event).to.deep.include({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      type: 'Normal',
      reason: 'Serving',
      note: 'revision iris-1 serves',
      action: 'Reconcile',
      reportingController: 'penstock.dev/operator',
      reportingInstance: 'pod-1',
      regarding: {
        apiVersion: 'penstock.dev/v1alpha1',
        kind: 'InferencePipeline',
        name: 'iris',
        namespace: 'ns',
        uid: 'u',
      },
    });
    expect(event!.metadata.name).to.match(/^iris\.[0-9a-f-]{13}$/);
    expect(event!.metadata.namespace).to.equal('ns');
    expect(event!.eventTime).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('is published again only when reason or note has changed', () => {
    const { events, created } = recorder();
    for (const one of [note('a'), note('a'), note('b'), note('b', 'Other'), note('a')])
      events.publish(object('u'), one);
    events.publish(object('another'), note('a'));
    expect(created.map(({ note: text, reason }) => `${String(reason)} ${text}`)).to.deep.equal([
      'Serving a',
      'Serving b',
      'Other b',
      'Serving a',
      'Serving a',
    ]);
  });

  it('has at most 1000 characters', () => {
    const { events, created } = recorder();
    events.publish(object('u'), note('x'.repeat(2000)));
    expect(created[0]!.note).to.have.length(1000);
  });

  it('that cannot be published is reported, and throws nothing', async () => {
    const { events, errors } = recorder(true);
    events.publish(object('u'), note('a'));
    await Promise.resolve();
    await Promise.resolve();
    expect(errors).to.have.length(1);
  });
});
