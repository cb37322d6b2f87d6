/** Stops writes of a replica that does not lead any more; checked last, just before the first byte is sent. */
import { DecoratorHandler, type Dispatcher } from 'undici';

/** A write that was not sent, because this replica does not lead. */
export class NotLeading extends Error {
  constructor() {
    super('not sent: this replica does not lead');
    this.name = 'NotLeading';
  }
}

/**
 * A request may wait for a free connection, and the process may be suspended meanwhile. undici calls this when the
 * request has its connection, before its first byte, so that nothing is sent late.
 */
export const fence =
  (mayWrite: () => boolean): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) =>
    dispatch(options, new Fenced(handler, mayWrite));

interface Started {
  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void;
}
/** undici's types leave the methods of this class out. */
const Decorator = DecoratorHandler as unknown as new (handler: Dispatcher.DispatchHandler) => Started;

class Fenced extends Decorator {
  readonly #mayWrite: () => boolean;
  constructor(handler: Dispatcher.DispatchHandler, mayWrite: () => boolean) {
    super(handler);
    this.#mayWrite = mayWrite;
  }

  override onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    if (!this.#mayWrite()) throw new NotLeading();
    super.onRequestStart(controller, context);
  }
}
