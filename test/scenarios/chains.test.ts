import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { afterAll, describe, expect } from 'vitest';
import { Authority, type Certificate, type CertificateOptions } from '../certificates/authority.ts';
import { selfSigned } from '../certificates/self-signed.ts';
import { executable } from './stage/agent-process.ts';
import { lacks } from './stage/features.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';

/**
 * Which chains of certificates are accepted: the same on both hosts, and what OpenSSL says by its own rules, in the manner
 * of BetterTLS. All are made by our own authorities, for the name `reflector.test.invalid`, which leads to this machine.
 */

const host = 'reflector.test.invalid';
const name = `DNS:${host}`;
const address = 'IP:127.0.0.1';
const wildcard = 'DNS:*.test.invalid';

interface Row {
  readonly what: string;
  readonly good: boolean;
  /** What the server shows. */
  readonly chain: () => Certificate;
  /** The host in the address of the reflector; `host` unless it says otherwise. */
  readonly at?: string;
  /** What is trusted, if not the root. */
  readonly trusted?: () => string;
  /** OpenSSL by itself is content with this: why we are not. */
  readonly stricter?: string;
  /** OpenSSL by itself is not content with this: why we are. */
  readonly laxer?: string;
}

const authorities: Authority[] = [];
const keep = (authority: Authority) => {
  authorities.push(authority);
  return authority;
};
afterAll(() => {
  for (const authority of authorities) authority.remove();
});

let made: Authority | undefined;
/** It is trusted, and valid for long enough to be so in 2100, too. */
const root = (): Authority => {
  made ??= keep(new Authority('ecdsa', 40_000));
  return made;
};

let between: Authority | undefined;
const middle = (): Authority => {
  between ??= keep(root().intermediate({ ...always, extensions: [CA, SIGNS] }));
  return between;
};

let alone: Certificate | undefined;
const lone = (): Certificate => {
  if (alone) return alone;
  const { directory } = root();
  const { cert: certFile, key: keyFile } = selfSigned(directory, 'lone', {
    names: name,
    extensions: ['keyUsage=digitalSignature'],
  });
  const read = (file: string) => readFileSync(file, 'utf8');
  alone = { certFile, keyFile, cert: read(certFile), key: read(keyFile) };
  return alone;
};

const CA = 'basicConstraints=critical,CA:TRUE';
const SIGNS = 'keyUsage=critical,keyCertSign';
/** Valid now and in 2100. */
const always = { from: 2020, until: '21100101000000Z' };

/** A certificate of an authority below the root (and below others) that has these extensions. */
function under(...levels: readonly (readonly string[])[]): (leaf?: CertificateOptions) => Certificate {
  return (leaf = {}) => {
    let authority = root();
    for (const extensions of levels) authority = keep(authority.intermediate({ ...always, extensions }));
    return authority.issue({ names: name, ...always, ...leaf });
  };
}

const leaf = (options: CertificateOptions) => () => root().issue({ names: name, ...always, ...options });
const constrained =
  (constraints: string, options: CertificateOptions = {}) =>
  () =>
    under([CA, SIGNS, `nameConstraints=${constraints}`])(options);
const good = (what: string, chain: () => Certificate, more: Partial<Row> = {}): Row => ({
  what,
  good: true,
  chain,
  ...more,
});
const bad = (what: string, chain: () => Certificate, more: Partial<Row> = {}): Row => ({
  what,
  good: false,
  chain,
  ...more,
});

