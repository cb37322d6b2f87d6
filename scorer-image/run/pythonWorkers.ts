/** Workers that are Python processes: they run a script, and connect to a unix socket of the scorer. */
import { FAILURE } from '@penstock/contract';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { StartFailure } from '../failure.ts';
import { FrameReader, KIND, writeFrame, type Frame } from './pythonFrames.ts';
import { afterReading, PythonWorker } from './pythonWorker.ts';
import type { StartWorker } from './workerTransport.ts';

const SUPERVISOR_ENDED = 'the Python process that starts the workers has ended';

/** The socket and the workers behind it. The supervisor process starts one process for each worker. */
export class PythonWorkers {
  readonly #server: Server;
  readonly #path: string;
  readonly #version: string;
  /** By their numbers, which are never used again. */
  readonly #workers = new Map<number, PythonWorker>();
  readonly #sockets = new Set<Socket>();
  #started = 0;
  #supervisor: Socket | undefined;
  #closing = false;

  private constructor(path: string, version: string) {
    this.#path = path;
    this.#version = version;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens on a unix socket. Rejects when the path cannot be used. `version`: of the V2 protocol's responses. */
  static async listen(path: string, version: string): Promise<PythonWorkers> {
    const workers = new PythonWorkers(path, version);
    await rm(path, { force: true }); // of an earlier scorer in the same pod
    // where a cluster assigns ids, the container of an image of the user's own may have another one
    await once(workers.#server.listen({ path, readableAll: true, writableAll: true }), 'listening');
    return workers;
  }

  /** A worker; it is ready when its process has connected and init() has ended. */
  readonly start: StartWorker = (listener) => {
    const number = this.#started++;
    const owner = {
      kill: () => this.#tellSupervisor(KIND.kill, number),
      onEnd: () => this.#workers.delete(number),
    };
    const worker = new PythonWorker(listener, owner, this.#version);
    this.#workers.set(number, worker);
    this.#tellSupervisor(KIND.start, number);
    return worker;
  };

  /**
   * No process can be started any more: each worker ends. The reason that a worker gives comes by another connection,
   * and is read first.
   */
  fail(message: string): void {
    afterReading(() => {
      if (this.#closing) return;
      for (const worker of [...this.#workers.values()]) worker.end(new StartFailure(FAILURE.resource, message));
    });
  }

  /** Closes the socket; the Python processes end. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = once(this.#server.close(), 'close');
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await rm(this.#path, { force: true });
  }

  #tellSupervisor(kind: number, id: number): void {
    if (this.#supervisor) writeFrame(this.#supervisor, kind, { id });
  }

  #accept(socket: Socket): void {
    const reader = new FrameReader();
    let onFrames: ((frames: Frame[]) => void) | undefined;
    this.#sockets.add(socket);
    socket.on('error', () => undefined); // 'close' follows
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('data', (bytes) => {
      try {
        const frames = reader.read(bytes);
        const [first] = frames;
        if (!first) return;
        if (onFrames) return onFrames(frames);
        onFrames = this.#introduce(socket, first);
        onFrames(frames.slice(1));
      } catch (error) {
        socket.destroy(error as Error); // no frame of ours: its process is killed as one that has ended
      }
    });
  }

  /** The first frame of a connection says which process it is of. Returns what takes the other frames. */
  #introduce(socket: Socket, { kind, meta }: Frame): (frames: Frame[]) => void {
    if (kind === KIND.hello && meta.role === 'supervisor') return this.#supervise(socket);
    const worker = kind === KIND.hello ? this.#workers.get(Number(meta.worker)) : undefined;
    if (worker) return worker.connect(socket);
    socket.destroy();
    return () => undefined;
  }

  #supervise(socket: Socket): (frames: Frame[]) => void {
    this.#supervisor = socket;
    socket.on('close', () => this.fail(SUPERVISOR_ENDED));
    for (const number of this.#workers.keys()) this.#tellSupervisor(KIND.start, number);
    return (frames) => {
      for (const { kind, id, meta } of frames)
        if (kind === KIND.gone) this.#workers.get(id)?.endAfterReading(endOfProcess(Number(meta.code)));
    };
  }
}

/** The kernel ends the process that needs too much memory by SIGKILL. */
function endOfProcess(code: number): StartFailure {
  const how = code < 0 ? `by signal ${-code}` : `with exit code ${code}`;
  return new StartFailure(FAILURE.scriptCrashed, `the script's process ended ${how}`);
}
