/** One Python process that runs a script, as a worker of the dispatcher. */
import type { Failure } from '@penstock/contract';
import type { Socket } from 'node:net';
import { StartFailure } from '../failure.ts';
import { scriptHead } from '../protocols/scriptHead.ts';
import type { Requests, Schemas, ToWorker, WorkerResponse } from './messages.ts';
import { KIND, writeFrame, type Frame, type FrameContent } from './pythonFrames.ts';
import { encode } from './responseCodec.ts';
import type { TransportListener, WorkerTransport } from './workerTransport.ts';

/** How long a message is awaited that comes by another connection (ms). */
const READ_MS = 250;

/**
 * Calls `then` when a message of another connection has had time to come. What has come while this process was busy is
 * read before: the event loop reads connections between its timers and its immediates.
 */
export const afterReading = (then: () => void): void => void setTimeout(() => setImmediate(then), READ_MS).unref();

export interface ProcessOwner {
  /** Ends the process at once. */
  kill: () => void;
  /** The worker has ended. */
  onEnd: () => void;
}

export class PythonWorker implements WorkerTransport {
  readonly #listener: TransportListener;
  readonly #owner: ProcessOwner;
  /** For each message that is not finished, the number of requests without a response. */
  readonly #open: number[] = [];
  readonly #version: string;
  #socket: Socket | undefined;
  #ended = false;
  /** A process takes one request after the other, and the next one should go to the first free process. */
  readonly maxMessages = 1;
  /** The process has closed its connection; that it has ended, and how, is known soon. */
  isLost = false;

  /** `version` is that of the V2 protocol's responses. */
  constructor(listener: TransportListener, owner: ProcessOwner, version: string) {
    this.#version = version;
    this.#listener = listener;
    this.#owner = owner;
  }

  /** A process has connected for this worker. Returns what takes its frames. */
  connect(socket: Socket): (frames: Frame[]) => void {
    this.#socket = socket;
    socket.once('close', () => {
      this.isLost = true;
      this.#owner.kill(); // it may only have closed its connection
    });
    return (frames) => this.#onFrames(frames);
  }

  post(message: ToWorker): void {
    if (Array.isArray(message)) this.#postRequests(message);
    else if (message.type === 'shutdown') this.#listener.onMessage({ type: 'stopped' });
    else this.#write(message.type === 'pull' ? KIND.pull : KIND.cancel, { id: message.id });
  }

  /** Kills the process: run() may be in an endless loop. */
  restart(): void {
    this.#owner.kill();
  }

  terminate(): Promise<boolean> {
    this.#ended = true;
    this.#owner.onEnd();
    this.#socket?.destroy();
    return Promise.resolve(true);
  }

  /** The process has ended, or cannot be started. */
  end(failure: StartFailure): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.onEnd();
    this.#socket?.destroy();
    this.#listener.onEnd(failure);
  }

  /** The process has ended: what it has sent before is read first. */
  endAfterReading(failure: StartFailure): void {
    if (!this.#socket || this.isLost) return this.end(failure);
    this.#socket.once('close', () => this.end(failure));
    afterReading(() => this.end(failure));
  }

  #postRequests([ids, ends, until, work, bytes]: Requests): void {
    this.#open.push(ids.length);
    this.#socket?.cork();
    for (const [i, id] of ids.entries()) {
      const { request, ...kind } = work[i]!;
      const meta = { ...request, ...kind, version: this.#version, until: until[i] };
      this.#write(KIND.request, { id, meta, payload: bytes.subarray(i === 0 ? 0 : ends[i - 1], ends[i]) });
    }
    this.#socket?.uncork();
  }

  #write(kind: number, content: FrameContent): void {
    if (this.#socket) writeFrame(this.#socket, kind, content);
  }

  /** The responses of one turn are one message, in front of chunks that follow them. */
  #onFrames(frames: Frame[]): void {
    const responses: WorkerResponse[] = [];
    let complete = 0;
    for (const frame of frames) {
      const response = responseOf(frame);
      if (response) {
        responses.push(response);
        if (frame.kind === KIND.head && !response.streamed) this.#write(KIND.cancel, { id: frame.id });
        if (frame.kind !== KIND.head) complete += 1; // a streamed response is complete with its end
        continue;
      }
      this.#respond(responses.splice(0), complete);
      complete = 0;
      this.#onOther(frame);
    }
    this.#respond(responses, complete);
  }

  #respond(responses: WorkerResponse[], complete: number): void {
    if (responses.length > 0) this.#listener.onMessage(encode(responses, this.#finish(complete), []));
  }

  /** The number of messages that are finished with these responses. The process takes requests in order. */
  #finish(complete: number): number {
    let left = complete;
    let finished = 0;
    while (left > 0 && this.#open.length > 0) {
      const step = Math.min(left, this.#open[0]!);
      left -= step;
      this.#open[0]! -= step;
      if (this.#open[0] === 0) {
        this.#open.shift();
        finished += 1;
      }
    }
    return finished;
  }

  #onOther({ kind, id, milliseconds, meta, payload }: Frame): void {
    const { onMessage } = this.#listener;
    switch (kind) {
      case KIND.ready: {
        const { rawHttp, schemas } = meta as { rawHttp: boolean; schemas: Schemas };
        const script = { rawHttp, schemas, wantsRequest: true, signatures: {}, notes: [] };
        return onMessage({ type: 'ready', ...script, initMs: milliseconds });
      }
      case KIND.failed: {
        const { reason, message, detail } = meta as { reason: Failure; message: string; detail: string };
        return this.end(new StartFailure(reason, message, detail));
      }
      case KIND.chunk:
        return onMessage({ type: 'chunk', id, bytes: payload });
      case KIND.end: {
        onMessage({ type: 'end', id, ...(typeof meta.error === 'string' && { error: meta.error }) });
        // after that: the next request, which is sent now, may have the same id
        return onMessage(encode([], this.#finish(1), []));
      }
    }
  }
}

/** A longer body is not decoded. */
const MAX_TEXT_BYTES = 16_384;

/** What a frame says about a request; undefined for other frames. */
function responseOf({ kind, id, milliseconds: runMs, meta, payload }: Frame): WorkerResponse | undefined {
  switch (kind) {
    case KIND.result:
      return { id, status: 200, body: payload.length > MAX_TEXT_BYTES ? payload : payload.toString(), runMs };
    case KIND.error:
      return { id, status: 500, body: String(meta.message), stack: String(meta.stack), runMs };
    case KIND.response: {
      const { status, problem, jsonBytes } = meta as ResponseMeta;
      if (problem !== undefined) return { id, status, body: problem };
      if (jsonBytes !== undefined) return { id, status, body: payload, runMs, jsonBytes };
      return { id, body: payload, runMs, ...headOf(meta as ResponseMeta) };
    }
    case KIND.head: {
      const { status, jsonBytes } = meta as ResponseMeta;
      if (jsonBytes !== undefined) return { id, status, body: '', runMs, jsonBytes, streamed: true };
      const head = headOf(meta as ResponseMeta);
      return { id, body: '', runMs, ...head, streamed: head.stack === undefined };
    }
    default:
      return undefined;
  }
}

/** Status and headers of a script's response; a failure where HTTP does not allow them. */
function headOf({ status, headers = [] }: ResponseMeta): Pick<WorkerResponse, 'status' | 'headers' | 'stack'> {
  try {
    return scriptHead(status, headers);
  } catch (error) {
    return { status: 500, stack: String(error) };
  }
}

type ResponseMeta = {
  status: number;
  problem?: string;
  headers?: [name: string, value: string][];
  jsonBytes?: number;
};
