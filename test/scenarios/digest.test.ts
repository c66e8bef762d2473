import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { configuration, deviceId, domain, scenario } from './stage/stage.ts';

/** Digest authorization (RFC 7616), with responses computed here a second time. */

const user = `${deviceId}@${domain}`;
const device = { id: deviceId, domain, password: 's3cret', auth: 'digest' };

describe.concurrent('Digest authorization', () => {
  const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
  const fields = (header: string) =>
    new Map([...header.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map((m) => [m[1], m[2] ?? m[3] ?? '']));

  scenario.for([
    ['SHA-256', 'sha256'],
    ['MD5', 'md5'],
  ] as const)(
    'answers a challenge with %s and never sends the password',
    async ([algorithm, name], { stage }) => {
      const reflector = await stage.reflector();
      stage.agent(configuration(reflector, [1], { device }));
      const first = await reflector.upgrade();
      expect(first.header('Authorization') ?? '').not.toMatch(/^Basic/);
      const challenge = `WWW-Authenticate: Digest realm="devices", qop="auth", algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPE", opaque="FQhe/qaU"`;
      first.refuse('401 Unauthorized', challenge);

      const second = await reflector.upgrade();
      const header = second.header('Authorization') ?? '';
      expect(header).toMatch(/^Digest /);
      const answer = fields(header);
      const secret = hash(name, `${user}:devices:s3cret`);
      const request = hash(name, 'GET:/');
      const count = answer.get('nc');
      expect(count).toBe('00000001');
      expect(answer.get('username')).toBe(user);
      expect(answer.get('opaque')).toBe('FQhe/qaU');
      expect(answer.get('cnonce')?.length).toBeGreaterThanOrEqual(8);
      expect(answer.get('response')).toBe(
        hash(name, `${secret}:7ypf/xlj9XXwfDPE:${count}:${answer.get('cnonce')}:auth:${request}`),
      );
      second.accept();
    },
  );

  scenario('is not repeated for ever when the answer is refused', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(
      configuration(reflector, [1], {
        device,
        reconnect: { min: 600, max: 600 },
      }),
    );
    for (const nonce of ['one', 'two']) {
      const upgrade = await reflector.upgrade();
      upgrade.refuse('401 Unauthorized', `WWW-Authenticate: Digest realm="r", qop="auth", nonce="${nonce}"`);
    }
    await agent.logged(/answered 401/);
  });
});
