/** Kubernetes Events: published once per change. A failure to publish never fails a reconcile. */
import { randomUUID } from 'node:crypto';
import { BUILT_IN } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import type { KubeClient } from './client.ts';
import { microTime } from './lease.ts';

const MAX_NOTE_LENGTH = 1000; // the API takes 1024 bytes
const MAX_REMEMBERED = 10_000;

export interface EventNote {
  type: 'Normal' | 'Warning';
  reason: string;
  note: string;
}

/** Who reports: the name of the controller, and the replica. */
export interface EventReporter {
  controller: string;
  instance: string;
}

export class EventRecorder {
  readonly #client: KubeClient;
  readonly #reporter: EventReporter;
  readonly #onError: (error: unknown) => void;
  readonly #last = new Map<string, string>();

  constructor(client: KubeClient, reporter: EventReporter, onError: (error: unknown) => void) {
    this.#client = client;
    this.#reporter = reporter;
    this.#onError = onError;
  }

  /** Publishes a note about `regarding`, unless it is the same as the last one. Does not wait, does not throw. */
  publish(regarding: KubeObject, { type, reason, note }: EventNote): void {
    const uid = regarding.metadata.uid ?? '';
    if (this.#last.get(uid) === `${reason} ${note}`) return;
    if (this.#last.size > MAX_REMEMBERED) this.#last.clear();
    this.#last.set(uid, `${reason} ${note}`);
    const { apiVersion, kind, metadata } = regarding;
    const event = {
      apiVersion: BUILT_IN.event.apiVersion,
      kind: BUILT_IN.event.kind,
      metadata: { namespace: metadata.namespace ?? '', name: `${metadata.name}.${randomUUID().slice(0, 13)}` },
      type,
      reason,
      note: note.slice(0, MAX_NOTE_LENGTH),
      action: 'Reconcile',
      eventTime: microTime(),
      reportingController: this.#reporter.controller,
      reportingInstance: this.#reporter.instance,
      regarding: { apiVersion, kind, name: metadata.name, namespace: metadata.namespace, uid },
    };
    this.#client.create(event).catch(this.#onError);
  }
}