const rows: readonly Row[] = [
  good('a certificate of the root', leaf({})),
  good('one over an authority', () => under([CA, SIGNS])()),
  good('one over two authorities', () => under([CA, SIGNS], [CA, SIGNS])()),

  // Names of hosts: RFC 9525.
  good('a name in upper case', leaf({ names: 'DNS:REFLECTOR.Test.Invalid' })),
  good('a host written in upper case', leaf({}), { at: 'Reflector.TEST.invalid' }),
  good('a host written with a dot at its end', leaf({}), { at: `${host}.` }),
  good('the last of many names', leaf({ names: `${'DNS:other.invalid,'.repeat(120)}${name}` })),
  good('a name beside those of other kinds', leaf({ names: `${name},otherName:1.2.3.4;UTF8:x,RID:1.2.3.4` })),
  good('one of several names', leaf({ names: `DNS:other.invalid,${address},${name}` })),
  good('a wildcard for the first label', leaf({ names: 'DNS:*.test.invalid' })),
  good('an internationalized name', leaf({ names: 'DNS:xn--bcher-kva.test.invalid' }), {
    at: 'xn--bcher-kva.test.invalid',
  }),
  bad('another name', leaf({ names: 'DNS:other.test.invalid' })),
  bad('a name with a dot at its end', leaf({ names: `${name}.` }), {
    stricter: 'RFC 5280 section 4.2.1.6',
  }),
  bad('a wildcard for two labels', leaf({ names: 'DNS:*.invalid' })),
  bad('a wildcard for all of a top-level domain', leaf({ names: 'DNS:*.invalid' }), {
    at: 'reflector.invalid',
  }),
  bad('a wildcard for everything', leaf({ names: 'DNS:*' })),
  bad('a wildcard in the second label', leaf({ names: 'DNS:reflector.*.invalid' })),
  bad('a wildcard for a part of a label', leaf({ names: 'DNS:ref*.test.invalid' }), {
    stricter: 'RFC 9525 section 6.3',
  }),
  bad('a wildcard for no label', leaf({ names: `DNS:*.${host}` })),
  bad('only the beginning of the host', leaf({ names: 'DNS:reflector.test' })),
  bad('only the end of the host', leaf({ names: 'DNS:test.invalid' })),
  bad('the host as its common name only', leaf({ names: null, name: host }), {
    stricter: 'RFC 9525 section 2',
  }),
  bad('the host as common name beside another name', leaf({ names: 'DNS:other.invalid', name: host })),
  bad('the host as a URI', leaf({ names: `URI:${host}` })),
  bad('the host as a URI, and as common name', leaf({ names: `URI:https://${host}/`, name: host }), {
    stricter: 'RFC 9525 section 2',
  }),
  bad('the host as an e-mail address, and as common name', leaf({ names: `email:x@${host}`, name: host }), {
    stricter: 'RFC 9525 section 2',
  }),
  bad('an address where a name is dialled', leaf({ names: address })),
  good('the address that is dialled', leaf({ names: address }), { at: '127.0.0.1' }),
  bad('another address', leaf({ names: 'IP:127.0.0.2' }), { at: '127.0.0.1' }),
  bad('the address as a name of a host', leaf({ names: 'DNS:127.0.0.1' }), { at: '127.0.0.1' }),
  bad('the address as common name', leaf({ names: null, name: '127.0.0.1' }), { at: '127.0.0.1' }),

  // What it may be used for.
  good('one for servers', leaf({ extensions: ['extendedKeyUsage=serverAuth,clientAuth'] })),
  bad('one for clients only', leaf({ extensions: ['extendedKeyUsage=clientAuth'] })),
  bad(
    'one for any purpose, which servers are not named for',
    leaf({ extensions: ['extendedKeyUsage=anyExtendedKeyUsage'] }),
  ),
  good('one for signatures', leaf({ extensions: ['keyUsage=critical,digitalSignature'] })),
  bad(
    'one whose key may only be encrypted to',
    leaf({ key: 'rsa', extensions: ['keyUsage=keyEncipherment'] }),
    {
      stricter: 'RFC 8446 section 4.4.2.2',
    },
  ),
  bad('one whose key may only be agreed upon', leaf({ extensions: ['keyUsage=keyAgreement'] }), {
    stricter: 'RFC 8446 section 4.4.2.2',
  }),
  good('one that is an authority, too', leaf({ extensions: [CA] })),
  bad('one whose key may only sign certificates', leaf({ extensions: ['keyUsage=critical,keyCertSign'] })),
  bad(
    'one with a critical extension that nobody knows',
    leaf({ extensions: ['1.3.6.1.4.1.55555.1=critical,DER:0500'] }),
  ),
  good(
    'one with another extension that nobody knows',
    leaf({ extensions: ['1.3.6.1.4.1.55555.1=DER:0500'] }),
  ),

  // Authorities.
  bad('an authority that is none', () => under(['basicConstraints=critical,CA:FALSE'])()),
  bad('an authority that does not say that it is one', () => under([])()),
  bad('an authority that may not sign certificates', () =>
    under([CA, 'keyUsage=critical,digitalSignature'])(),
  ),
  good('an authority for servers', () => under([CA, SIGNS, 'extendedKeyUsage=serverAuth'])()),
  bad('an authority for clients only', () => under([CA, SIGNS, 'extendedKeyUsage=clientAuth'])()),
  bad('an authority for clients only, farther above', () =>
    under([CA, SIGNS, 'extendedKeyUsage=clientAuth'], [CA, SIGNS])(),
  ),
  good('a path of the length that is allowed', () =>
    under(['basicConstraints=critical,CA:TRUE,pathlen:1', SIGNS], [CA, SIGNS])(),
  ),
  bad('a path that is too long', () =>
    under(['basicConstraints=critical,CA:TRUE,pathlen:0', SIGNS], [CA, SIGNS])(),
  ),
  bad('an authority with a critical extension that nobody knows', () =>
    under([CA, SIGNS, '1.3.6.1.4.1.55555.1=critical,DER:0500'])(),
  ),
  good('an authority with another extension that nobody knows', () =>
    under([CA, SIGNS, '1.3.6.1.4.1.55555.1=DER:0500'])(),
  ),
  bad('an authority for any purpose, which servers are not named for', () =>
    under([CA, SIGNS, 'extendedKeyUsage=anyExtendedKeyUsage'])(),
  ),
  bad('an authority that has expired', () =>
    keep(root().intermediate({ until: '20210101000000Z' })).issue({ names: name, ...always }),
  ),
  bad('an authority that is not shown', () => {
    const chain = under([CA, SIGNS])();
    return { ...chain, cert: `${chain.cert.split(/(?<=-----END CERTIFICATE-----\n)/)[0]}` };
  }),
  bad('an authority of the same name with another key', () => keep(new Authority()).issue({ names: name })),

  good(
    'an authority that is itself trusted, and its root is not',
    () => middle().issue({ names: name, ...always }),
    {
      trusted: () => middle().caPem(),
      laxer: 'what the configuration trusts may be signed by others',
    },
  ),
  good('one that has signed itself and is trusted', () => lone(), { trusted: () => lone().cert }),
  bad('one that has signed itself and is not trusted', () => lone()),

  // Constraints on names: RFC 5280 section 4.2.1.10.
  ...(['', 'critical,'] as const).flatMap((critical) => {
    const how = critical ? 'a critical constraint' : 'a constraint';
    return [
      good(`${how} to the domain`, constrained(`${critical}permitted;DNS:test.invalid`)),
      good(`${how} to the host itself`, constrained(`${critical}permitted;DNS:${host}`)),
      good(
        `${how} to the domain and another`,
        constrained(`${critical}permitted;DNS:other.invalid,permitted;DNS:TEST.invalid`),
      ),
      bad(`${how} to another domain`, constrained(`${critical}permitted;DNS:other.invalid`)),
      bad(
        `${how} to what the host only ends with`,
        constrained(`${critical}permitted;DNS:lector.test.invalid`),
      ),
      bad(`${how} that excludes the domain`, constrained(`${critical}excluded;DNS:test.invalid`)),
      good(`${how} that excludes another domain`, constrained(`${critical}excluded;DNS:other.invalid`)),
      bad(
        `${how} to the domain but not the host`,
        constrained(`${critical}permitted;DNS:test.invalid,excluded;DNS:${host}`),
      ),
      bad(
        `${how} that one of two names breaks`,
        constrained(`${critical}permitted;DNS:test.invalid`, { names: `${name},DNS:other.invalid` }),
      ),
      good(
        `${how} to its addresses`,
        constrained(`${critical}permitted;IP:127.0.0.0/255.0.0.0`, { names: address }),
        {
          at: '127.0.0.1',
        },
      ),
      bad(
        `${how} to other addresses`,
        constrained(`${critical}permitted;IP:10.0.0.0/255.0.0.0`, { names: address }),
        {
          at: '127.0.0.1',
        },
      ),
      bad(
        `${how} that excludes its addresses`,
        constrained(`${critical}excluded;IP:0.0.0.0/0.0.0.0`, { names: address }),
        {
          at: '127.0.0.1',
        },
      ),
      good(`${how} on names that it has not`, constrained(`${critical}permitted;email:other.invalid`)),
    ];
  }),
  good('a constraint that begins with a dot', constrained('permitted;DNS:.test.invalid')),
  bad('a constraint to what is below the host', constrained(`permitted;DNS:.${host}`)),
  good(
    'a constraint to the domain of its wildcard',
    constrained('permitted;DNS:test.invalid', { names: wildcard }),
  ),
  bad('a constraint to less than its wildcard', constrained(`permitted;DNS:${host}`, { names: wildcard })),
  good(
    'a constraint that excludes less than its wildcard',
    constrained(`excluded;DNS:${host}`, { names: wildcard }),
  ),
  bad(
    'a constraint on a URI beside the name',
    constrained('permitted;URI:other.invalid', { names: `${name},URI:https://a.invalid/` }),
  ),
  // Mailboxes and URIs beside the name.
  ...(
    [
      ['a mailbox', 'email:x@test.invalid', 'email:x@test.invalid', true],
      ['a host, and a mailbox there', 'email:test.invalid', 'email:x@TEST.invalid', true],
      ['a host, and a mailbox below it', 'email:test.invalid', 'email:x@a.test.invalid', false],
      ['the hosts below one, and a mailbox there', 'email:.test.invalid', 'email:x@a.test.invalid', true],
      ['the hosts below one, and a mailbox above', 'email:.test.invalid', 'email:x@test.invalid', false],
      ['another host than that of a mailbox', 'email:other.invalid', 'email:x@test.invalid', false],
      ['a mailbox, and another', 'email:y@test.invalid', 'email:x@test.invalid', false],
      ['a mailbox, and one in upper case', 'email:x@test.invalid', 'email:X@test.invalid', false],
      ['a host, and a URI there', 'URI:test.invalid', 'URI:https://Test.invalid:8443/x', true],
      ['a host, and a URI below it', 'URI:test.invalid', 'URI:https://a.test.invalid/', false],
      ['the hosts below one, and a URI there', 'URI:.test.invalid', 'URI:https://a.test.invalid/', true],
      ['the hosts below one, and a URI above', 'URI:.test.invalid', 'URI:https://test.invalid', false],
      ['a host, and a URI without one', 'URI:test.invalid', 'URI:urn:x', false],
    ] as const
  ).map(([what, base, further, fine]) =>
    (fine ? good : bad)(
      `a constraint to ${what}`,
      constrained(`critical,permitted;${base}`, { names: `${name},${further}` }),
    ),
  ),
  bad(
    'a constraint that excludes the host of its mailbox',
    constrained('excluded;email:test.invalid', { names: `${name},email:x@test.invalid` }),
  ),
  good(
    'a constraint that excludes another host than that of its mailbox',
    constrained('excluded;email:other.invalid', { names: `${name},email:x@test.invalid` }),
  ),
  good(
    'a constraint to the host of the mailbox in its subject',
    constrained('permitted;email:test.invalid', { name: 'x/emailAddress=x@test.invalid' }),
  ),
  bad(
    'a constraint to another host than that of the mailbox in its subject',
    constrained('permitted;email:other.invalid', { name: 'x/emailAddress=x@test.invalid' }),
  ),
  bad('a constraint farther above', () =>
    under([CA, SIGNS, 'nameConstraints=critical,permitted;DNS:other.invalid'], [CA, SIGNS])(),
  ),

  // Policies and lists of revoked certificates, which nobody requires: RFC 5280 section 6.1.
  ...[
    'certificatePolicies=critical,1.2.3.4',
    'certificatePolicies=critical,2.5.29.32.0',
    'policyConstraints=critical,requireExplicitPolicy:0',
    'policyConstraints=critical,inhibitPolicyMapping:0',
    'policyMappings=critical,1.2.3.4:1.2.3.5',
    'inhibitAnyPolicy=critical,0',
    'crlDistributionPoints=critical,URI:http://a.invalid/',
  ].flatMap((extension) => [
    good(`${extension} in an authority`, () => under([CA, SIGNS, extension])()),
    good(`${extension} of its own`, leaf({ extensions: [extension] })),
  ]),
  good('policies in all, and a different one in each', () =>
    under(
      [
        CA,
        SIGNS,
        'certificatePolicies=critical,1.2.3.4',
        'policyConstraints=critical,requireExplicitPolicy:0',
      ],
      [CA, SIGNS, 'certificatePolicies=critical,1.2.3.5'],
    )({ extensions: ['certificatePolicies=critical,1.2.3.6'] }),
  ),
  bad('a critical alternative name of its issuer', leaf({ extensions: ['issuerAltName=critical,DNS:x'] })),
  bad('a critical TLS feature', leaf({ extensions: ['tlsfeature=critical,status_request'] })),

  // Signatures and keys.
  good('an RSA key of 2,048 bits', leaf({ key: 'rsa' })),
  bad('an RSA key of 1,024 bits', leaf({ key: 'rsa1024' })),
  bad('a key on P-224', leaf({ key: 'p224' })),
  bad('a signature with SHA-1', leaf({ digest: 'sha1' })),
  good('a signature with SHA-384', leaf({ digest: 'sha384' })),
];

