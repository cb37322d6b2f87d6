/** What an account of ours really asked of the API server, out of the audit log, beside what the chart lets it ask. */
import { readFileSync } from 'node:fs';
import { ACCOUNT, SYSTEM } from './stage.ts';

interface AuditEvent {
  verb: string;
  user: { username: string };
  objectRef?: { apiGroup?: string; resource: string; subresource?: string };
  responseStatus?: { code: number; message?: string };
  requestURI: string;
}
export interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}

/**
 * Grants as `verb group/resource`, and the calls that were forbidden. An apply that makes its object needs `create`,
 * too.
 */
export function used(auditLog: string, account = ACCOUNT): { grants: Set<string>; forbidden: string[] } {
  const grants = new Set<string>();
  const forbidden: string[] = [];
  for (const line of readFileSync(auditLog, 'utf8').split('\n')) {
    if (line === '') continue;
    const { verb, user, objectRef, responseStatus, requestURI } = JSON.parse(line) as AuditEvent;
    if (user.username !== `system:serviceaccount:${SYSTEM}:${account}` || !objectRef) continue;
    if (responseStatus?.code === 403 && !/is being terminated/.test(responseStatus.message ?? ''))
      forbidden.push(`${verb} ${requestURI}`);
    const verbs = verb === 'patch' && responseStatus?.code === 201 ? [verb, 'create'] : [verb];
    for (const one of verbs)
      grants.add(
        `${one} ${objectRef.apiGroup ?? ''}/${objectRef.resource}${objectRef.subresource === undefined ? '' : `/${objectRef.subresource}`}`,
      );
  }
  return { grants, forbidden };
}

/** The same words for the rules of a Role. */
export function granted(rules: Rule[]): Set<string> {
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    ),
  );
}
