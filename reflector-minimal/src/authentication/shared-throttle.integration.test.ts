import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { stepAt, totpCode } from '../one-time-password/totp.ts';
import { accountOf } from '../testing/account-of.ts';
import { type Answer, ask } from '../testing/ask.ts';
import { RawUser } from '../testing/raw-user.ts';
import { device, Stage, user } from '../testing/stage.ts';

/** Pages, Basic and tokens share one throttle: what fails at one counts at the others. Devices have their own. */

const secret = Buffer.from('12345678901234567890');

describe('who guesses', () => {
  let stage: Stage;
  let clock: ManualClock;
  beforeEach(async () => {
    clock = new ManualClock();
    stage = await Stage.open({ clock, trustProxy: ['127.0.0.1'], limits: { logInFailures: 3 } });
  });
  afterEach(() => stage.close());

  const from = (address: string) => ({ 'X-Forwarded-For': address });

  function basic(password: string, address = '192.0.2.1', host = 'localhost'): Promise<Answer> {
    const Authorization = `Basic ${Buffer.from(`${user.name}:${password}`).toString('base64')}`;
    return ask(stage.port, '/', { host, headers: { Authorization, ...from(address) } });
  }

  function post(path: string, form: Record<string, string>, address = '192.0.2.1'): Promise<Answer> {
    return ask(stage.port, path, {
      host: 'localhost',
      method: 'POST',
      body: new URLSearchParams(form).toString(),
      headers: {
        Authorization: [],
        Origin: `http://localhost:${stage.port}`,
        'Content-Type': 'application/x-www-form-urlencoded',
        ...from(address),
      },
    });
  }

  const token = (password: string, totp = '', address?: string) =>
    post('/my-devices/api/token', { username: user.name, password, totp, application: 'test' }, address);

  test('has to wait at every one of them', async () => {
    expect((await basic('guess 1', undefined, `${device.id}.localhost`)).status).toBe(401);
    expect((await token('guess 2')).status).toBe(401);
    expect((await post('/log-in', { name: user.name, password: 'guess 3' })).status).toBe(403);
    for (const answer of [
      await basic(user.password),
      await basic(user.password, undefined, `${device.id}.localhost`),
      await basic(user.password, undefined, 'nodev.localhost'),
      await token(user.password),
      await post('/log-in', { name: user.name, password: user.password }),
    ]) {
      expect([answer.status, answer.headers['retry-after'], answer.headers['www-authenticate']]).toEqual([
        429,
        '1',
        undefined,
      ]);
    }
    expect((await token(user.password)).headers['x-ptth-error']).toBe(
      'Too many failed log-ins: try again in 1 s',
    );
    // Everybody but the page is told by the header; the page says it itself.
    clock.advance(1000);
    expect((await basic(user.password)).status).toBe(200);
  });

  test('has to wait as well where the log-in is in another header, and at CONNECT', async () => {
    const basicOf = (password: string) =>
      `Basic ${Buffer.from(`${user.name}:${password}`).toString('base64')}`;
    const by = (header: string, password: string) => {
      const headers = { Authorization: [], [header]: basicOf(password), ...from('192.0.2.1') };
      return ask(stage.port, '/', { headers });
    };
    const connect = async (password: string) => {
      const guest = new RawUser(stage.port);
      guest.send(
        `CONNECT ${device.id}.localhost:22 HTTP/1.1\r\nProxy-Authorization: ${basicOf(password)}\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n`,
      );
      await guest.whole();
      return guest.statuses[0];
    };
    expect((await by('X-PTTH-Authorization', 'guess 1')).status).toBe(401);
    expect((await by('Proxy-Authorization', 'guess 2')).status).toBe(407);
    expect(await connect('guess 3')).toBe(407);
    expect([
      (await by('X-PTTH-Authorization', user.password)).status,
      (await by('Proxy-Authorization', user.password)).status,
      await connect(user.password),
      (await basic(user.password)).status,
    ]).toEqual([429, 429, 429, 429]);
  });

  test('does not keep devices out, nor who is logged in already', async () => {
    const { headers } = await post('/log-in', { name: user.name, password: user.password }, '203.0.113.5');
    const cookie = String(headers['set-cookie']?.[0]).split(';', 1)[0] ?? '';
    const issued = await token(user.password, '', '203.0.113.6');
    const bearer = `Bearer ${(JSON.parse(issued.text) as { token: string }).token}`;
    for (let n = 0; n < 10; n++) await basic(`guess ${n}`);
    expect((await basic(user.password)).status).toBe(429);
    const agent = await stage.agent();
    expect(stage.reflector.presence.local.get(device.id)).toBeDefined();
    agent.destroy();
    const open = (more: Record<string, string | string[]>) =>
      ask(stage.port, '/', { host: 'localhost', headers: { ...from('192.0.2.1'), ...more } });
    expect((await open({ Authorization: [], Cookie: cookie })).status).toBe(200);
    expect((await open({ Authorization: bearer })).status).toBe(200);
  });

  test('a token needs the one-time password, and is asked for it', async () => {
    await stage.reflector.store.users.setTotp(await accountOf(stage.reflector.store, user.name), {
      secret,
      step: 0,
      recovery: [],
    });
    const code = totpCode(secret, stepAt(clock.date()));
    const asked = await token(user.password);
    expect([asked.status, asked.headers['x-authenticate']]).toEqual([401, 'TOTP']);
    const wrong = await token(user.password, '000000');
    expect([wrong.status, wrong.headers['x-authenticate']]).toEqual([401, undefined]);
    const blind = await token('wrong');
    expect([blind.status, blind.headers['x-authenticate']]).toEqual([401, undefined]);
    const issued = await token(user.password, code);
    expect(issued.status).toBe(200);
    const { expires } = JSON.parse(issued.text) as { expires: number };
    expect(expires).toBe(Math.floor(clock.date() / 1000) + 28_800);
    expect((await token(user.password, code)).status).toBe(401);
  });

  test('a token is revoked by itself', async () => {
    const { token: text } = JSON.parse((await token(user.password)).text) as { token: string };
    const send = (method: string, path: string) =>
      ask(stage.port, path, { host: 'localhost', method, headers: { Authorization: `Bearer ${text}` } });
    expect((await send('GET', '/')).status).toBe(200);
    expect((await send('DELETE', '/my-devices/api/token')).status).toBe(204);
    expect((await send('DELETE', '/my-devices/api/token')).status).toBe(401);
    expect((await send('GET', '/')).status).toBe(401);
    expect((await send('GET', '/my-devices/api/token')).headers.allow).toBe('POST, DELETE');
    // Credentials of another kind revoke nothing.
    const basicDelete = await ask(stage.port, '/my-devices/api/token', {
      host: 'localhost',
      method: 'DELETE',
    });
    expect(basicDelete.status).toBe(401);
  });
});
