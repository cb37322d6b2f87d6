/**
 * The table of error responses: each has a code, a status and a message. Left out are the messages about the content of
 * a tensor, which name the tensor and have status 400.
 */

const REJECTIONS = {
  invalidRequestTarget: [400, 'The request target must be a path, or an http:// address with one'],
  invalidJsonLength: [400, 'Inference-Header-Content-Length must be a whole number'],
  undecodableBody: [400, 'the body is not {encoding}: {problem}'],
  unauthorized: [401, '{problem}'],
  noSuchPath: [404, '{method} {path} does not exist; try POST /score'],
  noSuchModel: [404, 'there is no model {model} here'],
  noSuchModelVersion: [404, 'there is no model {model} version {version} here'],
  noSuchSwagger: [404, 'Swagger version [{version}] is not valid. Supported versions: [2, 3, 3.1].'],
  methodNotAllowed: [405, 'Method not allowed'],
  slowBody: [408, 'the body came too slowly: after {seconds} s at least {bytes} bytes a second are expected'],
  bodyTooLarge: [413, 'the body is larger than {maxBytes} bytes (endpoint.maxRequestBytes)'],
  unpackedBodyTooLarge: [413, 'unpacked, the body is larger than {maxBytes} bytes (endpoint.maxRequestBytes)'],
  compressionRatioTooHigh: [
    413,
    'unpacked, the body is more than {ratio} times as large as it came: send it without Content-Encoding',
  ],
  tooManyLists: [413, 'the body has more than {most} lists and objects; send tensors flat or in binary'],
  tooManyListsForMemory: [
    413,
    'the body has more than {most} lists and objects, for which this endpoint has no memory: send them flat, or raise resources.limits.memory',
  ],
  requestTooLarge: [
    413,
    'The request needs more memory than this endpoint has: send less at a time, or raise resources.limits.memory',
  ],
  unsupportedEncoding: [415, 'Content-Encoding {encoding} is not supported: send gzip, deflate or nothing'],
  unsupportedType: [415, 'Content-Type {type} is not supported: send application/json'],
  /** The words of Azure ML’s server. */
  typeNotJson: [415, 'Expects Content-Type to be application/json'],
  unsupportedExpectation: [417, 'The header Expect can only be 100-continue'],
  queueTimeout: [
    429,
    'The endpoint is busy: all its places are taken. Try again later, or raise scaling.maxReplicas or endpoint.maxConcurrentRequests',
  ],
  tooManyBytes: [429, 'The endpoint is busy: the requests in it are as large as it can hold. Try again later'],
  tooManyLargeResponses: [
    429,
    'The endpoint is busy: it holds as many large answers as it can. Try again later, or ask for them in binary',
  ],
  requestIdTooLong: [431, '{problem}'],
  /** The words of Azure ML’s server. */
  runFailed: [500, 'An unexpected error occurred in scoring script. Check the logs for more info.'],
  notReady: [503, 'The endpoint is not ready: its script has not finished init()'],
  restarting: [503, 'The endpoint is restarting: try again'],
  requestTimeout: [504, 'Scoring timeout after {milliseconds} ms'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type RejectionCode = keyof typeof REJECTIONS;

/** Why a request gets no result. */
export interface Rejection {
  status: number;
  message: string;
}

/** The names in braces in a message. */
type Placeholder<Message> = Message extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholder<Rest> : never;
type Values<Code extends RejectionCode> = Record<Placeholder<(typeof REJECTIONS)[Code][1]>, string | number>;

/** The row of the table, with `values` in place of the names in braces. */
export function rejection<Code extends RejectionCode>(
  code: Code,
  ...[values]: [Placeholder<(typeof REJECTIONS)[Code][1]>] extends [never] ? [] : [values: Values<Code>]
): Rejection {
  const [status, message] = REJECTIONS[code];
  const given = values as Record<string, string | number> | undefined;
  return { status, message: given ? message.replace(/\{(\w+)\}/g, (_, name: string) => String(given[name])) : message };
}

/** All rows, for docs/reference.md. */
export const rejections = (): Rejection[] =>
  Object.values(REJECTIONS).map(([status, message]) => ({ status, message }));
