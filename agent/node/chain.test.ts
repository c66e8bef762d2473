import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Authority, type Certificate, type CertificateOptions } from '../../test/certificates/authority.ts';
import { chainFault } from './chain.ts';

const authority = new Authority();
const authorities = [authority];
afterAll(() => {
  for (const one of authorities) one.remove();
});

function intermediate(of: Authority, options?: CertificateOptions): Authority {
  const made = of.intermediate(options);
  authorities.push(made);
  return made;
}

const certificateIn = (path: string) => new X509Certificate(readFileSync(path));

/** The root is valid for days from now on: the time at which all is judged. */
const now = Date.now() + 60_000;

function faultOf(
  leaf: Pick<Certificate, 'certFile'>,
  between: readonly Authority[] = [],
  roots = [authority],
  at = now,
  ignoreNotBefore = false,
) {
  return chainFault(
    certificateIn(leaf.certFile),
    between.map(({ file }) => certificateIn(file)),
    roots.map((root) => root.caPem()),
    { at, ignoreNotBefore },
  );
}

describe('a chain of a time that is only known to be past', () => {
  const past = Date.UTC(1999, 0, 1);

  it('may be younger than that, but not older', () => {
    const young = authority.issue({ names: 'DNS:a' });
    expect(faultOf(young, [], [authority], past)).toBe('CERT_NOT_YET_VALID');
    expect(faultOf(young, [], [authority], past, true)).toBeNull();
    expect(faultOf(young, [], [authority], Date.UTC(2060, 0, 1), true)).toBe('CERT_HAS_EXPIRED');
  });
});

describe('a chain is taken', () => {
  it('from the root itself, and over two others in any order', () => {
    expect(faultOf(authority.issue({ names: 'DNS:a' }))).toBeNull();
    const first = intermediate(authority);
    const second = intermediate(first);
    expect(faultOf(second.issue({ names: 'DNS:a' }), [first, second])).toBeNull();
    expect(faultOf(second.issue({ names: 'DNS:a' }), [second, authority, first])).toBeNull();
  });

  it('of one certificate that is itself trusted', () => {
    expect(faultOf({ certFile: authority.file })).toBeNull();
  });

  it('for a server, if it names its purposes', () => {
    const extensions = ['keyUsage=critical,digitalSignature', 'extendedKeyUsage=serverAuth,clientAuth'];
    expect(faultOf(authority.issue({ names: 'DNS:a', extensions }))).toBeNull();
  });
});

describe('a chain is refused', () => {
  it('out of its time, whatever certificate of it that is', () => {
    expect(faultOf(authority.issue({ names: 'DNS:a', until: 2021 }))).toBe('CERT_HAS_EXPIRED');
    expect(faultOf(authority.issue({ names: 'DNS:a', from: 2048 }))).toBe('CERT_NOT_YET_VALID');
    const late = intermediate(authority, { from: 2048 });
    expect(faultOf(late.issue({ names: 'DNS:a' }), [late])).toBe('CERT_NOT_YET_VALID');
    const old = intermediate(authority, { until: 2021 });
    expect(faultOf(old.issue({ names: 'DNS:a' }), [old])).toBe('CERT_HAS_EXPIRED');
    const year = 365 * 86_400_000;
    expect(faultOf(authority.issue({ names: 'DNS:a' }), [], [authority], now + year)).toBe(
      'CERT_HAS_EXPIRED',
    );
    expect(faultOf(authority.issue({ names: 'DNS:a' }), [], [authority], now - year)).toBe(
      'CERT_NOT_YET_VALID',
    );
  });

  it('that ends nowhere, or in a stranger of the same name', () => {
    const stranger = new Authority();
    authorities.push(stranger);
    const untrusted = 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
    expect(faultOf(stranger.issue({ names: 'DNS:a' }), [stranger])).toBe(untrusted);
    expect(faultOf(authority.issue({ names: 'DNS:a' }), [], [])).toBe(untrusted);
    const first = intermediate(authority);
    expect(faultOf(first.issue({ names: 'DNS:a' }), [])).toBe(untrusted);
    // Trusted is what has signed itself: an intermediate in the bundle is none, as OpenSSL has it.
    expect(faultOf(first.issue({ names: 'DNS:a' }), [], [first])).toBe(untrusted);
  });

  it('signed by what is no authority', () => {
    const server = authority.issue({ names: 'DNS:a', name: 'server' });
    const posing = intermediate(authority, { extensions: ['basicConstraints=critical,CA:FALSE'] });
    expect(faultOf(posing.issue({ names: 'DNS:a' }), [posing])).not.toBeNull();
    const mute = intermediate(authority, {
      extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,cRLSign'],
    });
    expect(faultOf(mute.issue({ names: 'DNS:a' }), [mute])).not.toBeNull();
    expect(faultOf(server)).toBeNull();
  });

  it('longer than an authority allows', () => {
    const only = intermediate(authority, { extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0'] });
    const below = intermediate(only);
    expect(faultOf(only.issue({ names: 'DNS:a' }), [only])).toBeNull();
    expect(faultOf(below.issue({ names: 'DNS:a' }), [only, below])).toBe('PATH_LENGTH_EXCEEDED');
  });

  it('that is not for a server', () => {
    const client = authority.issue({ names: 'DNS:a', extensions: ['extendedKeyUsage=clientAuth'] });
    expect(faultOf(client)).toBe('INVALID_PURPOSE');
    const signer = authority.issue({ names: 'DNS:a', extensions: ['keyUsage=critical,keyCertSign'] });
    expect(faultOf(signer)).toBe('INVALID_PURPOSE');
    const mail = intermediate(authority, {
      extensions: ['basicConstraints=critical,CA:TRUE', 'extendedKeyUsage=emailProtection'],
    });
    expect(faultOf(mail.issue({ names: 'DNS:a' }), [mail])).toBe('INVALID_PURPOSE');
  });

  it('that is weak', () => {
    expect(faultOf(authority.issue({ names: 'DNS:a', digest: 'sha1' }))).toBe('CA_MD_TOO_WEAK');
    expect(faultOf(authority.issue({ names: 'DNS:a', key: 'p224' }))).toBe('CA_KEY_TOO_SMALL');
  });

  it('with an extension that is not understood here', () => {
    const critical = ['1.2.3.4=critical,ASN1:NULL'];
    expect(faultOf(authority.issue({ names: 'DNS:a', extensions: critical }))).toBe(
      'UNHANDLED_CRITICAL_EXTENSION',
    );
    const bound = intermediate(authority, {
      extensions: ['basicConstraints=critical,CA:TRUE', 'nameConstraints=critical,permitted;DNS:b'],
    });
    expect(faultOf(bound.issue({ names: 'DNS:a' }), [bound])).not.toBeNull();
    const mild = intermediate(authority, {
      extensions: ['basicConstraints=critical,CA:TRUE', 'nameConstraints=permitted;DNS:b'],
    });
    expect(faultOf(mild.issue({ names: 'DNS:a' }), [mild])).toBe('PERMITTED_VIOLATION');
  });

  it('after a number of tries, where authorities sign each other for ever', () => {
    let last = authority;
    const path = Array.from({ length: 9 }, () => (last = intermediate(last)));
    expect(faultOf(last.issue({ names: 'DNS:a' }), path)).not.toBeNull();
  });
});
