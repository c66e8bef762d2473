import { beforeAll, describe, expect } from 'vitest';
import type { Certificate, CertificateOptions } from '../certificates/authority.ts';
import { authorityOfFile } from './stage/authority-of-file.ts';
import { configuration, type Stage, scenario } from './stage/stage.ts';

const keys = ['rsa', 'rsa-pss', 'ec'] as const;

let certificates: Readonly<Record<(typeof keys)[number], Certificate>>;

const authority = authorityOfFile();
const other = authorityOfFile();

// Once for all: to find RSA keys takes long.
beforeAll(() => {
  const [rsa, pss, ec] = keys.map((key) => authority().issue({ key })) as [
    Certificate,
    Certificate,
    Certificate,
  ];
  certificates = { rsa, 'rsa-pss': pss, ec };
});

/** `rm-agent check` against a port on which OpenSSL listens; nobody listens on that of its service, so it ends with 75. */
function check(stage: Stage, port: number, tls: object = {}, host = '127.0.0.1') {
  const settings = configuration(`https://${host}:${port}/`, [1], { tls: { ca: authority().file, ...tls } });
  return stage.run(['check', '--config', stage.file(JSON.stringify(settings))]);
}

const versions = [
  ['TLS 1.2', '-tls1_2'],
  ['TLS 1.3', '-tls1_3'],
] as const;

describe.concurrent("check against OpenSSL's server", () => {
  const signatures = [
    // PKCS #1 v1.5 signatures of a handshake end with TLS 1.2.
    ['TLS 1.2', 'rsa_pkcs1_sha256', '-tls1_2', 'rsa'],
    ...versions.flatMap(([version, flag]) => [
      [version, 'rsa_pss_rsae_sha256', flag, 'rsa'] as const,
      [version, 'rsa_pss_pss_sha256', flag, 'rsa-pss'] as const,
      [version, 'ecdsa_secp256r1_sha256', flag, 'ec'] as const,
    ]),
  ] as const;

  scenario.for(signatures)('succeeds over %s with %s', async ([, signature, flag, key], { stage }) => {
    const server = await stage.opensslServer(certificates[key], [flag, '-sigalgs', signature]);
    const agent = check(stage, server.port);
    await server.accept();
    expect((await agent.ended()).status, agent.output + agent.log.join('\n')).toBe(75);
  });

  const refusals: readonly (readonly [string, CertificateOptions, string, RegExp])[] = [
    [
      'another name',
      { names: 'DNS:elsewhere.example' },
      'localhost',
      /host ?name|not (for|valid for|issued for)/i,
    ],
    ['the past', { from: '20200101000000Z', until: '20200201000000Z' }, '127.0.0.1', /expired/i],
    ['the future', { from: '20480101000000Z' }, '127.0.0.1', /not (yet )?valid( yet)?/i],
  ];
  const refused = versions.flatMap(([version, flag]) =>
    refusals.map(([what, ...row]) => [version, what, flag, ...row] as const),
  );

  scenario.for(refused)('refuses over %s a certificate for %s, and says so', async (row, { stage }) => {
    const [, , flag, options, host, reason] = row;
    const server = await stage.opensslServer(authority().issue(options), [flag]);
    const agent = check(stage, server.port, {}, host);
    expect((await agent.ended()).status).toBe(69);
    expect(agent.output + agent.log.join('\n')).toMatch(reason);
  });

  scenario.for(versions)('refuses over %s an unknown authority, and says so', async ([, flag], { stage }) => {
    const server = await stage.opensslServer(other().issue(), [flag]);
    const agent = check(stage, server.port);
    expect((await agent.ended()).status).toBe(69);
    expect(agent.output + agent.log.join('\n')).toMatch(/trust|unknown (authority|issuer)|issuer/i);
  });

  scenario.for(versions)(
    'shows its certificate over %s where it is demanded',
    async ([, flag], { stage }) => {
      const demand = [flag, '-Verify', '1', '-verify_return_error', '-CAfile', authority().file];
      const server = await stage.opensslServer(certificates.ec, demand);
      const { certFile, keyFile } = authority().issue({ name: 'device-1' });
      const agent = check(stage, server.port, { cert: certFile, key: keyFile });
      await server.accept();
      expect((await agent.ended()).status, agent.output + agent.log.join('\n')).toBe(75);
      await server.printed(/device-1/);
    },
  );

  scenario.for(versions)('says over %s that a certificate is demanded', async ([, flag], { stage }) => {
    const demand = [flag, '-Verify', '1', '-verify_return_error', '-CAfile', authority().file];
    const server = await stage.opensslServer(certificates.ec, demand);
    const agent = check(stage, server.port);
    expect((await agent.ended()).status).toBe(69);
    // In TLS 1.2 OpenSSL itself, in which Node's agent trusts, knows no more than "handshake failure".
    expect(agent.output + agent.log.join('\n')).toMatch(/certificate|handshake failure/i);
  });
});
