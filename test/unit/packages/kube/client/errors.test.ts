/** Error responses of the API server. */
import { expect } from 'chai';
import { kubeError } from '@penstock/kube/client/errors';

const status = JSON.stringify({ kind: 'Status', reason: 'TooManyRequests', message: 'later' });

describe('an error response', () => {
  it('has the reason and message of the Status', () =>
    expect(kubeError(429, status)).to.include({ code: 429, reason: 'TooManyRequests', message: 'later' }));
  it('Retry-After: 2 is 2,000 ms', () => expect(kubeError(429, status, '2').retryAfterMs).to.equal(2000));
  it('a Retry-After that is a date is ignored', () =>
    expect(kubeError(503, status, 'Wed, 21 Oct 2026 07:28:00 GMT').retryAfterMs).to.equal(undefined));
  it('plain text is the message, cut to 500 characters', () =>
    expect(kubeError(502, 'x'.repeat(1000)).message).to.equal('x'.repeat(500)));
});
