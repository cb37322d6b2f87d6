/** Holds back what may not be written any more: checked last, when the bytes are about to go onto the wire. */
import { DecoratorHandler, type Dispatcher } from 'undici';

/** A write that was not sent, because this replica does not lead (any more). */
export class NotLeading extends Error {
  constructor() {
    super('not sent: this replica does not lead');
    this.name = 'NotLeading';
  }
}

/**
 * A call may wait for a free connection, and a process may be stopped while it waits. undici asks here when the request
 * has its connection and before its first byte, so that nothing goes out late.
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