/** What OpenSSL by itself says, as Node sets it up. */
async function byOpenssl(port: number, at: string, ca: string): Promise<boolean> {
  const servername = /^[\d.]+$/.test(at) ? '' : at.replace(/\.$/, '');
  const socket = connect({
    port,
    host: '127.0.0.1',
    ca,
    servername,
    ciphers: 'DEFAULT:@SECLEVEL=2',
    ...(servername ? {} : { host: at }),
  });
  try {
    await once(socket, 'secureConnect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A server that shows this chain and refuses whatever is asked of it; `null` where OpenSSL would not even show it. */
async function serve({ cert, key }: Certificate) {
  const server = createServer({ cert, key, ciphers: 'DEFAULT:@SECLEVEL=0' }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() };
}

async function accepted(stage: Stage, row: Row, port: number, ca: string, command: readonly string[]) {
  const { at = host } = row;
  const settings = configuration(`https://${at}:${port}/`, [80], {
    tls: { ca: stage.file(ca) },
    addresses: { [at.toLowerCase()]: ['127.0.0.1'] },
  });
  const agent = stage.run(['check', '--config', stage.file(JSON.stringify(settings))], {}, command);
  await agent.ended();
  expect(agent.output).toMatch(/FAILED +(tls|upgrade)/);
  return { yes: /FAILED +upgrade .* 403/.test(agent.output), output: agent.output };
}

const clockless = (process.env.RM_AGENT_CLOCKLESS ?? '').split(/ +/).filter((word) => word !== '');

describe.skipIf(lacks('tls')).concurrent('a chain with', () => {
  scenario.for(rows.map((row) => [row.what, row] as const))('%s', async ([, row], { stage }) => {
    const { port, stop } = await serve(row.chain());
    try {
      const ca = row.trusted?.() ?? root().caPem();
      const openssl = await byOpenssl(port, row.at ?? host, ca);
      expect(openssl, 'by OpenSSL').toBe(row.good ? row.laxer === undefined : row.stricter !== undefined);
      const { yes, output } = await accepted(stage, row, port, ca, executable);
      expect(yes, output).toBe(row.good);
      if (clockless.length > 0 && !row.good) {
        const later = await accepted(stage, row, port, ca, clockless);
        expect(later.yes, later.output).toBe(false);
      }
    } finally {
      stop();
    }
  });
});
