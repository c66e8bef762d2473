import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBasic, deviceUser, encodeBasic, splitDeviceUser } from './basic.ts';
import { decodeChallenges } from './challenge.ts';
import { answerDigest, chooseDigest, decodeDigest, digestSecret, expectedDigest, isStale } from './digest.ts';
import { ProtocolError } from './errors.ts';

const digest = (algorithm: 'sha-256' | 'md5', data: Uint8Array) =>
  createHash(algorithm === 'md5' ? 'md5' : 'sha256')
    .update(data)
    .digest();

function failure(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'none';
}

describe('Basic', () => {
  it.each([
    // RFC 7617 sections 2 and 2.1.
    ['Aladdin', 'open sesame', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='],
    ['test', '123\u00a3', 'Basic dGVzdDoxMjPCow=='],
    ['u', '', 'Basic dTo='],
    ['', 'p', 'Basic OnA='],
  ])('%s:%s', (user, password, header) => {
    expect(encodeBasic({ user, password })).toBe(header);
    expect(decodeBasic(header)).toEqual({ user, password });
  });

  it.each([
    '',
    'Basic',
    'Basic ',
    'Bearer dTpw',
    'X-Basic dTpw',
    'Basic dTp',
    'Basic dTpw dTpw',
    'Basic !!!!',
    'Basic dXA=',
    'Basic //79',
  ])('does not read %j', (header) => {
    expect(decodeBasic(header)).toBeNull();
  });

  it.each(['basic dTpw', 'BASIC   dTpw', 'Basic dTpw '])('reads %j', (header) => {
    expect(decodeBasic(header)).toEqual({ user: 'u', password: 'p' });
  });

  it('leaves colons to the password', () => {
    expect(decodeBasic(encodeBasic({ user: 'u', password: 'a:b' }))).toEqual({ user: 'u', password: 'a:b' });
  });

  it('reads what it writes', () => {
    const user = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes(':'));
    fc.assert(
      fc.property(user, fc.string({ unit: 'grapheme' }), (name, password) => {
        expect(decodeBasic(encodeBasic({ user: name, password }))).toEqual({ user: name, password });
      }),
    );
  });

  it('splits the user name of a device', () => {
    expect(splitDeviceUser(deviceUser('id', 'domain'))).toEqual({ deviceId: 'id', domain: 'domain' });
    for (const user of ['', '@', 'a@', '@b', 'a', 'a@b@c']) expect(splitDeviceUser(user)).toBeNull();
  });
});

