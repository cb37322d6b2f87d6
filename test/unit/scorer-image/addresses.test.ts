/** Which addresses the source of a model may have. */
import { expect } from 'chai';
import { confirmAddress, guardedLookup, RefusedAddress } from '../../../scorer-image/fetch/addresses.ts';

const PUBLIC = { loopback: false, privateNetwork: false };
const PRIVATE = { loopback: false, privateNetwork: true };
const refusal = (host: string, allowed: typeof PUBLIC): string => {
  try {
    confirmAddress(host, allowed);
    return 'allowed';
  } catch (error) {
    expect(error).to.be.instanceOf(RefusedAddress);
    return /private address/.test((error as Error).message) ? 'private' : 'never';
  }
};

describe('the address of a source', () => {
  const rows: Record<'allowed' | 'private' | 'never', string[]> = {
    allowed: ['8.8.8.8', '172.32.0.1', '100.128.0.1', '[2600::1]', '11.0.0.1', 'host.example'],
    private: [
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.0.1',
      '100.64.0.1',
      '[fc00::1]',
      '[fd12::1]',
      '[64:ff9b::a00:1]',
      '[64:ff9b:1::1]',
      '[2002:a00:1::]',
      '[::ffff:10.0.0.1]',
    ],
    never: [
      '127.0.0.1',
      '127.255.0.1',
      '[::1]',
      '0.0.0.0',
      '169.254.169.254',
      '224.0.0.1',
      '255.255.255.255',
      '[::]',
      '[fe80::1]',
      '[ff02::1]',
      '100.100.100.200',
      '168.63.129.16',
      '192.0.0.192',
      '[fd00:ec2::254]',
      '[fd20:ce::254]',
    ],
  };
  for (const [answer, hosts] of Object.entries(rows))
    for (const host of hosts)
      it(`${host}: ${answer}`, () => {
        expect(refusal(host, PUBLIC)).to.equal(answer);
        expect(refusal(host, PRIVATE)).to.equal(answer === 'private' ? 'allowed' : answer);
      });

  it('may be loopback only with loopback: true', () => {
    for (const host of ['127.0.0.1', '[::1]'])
      expect(() => confirmAddress(host, { loopback: true, privateNetwork: true }), host).not.to.throw();
  });
});

describe('the name of a host', () => {
  const lookup = (allowed: typeof PUBLIC, all: boolean) =>
    new Promise<unknown[]>((resolve) => {
      guardedLookup(allowed)('localhost', { all }, (...result: unknown[]) => resolve(result));
    });

  it('is refused when it has an address that is not allowed', async () => {
    const [error] = await lookup(PUBLIC, true);
    expect(error).to.be.instanceOf(RefusedAddress);
  });

  it('resolves to its addresses otherwise', async () => {
    const [error, found] = await lookup({ loopback: true, privateNetwork: true }, true);
    expect(error).to.equal(null);
    expect((found as { address: string }[])[0]!.address).to.match(/^(127\.0\.0\.1|::1)$/);
    const [, address, family] = await lookup({ loopback: true, privateNetwork: true }, false);
    expect(`${String(address)} ${String(family)}`).to.match(/^(127\.0\.0\.1 4|::1 6)$/);
  });

  it('that does not exist is an error', async () => {
    const error = await new Promise<unknown>((resolve) => {
      guardedLookup(PUBLIC)('no-such-host.invalid', { all: true }, (found) => resolve(found));
    });
    expect(error).to.have.property('code');
  });
});
