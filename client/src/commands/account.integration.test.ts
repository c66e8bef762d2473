import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashPassword, recoveryHash } from 'rm-reflector';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { password, Stage, user } from '../testing/stage.ts';

/** The commands against a reflector with a device behind it. */

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());

describe('rm-client login, devices and logout', () => {
  test('a token stands in for the password until logout', async () => {
    const command = stage.command();
    command.answers = [user, password];
    const file = join(stage.folder, 'rm-client/login.json');
    const { status, out } = await command.run('login');
    expect(status).toBe(0);
    expect(out).toMatch(
      /^Logged in at http:\/\/localhost:\d+ as alice until \d{4}-\d\d-\d\d \d\d:\d\d UTC; the token is in /,
    );
    expect(command.questions).toEqual(['User: ', 'Password of alice: ']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(stage.folder, 'rm-client')).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, 'utf8')).not.toContain(password);

    expect(await stage.command().run('login', '--status')).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^Logged in at http:\/\/localhost:\d+ as alice until [\d-]+ [\d:]+ UTC\n$/),
    });
    const tomorrow = stage.command();
    tomorrow.now += 24 * 3600_000;
    expect(await tomorrow.run('login', '--status')).toMatchObject({
      status: 1,
      out: expect.stringMatching(/^The token of alice at http:\/\/localhost:\d+ expired at /),
    });

    // The reflector of the last log-in, its user and token: nothing else has to be said.
    const later = stage.command();
    delete later.environment.RM_REFLECTOR;
    const listed = await later.run('devices');
    expect(listed.err).toBe('');
    expect(listed.out).toBe(
      [
        'DEVICE  STATE       PORTS                  NAME    VERSION',
        'pump-7  on line     7,13,9,11,5901,2222,1  Pump 7  1.4',
        'pump-8  never seen  -                      -       -',
        '',
      ].join('\n'),
    );
    const json = await later.run('devices', '--json');
    expect(JSON.parse(json.out)).toHaveLength(2);

    const expired = stage.command();
    expired.now += 9 * 3600_000;
    expect((await expired.run('devices')).err).toMatch(/the token of alice has expired: rm-client login\n$/);

    expect(await later.run('logout')).toMatchObject({
      status: 0,
      out: `Logged out at ${stage.reflector.url}\n`,
    });
    expect(existsSync(file)).toBe(false);
    expect((await stage.command().run('logout')).out).toBe(`Not logged in at ${stage.reflector.url}\n`);
    expect(await stage.command().run('login', '--status')).toMatchObject({
      status: 1,
      out: `Not logged in at ${stage.reflector.url}\n`,
    });
    expect(await later.run('login', '--status')).toMatchObject({
      status: 1,
      out: 'Not logged in\n',
      err: '',
    });
    const without = await stage.command().run('devices');
    expect([without.status, without.err]).toEqual([
      1,
      `rm-client: ${stage.reflector.url}: not logged in: rm-client login, or RM_USER and RM_PASSWORD\n`,
    ]);
  });

  test('a token that is no longer accepted says so', async () => {
    const { store } = stage.reflector;
    await store.users.add('bob', await hashPassword('builder'), 0, 'administrator');
    const command = stage.command({ RM_USER: 'bob', RM_PASSWORD: 'builder' });
    await command.run('login');
    await store.users.setPassword('bob', await hashPassword('another'));
    const { status, err } = await stage.command().run('connect', 'pump-7:7');
    expect([status, err]).toEqual([
      1,
      `rm-client: localhost:${stage.reflector.port}: the token of bob is not accepted any more: rm-client login\n`,
    ]);
    await command.run('logout');
  });

  test('logout makes the token void at the reflector too, and says when it could not', async () => {
    const command = stage.command({ RM_USER: user, RM_PASSWORD: password });
    await command.run('login');
    const file = join(stage.folder, 'rm-client/login.json');
    const kept = readFileSync(file);
    expect((await stage.command().run('logout')).status).toBe(0);
    writeFileSync(file, kept, { mode: 0o600 });
    expect((await stage.command().run('devices')).err).toMatch(/the token of alice is not accepted any more/);
    // Void already: there is nothing left to say.
    expect(await stage.command().run('logout')).toMatchObject({ status: 0, err: '' });
    writeFileSync(file, kept, { mode: 0o600 });
    const cutOff = stage.command({ http_proxy: 'http://127.0.0.1:1' });
    const { status, out, err } = await cutOff.run('logout');
    expect([status, out]).toEqual([1, `Logged out at ${stage.reflector.url}\n`]);
    expect(err).toMatch(/the token is forgotten here; at the reflector it is good until \d{4}-/);
    expect(existsSync(file)).toBe(false);
  });

  test('one-time passwords are asked for at login, and a password alone is told to be too little', async () => {
    const { store } = stage.reflector;
    await store.users.add('carol', await hashPassword('carol’s own'), 0, 'administrator');
    // The secret of RFC 6238 appendix B.
    const carol = await store.users.get('carol');
    if (!carol) throw new Error('no user');
    await store.users.setTotp(carol, {
      secret: Buffer.from('12345678901234567890'),
      step: 0,
      recovery: [recoveryHash('abcd-efgh-jkmn-pqrs')],
    });
    const environment = { RM_USER: 'carol', RM_PASSWORD: 'carol’s own' };
    const line = `rm-client: localhost:${stage.reflector.port}: this account needs a one-time password: rm-client login\n`;
    expect((await stage.command(environment).run('devices')).err).toBe(line);
    expect((await stage.command(environment).run('connect', 'pump-7:7')).err).toBe(line);
    const wrong = stage.command(environment);
    wrong.answers = ['123456'];
    expect((await wrong.run('login')).err).toContain('wrong user name, password or one-time password');
    const command = stage.command(environment);
    command.answers = ['abcd-efgh-jkmn-pqrs'];
    expect((await command.run('login')).status).toBe(0);
    expect((await stage.command().run('devices')).status).toBe(0);
    await stage.command().run('logout');
  });

  test('a wrong password gives no token', async () => {
    const { status, err } = await stage.command({ RM_USER: user, RM_PASSWORD: 'guess' }).run('login');
    expect([status, err]).toEqual([
      1,
      `rm-client: localhost:${stage.reflector.port}: wrong user name or password\n`,
    ]);
    expect(existsSync(join(stage.folder, 'rm-client/login.json'))).toBe(false);
  });
});
