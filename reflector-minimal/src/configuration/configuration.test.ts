import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigurationError, type Given, readConfiguration, readConfigurationFile } from './configuration.ts';
import { defaultDataFile } from './data-file.ts';
import { optionName, settings, variableName } from './settings.ts';

type GivenHere = Partial<Omit<Given, 'file'>> & { readonly file?: string };

const read = ({ file, ...given }: GivenHere = {}) =>
  readConfiguration({
    options: {},
    environment: {},
    file: file === undefined ? null : readConfigurationFile(file),
    ...given,
  });

describe('the configuration', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-reflector-configuration-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const file = (content: string) => {
    const path = join(folder, 'reflector.json');
    writeFileSync(path, content);
    return path;
  };

  test('needs nothing, and is for this machine only', () => {
    expect(read()).toEqual({
      host: '127.0.0.1',
      port: 8080,
      audit: null,
      auditKeep: 30,
      domain: 'localhost',
      cookieHost: null,
      tls: null,
      trustProxy: [],
      unclaimed: false,
      keepAlive: 300,
      tunnels: 16_000,
      responseTimeout: 120,
      tokenLifetime: 28_800,
      tokenByGet: false,
      proxyProtocol: false,
      drain: 0,
      redirect: [],
      sessionLifetime: 604_800,
      sessionIdle: 43_200,
      logLevel: 'info',
    });
  });

  test('command line before variable before file', () => {
    const path = file(
      '{"listen": "[::1]:1", "domain": "file.example", "keepAlive": 10, "trustProxy": ["10.0.0.1"], "unclaimed": true}',
    );
    const environment = {
      RM_REFLECTOR_DOMAIN: 'Variable.Example',
      RM_REFLECTOR_KEEP_ALIVE: '20',
      RM_REFLECTOR_UNCLAIMED: 'false',
    };
    expect(read({ file: path, environment, options: { keepAlive: '30' } })).toMatchObject({
      host: '::1',
      port: 1,
      domain: 'variable.example',
      keepAlive: 30,
      trustProxy: ['10.0.0.1'],
      unclaimed: false,
    });
  });

  test.each([
    [
      { options: { listen: '8080' } },
      '--listen: "8080": must be ADDRESS:PORT, as in 127.0.0.1:8080 or [::1]:8080',
    ],
    [{ options: { listen: '127.0.0.1:99999' } }, /^--listen: /],
    [
      { options: { domain: '127.0.0.1' } },
      '--domain: "127.0.0.1": must be a host name, as in reflector.example.com',
    ],
    [{ options: { domain: 'a..b' } }, /^--domain: /],
    [
      { options: { domain: 'r.example', cookieHost: 'WWW.r.example' } },
      '--cookie-host: "www.r.example": is a name of the reflector itself; choose another',
    ],
    [{ options: { tlsCert: 'a.pem' } }, '--tls-cert: needs --tls-key as well'],
    [{ options: { clientCa: 'a.pem' } }, '--client-ca: needs --tls-cert and --tls-key as well'],
    [{ options: { tlsKey: 'a.pem' } }, '--tls-key: needs --tls-cert as well'],
    [
      { options: { redirect: 'https://a.example/,https://bob:secret@b.example/' } },
      /^--redirect: .*: must be URLs of reflectors, as in https:\/\/b\.example\.com\/$/,
    ],
    [{ options: { redirect: 'b.example' } }, /^--redirect: /],
    [{ options: { proxyProtocol: true } }, '--proxy-protocol: needs --trust-proxy as well'],
    [
      { options: { proxyProtocol: true, trustProxy: '10.0.0.1' } },
      '--proxy-protocol: needs --tls-cert and --tls-key as well',
    ],
    [
      { options: { trustProxy: 'nix' } },
      '--trust-proxy: nix: not an address or a network such as 10.0.0.0/8',
    ],
    [
      { options: { tokenLifetime: '59' } },
      '--token-lifetime: "59": must be a whole number from 60 to 31536000',
    ],
    [
      { environment: { RM_REFLECTOR_LOG_LEVEL: 'loud' } },
      'RM_REFLECTOR_LOG_LEVEL: "loud": must be one of debug, info, warn, error, silent',
    ],
    [
      { environment: { RM_REFLECTOR_UNCLAIMED: 'yes' } },
      'RM_REFLECTOR_UNCLAIMED: "yes": must be true or false',
    ],
  ] as [GivenHere, string | RegExp][])('%j is wrong', (given, message) => {
    expect(() => read(given)).toThrow(ConfigurationError);
    expect(() => read(given)).toThrow(message);
  });

  test.each([
    ['{"keepAlive": "300"', /JSON/],
    ['[]', /must be an object/],
    ['{"keepalive": 300}', /keepalive: unknown; allowed are listen, domain/],
    ['{"keepAlive": 1.5}', /reflector\.json: keepAlive: 1\.5: must be a whole number/],
    ['{"trustProxy": [1]}', /trustProxy: \[1\]: must be a list of texts/],
    ['{"domain": 5}', /domain: 5: must be text/],
  ])('a file with %s is wrong', (content, message) => {
    expect(() => read({ file: file(content) })).toThrow(message);
  });

  test('a file that is not there is named', () => {
    expect(() => read({ file: join(folder, 'none.json') })).toThrow(/none\.json/);
  });
});

test('every setting has an option, a variable, a help text, and a default it allows itself', () => {
  for (const [key, { help }] of Object.entries(settings)) {
    expect(optionName(key)).toMatch(/^[a-z-]+$/);
    expect(variableName(key)).toMatch(/^RM_REFLECTOR_[A-Z_]+$/);
    expect(help.length).toBeGreaterThan(10);
  }
});

test('the data file is where XDG says', () => {
  expect(defaultDataFile({ XDG_STATE_HOME: '/state' })).toBe('/state/rm-reflector/reflector.sqlite');
  expect(defaultDataFile({})).toMatch(/\/\.local\/state\/rm-reflector\/reflector\.sqlite$/);
});