describe('decodeChallenges', () => {
  const parameters = (header: string) =>
    decodeChallenges(header).map(({ scheme, parameters, token }) => [
      scheme,
      token,
      Object.fromEntries(parameters),
    ]);

  it.each<[string, unknown]>([
    ['', []],
    [' , ,', []],
    ['Basic realm="simple"', [['basic', '', { realm: 'simple' }]]],
    // RFC 9110 section 11.6.1.
    [
      'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
      [
        ['basic', '', { realm: 'simple' }],
        ['newauth', '', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
      ],
    ],
    ['Negotiate', [['negotiate', '', {}]]],
    [
      'Negotiate, Basic realm=x',
      [
        ['negotiate', '', {}],
        ['basic', '', { realm: 'x' }],
      ],
    ],
    ['Basic dTpw', [['basic', 'dTpw', {}]]],
    [
      'Bearer a.b-c_d~e+f/g==, Basic REALM = "x"',
      [
        ['bearer', 'a.b-c_d~e+f/g==', {}],
        ['basic', '', { realm: 'x' }],
      ],
    ],
    ['Digest realm="a, b=c", nonce="x"', [['digest', '', { realm: 'a, b=c', nonce: 'x' }]]],
    ['Digest qop="auth,auth-int",,nonce=""', [['digest', '', { qop: 'auth,auth-int', nonce: '' }]]],
  ])('%s', (header, expected) => {
    expect(parameters(header)).toEqual(expected);
  });

  it.each([
    '"x"',
    '=',
    'Digest a=b, realm=',
    'Basic realm="x',
    'Digest a="b\\',
    'Basic realm=(',
    'Basic, ="x"',
  ])('refuses %j', (header) => {
    expect(failure(() => decodeChallenges(header))).toMatch(/^RM_CREDENTIALS /);
  });
});

it('a parameter without a value is named', () => {
  expect(failure(() => decodeChallenges('Digest nonce=n, realm='))).toBe(
    'RM_CREDENTIALS parameter realm without a value',
  );
});

describe('Digest', () => {
  const mufasa = { user: 'Mufasa', password: 'Circle of Life' };
  const request = { method: 'GET', uri: '/dir/index.html' };
  const clientNonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
  const challengeFor = (algorithm: string) =>
    `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';

  /** RFC 7616 section 3.9.1. */
  it.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('answers the example of RFC 7616 with %s', (algorithm, response) => {
    const challenge = chooseDigest(decodeChallenges(challengeFor(algorithm)));
    if (!challenge) throw new Error('not chosen');
    const header = answerDigest(digest, challenge, mufasa, request, clientNonce, 1);
    expect(header).toContain(`response="${response}"`);
    expect(header).toContain('nc=00000001');
    expect(header).toContain('qop=auth,');
    expect(header).toContain('opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"');
    expect(header).toContain(`algorithm=${algorithm}`);
  });

  it('checks the header of the example of RFC 7616', () => {
    const authorization = decodeDigest(
      'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256, ' +
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ' +
        'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, ' +
        'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", ' +
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    );
    if (!authorization) throw new Error('not read');
    expect(authorization).toMatchObject({
      user: 'Mufasa',
      algorithm: 'sha-256',
      count: '00000001',
      uri: '/dir/index.html',
    });
    const secret = digestSecret(digest, 'sha-256', mufasa, 'http-auth@example.org');
    expect(expectedDigest(digest, secret, authorization, 'GET')).toBe(authorization.response);
    expect(expectedDigest(digest, secret, authorization, 'POST')).not.toBe(authorization.response);
  });

  it('answers a peer without qop as RFC 2069 has it', () => {
    const challenge = chooseDigest(
      decodeChallenges('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'),
    );
    if (!challenge) throw new Error('not chosen');
    const header = answerDigest(digest, challenge, mufasa, request, 'c', 1);
    // H(A1) and H(A2) with the formula of RFC 2069 section 2.4, computed by hand with md5sum.
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const a1 = md5('Mufasa:testrealm@host.com:Circle of Life');
    const response = md5(`${a1}:dcd98b7102dd2f0e8b11d0f600bfb0c093:${md5('GET:/dir/index.html')}`);
    expect(header).toContain(`response="${response}"`);
    expect(header).not.toMatch(/cnonce|nc=|qop|algorithm/);
    expect(decodeDigest(header)?.count).toBe('');
  });

  it('hashes both nonces into the secret of a session algorithm', () => {
    const challenge = chooseDigest(
      decodeChallenges('Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess'),
    );
    if (!challenge) throw new Error('not chosen');
    const header = answerDigest(digest, challenge, mufasa, request, 'c', 10);
    // RFC 7616 sections 3.4.1 and 3.4.2.
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const a1 = md5(`${md5('Mufasa:r:Circle of Life')}:n:c`);
    const response = md5(`${a1}:n:0000000a:c:auth:${md5('GET:/dir/index.html')}`);
    expect(header).toContain(`response="${response}"`);
    expect(header).toContain('algorithm=MD5-sess');
  });

  it('hashes the bytes of a realm and a user that are not ASCII', () => {
    const bytes = (text: string) => Buffer.from(text).toString('latin1');
    const challenge = chooseDigest(
      decodeChallenges(`Digest realm="${bytes('Zugang für Geräte')}", nonce="n"`),
    );
    if (!challenge) throw new Error('not chosen');
    const header = answerDigest(digest, challenge, { user: 'jörg', password: 'ß' }, request, 'c', 1);
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const response = md5(`${md5('jörg:Zugang für Geräte:ß')}:n:${md5('GET:/dir/index.html')}`);
    expect(header).toContain(`response="${response}"`);
    expect(header).toContain(`username="${bytes('jörg')}", realm="${bytes('Zugang für Geräte')}"`);
    expect(decodeDigest(header)?.user).toBe('jörg');
  });

  it.each([
    ['SHA-256 before MD5', 'Digest algorithm=MD5, nonce="a", Digest algorithm=SHA-256, nonce="b"', 'b'],
    ['MD5 where nothing better is offered', 'Digest algorithm=SHA-512-256, nonce="a", Digest nonce="b"', 'b'],
    ['a session algorithm', 'Digest algorithm=md5-sess, nonce="a", qop="auth"', 'a'],
    ['one that offers auth', 'Digest nonce="a", qop="auth-int", Digest nonce="b", qop="auth-int,auth"', 'b'],
    ['one that offers auth among blanks', 'Digest nonce="a", qop="auth-int , auth "', 'a'],
    ['none of another scheme', 'Newauth nonce="a", qop="auth", Digest nonce="b"', 'b'],
  ])('chooses %s', (_name, header, nonce) => {
    expect(chooseDigest(decodeChallenges(header))?.parameters.get('nonce')).toBe(nonce);
  });

  it.each([
    'Basic realm="x"',
    'Digest realm="x"',
    'Digest nonce="a", qop="auth-int"',
    'Digest nonce="a", algorithm=SHA3',
  ])('cannot answer %s', (header) => {
    expect(chooseDigest(decodeChallenges(header))).toBeNull();
  });

  it.each([
    ['Digest', 'algorithm'],
    ['Digest algorithm=MD5', 'username'],
    ['Digest username="u", realm="r", nonce="n"', 'uri'],
    ['Digest username="u", realm="r", nonce="n", uri="/"', 'response'],
    ['Digest username="u", realm="r", nonce="n", uri="/", response="x", qop=auth', 'cnonce'],
    ['Digest username="u", realm="r", nonce="n", uri="/", response="x", qop=auth, cnonce="c"', 'nc'],
    ['Digest username="u", realm="r", nonce="n", uri="/", response="x", qop=auth-int', 'qop'],
    ['Digest algorithm=SHA-1, username="u"', 'algorithm'],
  ])('refuses %s', (header, missing) => {
    const found = failure(() => decodeDigest(header));
    // Without an algorithm MD5 is meant, so what is missed first is the user name.
    expect(found).toContain(header === 'Digest' ? 'username' : missing);
    expect(found).toMatch(/^RM_CREDENTIALS /);
  });

  it('answers with nothing where a challenge has no realm', () => {
    const challenge = chooseDigest(decodeChallenges('Digest nonce="n"'));
    if (!challenge) throw new Error('not chosen');
    const header = answerDigest(digest, challenge, mufasa, request, 'c', 1);
    const md5 = (text: string) => createHash('md5').update(text).digest('hex');
    const response = md5(`${md5('Mufasa::Circle of Life')}:n:${md5('GET:/dir/index.html')}`);
    expect(header).toBe(
      `Digest username="Mufasa", realm="", nonce="n", uri="/dir/index.html", response="${response}"`,
    );
  });

  it.each([
    ['stale=true', '', true],
    ['stale=TRUE', '', true],
    ['stale="true"', 'stale=false', true],
    ['stale=false', '', false],
    ['', '', false],
    ['', 'stale=true', false],
    ['stale=true', 'stale=true', false],
  ])('%j to an answer to %j is worth another one: %j', (next, answered, stale) => {
    const challenge = (parameter: string) => {
      const [found] = decodeChallenges(['Digest nonce=n', parameter].filter(Boolean).join(', '));
      if (!found) throw new Error('not read');
      return found;
    };
    expect(isStale(challenge(next), challenge(answered))).toBe(stale);
  });

  it('leaves other schemes alone', () => {
    expect(decodeDigest('Basic dTpw')).toBeNull();
    expect(decodeDigest('')).toBeNull();
  });

  it('is checked by the server as the client computes it, for any text', () => {
    const text = fc.string({ unit: 'binary-ascii' }).map((value) => value.replaceAll(/[\0-\x1f\x7f]/g, ' '));
    const algorithm = fc.constantFrom(
      '',
      ', algorithm=MD5',
      ', algorithm=SHA-256',
      ', algorithm=SHA-256-sess',
      ', algorithm=MD5-sess',
    );
    const quote = (value: string) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`;
    fc.assert(
      fc.property(
        text,
        text,
        text,
        text,
        algorithm,
        fc.boolean(),
        fc.integer({ min: 1, max: 0xffffffff }),
        (user, password, realm, nonce, name, qop, count) => {
          const offer = `Digest realm=${quote(realm)}, nonce=${quote(nonce)}${name}${qop ? ', qop="auth"' : ''}`;
          const challenge = chooseDigest(decodeChallenges(offer));
          if (!challenge) throw new Error(`not chosen: ${offer}`);
          const header = answerDigest(digest, challenge, { user, password }, request, 'cafe', count);
          const authorization = decodeDigest(header);
          if (!authorization) throw new Error(`not read: ${header}`);
          expect(authorization).toMatchObject({ user, realm, nonce, uri: request.uri });
          const secret = digestSecret(digest, authorization.algorithm, { user, password }, realm);
          expect(expectedDigest(digest, secret, authorization, 'GET')).toBe(authorization.response);
        },
      ),
      { numRuns: 300 },
    );
  });
});
