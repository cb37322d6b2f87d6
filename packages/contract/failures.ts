/**
 * Why a scorer or a model did not start: the first word of the termination message, and the reason of the condition.
 * The names are Azure ML's where Azure ML has one.
 */
export const FAILURE = {
  scriptImport: 'UserScriptImportError',
  scriptFunction: 'UserScriptFunctionNotFound',
  initFailed: 'UserScriptInitFailed',
  initTimeout: 'UserScriptInitTimeout',
  /** The script ended its process after init() had returned, by an unhandled rejection or by process.exit(). */
  scriptCrashed: 'UserScriptCrashed',
  /** A call of run() did not return: an endless loop, or a promise that never settles. */
  scriptHung: 'ScriptHung',
  /** A request needs more memory than a worker may use. */
  requestTooLarge: 'RequestTooLarge',
  /** The answer to scoring.test differs from the expected one. */
  testFailed: 'ScoringTestFailed',
  modelLoad: 'ModelLoadFailed',
  resource: 'ResourceNotReady',
  digest: 'DigestMismatch',
  /** A package has other bytes than the lock says. */
  packageHash: 'PackageHashMismatch',
  /** The index has no such package, version, or wheel for this Python and platform. */
  packageNotFound: 'PackageNotFound',
  /** The index does not answer, or refuses the credentials. */
  packageIndex: 'PackageIndexUnreachable',
  /** The packages need more disk than their volume may have. */
  environmentTooLarge: 'EnvironmentTooLarge',
  /** Packages cannot be installed for any other reason. */
  environment: 'EnvironmentInstallFailed',
} as const;
export type Failure = (typeof FAILURE)[keyof typeof FAILURE];
