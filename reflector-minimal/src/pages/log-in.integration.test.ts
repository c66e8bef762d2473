import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { plainLook } from '../http/look.ts';
import { stepAt, totpCode } from '../one-time-password/totp.ts';
import { accountOf } from '../testing/account-of.ts';
import { type Answer, ask } from '../testing/ask.ts';
import { Stage, user } from '../testing/stage.ts';

const secret = Buffer.from('12345678901234567890');

function fromBase32(text: string): Buffer {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...text.replaceAll(' ', '')].map((letter) =>
    alphabet.indexOf(letter).toString(2).padStart(5, '0'),
  );
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

describe('log-in in a browser', () => {
  let stage: Stage;
  let clock: ManualClock;
  let own: string;
  /** What the browser keeps. */
  let cookies: Map<string, string>;
  beforeEach(async () => {
    clock = new ManualClock();
    stage = await Stage.open({ clock, trustProxy: ['127.0.0.1'] });
    own = `http://localhost:${stage.port}`;
    cookies = new Map();
  });
  afterEach(() => stage.close());

  /** One request as a browser makes it, without following redirects. */
  async function browse(
    path: string,
    form: Record<string, string> | null = null,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await ask(stage.port, path, {
      host: 'localhost',
      method: form ? 'POST' : 'GET',
      ...(form && { body: new URLSearchParams(form).toString() }),
      headers: {
        Authorization: [],
        Accept: 'text/html,*/*',
        ...(cookie && { Cookie: cookie }),
        ...(form && { Origin: own, 'Content-Type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
    });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  }

  const logIn = (form: Record<string, string> = {}, headers: Record<string, string> = {}) =>
    browse('/log-in', { name: user.name, password: user.password, next: '/', ...form }, headers);

  const status = async (path = '/') => (await browse(path)).status;

  test('takes the form that pages for the original send, from a page of this host', async () => {
    const form = { action: 'login', username: user.name, password: user.password, onsuccess: '/account' };
    const entered = await browse('/', form);
    expect([entered.status, entered.headers.location]).toEqual([303, `${own}/account`]);
    expect(cookies.has('rm-session')).toBe(true);
    cookies.clear();
    expect((await browse('/', { ...form, onsuccess: 'https://elsewhere.example/' })).headers.location).toBe(
      `${own}/`,
    );
    cookies.clear();
    for (const [fields, headers, status] of [
      [{ ...form, password: 'wrong' }, {}, 403],
      [{ ...form, action: 'logout' }, {}, 400],
      [form, { Origin: 'https://elsewhere.example' }, 403],
      [form, { Origin: `http://dev1.localhost:${stage.port}` }, 403],
    ] as const) {
      expect((await browse('/', fields, headers)).status).toBe(status);
      expect(cookies.has('rm-session')).toBe(false);
    }
  });

  test('a browser is led to a page, and back to where it wanted to go', async () => {
    const sent = await browse('/?a=b');
    expect([sent.status, sent.headers.location]).toEqual([303, '/log-in?next=%2F%3Fa%3Db']);
    expect(sent.headers['www-authenticate']).toBeUndefined();
    const page = await browse(String(sent.headers.location));
    expect(page.status).toBe(200);
    expect(page.text).toContain(`name="next" value="${own}/?a=b"`);
    expect(page.text).not.toContain('<script');
    expect(page.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
    });
    expect(page.headers['content-security-policy']).toContain(
      `form-action 'self' http://*.localhost:${stage.port}`,
    );
    const entered = await logIn({ next: `${own}/?a=b` });
    expect([entered.status, entered.headers.location]).toEqual([303, `${own}/?a=b`]);
    const home = await browse('/?a=b');
    expect([home.status, home.text.includes('alice')]).toEqual([200, true]);
    expect((await browse('/log-in?next=/account')).headers.location).toBe(`${own}/account`);
  });

  test('programs are asked for Basic, scripts in a page without a prompt', async () => {
    const program = await browse('/', null, { Accept: '*/*' });
    expect([program.status, program.headers['www-authenticate']]).toEqual([
      401,
      'Basic realm="Reflector", charset="UTF-8"',
    ]);
    const script = await browse('/my-devices/api/devices', null, {
      Accept: '*/*',
      'Sec-Fetch-Mode': 'cors',
      'Sec-Fetch-Site': 'same-origin',
    });
    expect([script.status, script.headers['www-authenticate']]).toEqual([401, 'Bearer realm="Reflector"']);
  });

  test('cookies are out of the reach of scripts, and of this host alone over TLS', async () => {
    const plain = await logIn();
    expect(plain.headers['set-cookie']).toEqual([
      expect.stringMatching(/^rm-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/),
      expect.stringMatching(/^rm-known=[\w.-]+; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Lax$/),
    ]);
    const forwarded = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '203.0.113.9' };
    const secure = await logIn({}, { ...forwarded, Origin: own.replace('http:', 'https:') });
    expect(secure.headers['set-cookie']?.[0]).toMatch(
      /^__Host-rm-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(secure.headers.location).toBe(`${own.replace('http:', 'https:')}/`);
    // A cookie without the prefix, which a device's page could have set, opens nothing over TLS.
    cookies.delete('__Host-rm-session');
    expect((await browse('/', null, forwarded)).status).toBe(303);
    expect(await status()).toBe(200);
  });

  test('a wrong password says so in the page, keeps the name, and sets nothing', async () => {
    const { status: code, text, headers } = await logIn({ name: 'alice"><b>', password: 'wrong' });
    expect(code).toBe(403);
    expect(text).toContain('role="alert" id="error">Wrong name or password</p>');
    expect(text).toContain('value="alice&quot;&gt;&lt;b&gt;"');
    expect([headers['set-cookie'], headers['www-authenticate']]).toEqual([undefined, undefined]);
    for (let n = 0; n < 9; n++) await logIn({ password: `guess ${n}` });
    const late = await logIn();
    expect([late.status, late.headers['retry-after']]).toEqual([429, '1']);
    expect(late.text).toContain('Too many failed log-ins: try again in 1 s');
    clock.advance(1000);
    expect((await logIn()).status).toBe(303);
  });

  test('forms of other origins are not taken', async () => {
    for (const headers of [
      { Origin: `http://dev1.localhost:${stage.port}` },
      { Origin: 'null' },
      { Origin: 'null', 'Sec-Fetch-Site': 'same-site' },
    ]) {
      expect((await logIn({}, headers)).status).toBe(403);
    }
    expect((await logIn()).status).toBe(303);
    const foreign = { Origin: 'https://evil.example.com' };
    expect((await browse('/log-out', {}, foreign)).status).toBe(403);
    expect((await browse('/account/end', { session: 'x' }, foreign)).status).toBe(403);
    expect(await status()).toBe(200);
    expect((await logIn({}, { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await logIn({ name: 'x'.repeat(9000) })).status).toBe(413);
  });

  test('a link cannot lead anywhere else after log-in', async () => {
    const entered = await logIn({ next: '//evil.example.com/' });
    expect(entered.headers.location).toBe(`${own}/`);
    expect((await browse('/log-in?next=https://evil.example.com/')).headers.location).toBe(`${own}/`);
    const device = `http://dev1.localhost:${stage.port}/x`;
    expect((await logIn({ next: device })).headers.location).toBe(device);
  });

  test('a log-in makes a new session and ends the one before', async () => {
    await logIn();
    const former = String(cookies.get('rm-session'));
    const known = cookies.get('rm-known');
    await logIn();
    expect(cookies.get('rm-session')).not.toBe(former);
    expect(cookies.get('rm-known')).toBe(known);
    cookies.set('rm-session', former);
    expect(await status()).toBe(303);
  });

  test('log-out ends this browser, log-out everywhere every one, and programs', async () => {
    await logIn();
    const first = String(cookies.get('rm-session'));
    cookies.clear();
    await logIn();
    const form = new URLSearchParams({ username: user.name, password: user.password }).toString();
    const issued = await ask(stage.port, '/my-devices/api/token', {
      host: 'localhost',
      method: 'POST',
      body: form,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    const { token } = JSON.parse(issued.text) as { token: string };
    const byToken = async () =>
      (await browse('/my-devices/api/devices', null, { Authorization: `Bearer ${token}` })).status;
    const second = String(cookies.get('rm-session'));
    const out = await browse('/log-out', {});
    expect([out.status, out.headers.location, cookies.has('rm-session')]).toEqual([303, '/log-in', false]);
    cookies.set('rm-session', second);
    expect(await status()).toBe(303);
    cookies.set('rm-session', first);
    expect([await status(), await byToken()]).toEqual([200, 200]);
    await browse('/log-out', { everywhere: 'yes' });
    cookies.set('rm-session', first);
    expect([await status(), await byToken()]).toEqual([303, 401]);
  });

  test('the account page shows where one is logged in, and ends one of them', async () => {
    expect((await browse('/account')).headers.location).toBe('/log-in?next=%2Faccount');
    await logIn({}, { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' });
    const other = String(cookies.get('rm-session'));
    cookies.clear();
    await logIn({}, { 'User-Agent': '<img src=x>' });
    const { text } = await browse('/account');
    expect(text).toContain('Firefox on Linux');
    expect(text).not.toContain('<img');
    expect(text.match(/this browser/g)).toHaveLength(1);
    const ids = [...text.matchAll(/name="session" value="([0-9a-f]{16})"/g)].map(([, id]) => String(id));
    expect(ids).toHaveLength(2);
    const current = (await stage.reflector.store.sessions.list(user.name, 100)).find(({ agent }) =>
      agent.startsWith('<'),
    );
    const [foreign = ''] = ids.filter((id) => !current?.hash.toString('hex').startsWith(id));
    expect((await browse('/account/end', { session: foreign })).headers.location).toBe('/account');
    expect((await browse('/account/end', { session: 'ffffffffffffffff' })).status).toBe(303);
    expect(await status()).toBe(200);
    cookies.set('rm-session', other);
    expect(await status()).toBe(303);
    expect((await browse('/account/end', { session: ids[0] ?? '' })).status).toBe(401);
  });

  test('nobody ends the session of somebody else', async () => {
    const { store } = stage.reflector;
    await store.users.add('bob', (await store.users.get(user.name))?.password ?? '', 0, 'user');
    await logIn({ name: 'bob' });
    const bob = String(cookies.get('rm-session'));
    const [session] = await store.sessions.list('bob', 100);
    cookies.clear();
    await logIn();
    await browse('/account/end', { session: session?.hash.toString('hex', 0, 8) ?? '' });
    cookies.set('rm-session', bob);
    expect(await status()).toBe(200);
  });

  test('a code is asked for where the account has one-time passwords', async () => {
    await stage.reflector.store.users.setTotp(await accountOf(stage.reflector.store, user.name), {
      secret,
      step: 0,
      recovery: [],
    });
    const first = await logIn({ next: '/account' });
    expect([first.status, first.headers['set-cookie']]).toEqual([200, undefined]);
    expect(first.text).toContain('autocomplete="one-time-code"');
    expect(first.text).not.toContain(user.password);
    const ticket = /name="ticket" value="([^"]+)"/.exec(first.text)?.[1] ?? '';
    const next = `${own}/account`;
    const wrong = await browse('/log-in/code', { ticket, code: '000000', next });
    expect([wrong.status, wrong.text.includes('Wrong code')]).toEqual([403, true]);
    const code = totpCode(secret, stepAt(clock.date()));
    const entered = await browse('/log-in/code', { ticket, code, next });
    expect([entered.status, entered.headers.location]).toEqual([303, next]);
    expect(await status('/account')).toBe(200);
    cookies.clear();
    const late = await browse('/log-in/code', { ticket: 'x.y', code, next });
    expect([late.status, late.text.includes('please log in again')]).toEqual([403, true]);
  });

  test('name and password alone are no Basic credentials of such an account', async () => {
    await stage.reflector.store.users.setTotp(await accountOf(stage.reflector.store, user.name), {
      secret,
      step: 0,
      recovery: [],
    });
    const answer = await ask(stage.port, '/', { host: 'localhost' });
    expect([answer.status, answer.headers['x-authenticate'], answer.headers['www-authenticate']]).toEqual([
      401,
      'TOTP',
      'Bearer realm="Reflector"',
    ]);
    expect(answer.headers['x-ptth-error']).toBe('This account needs a one-time password: log in for a token');
  });

  test('a session ends with the password, and after its time', async () => {
    await logIn();
    clock.advance(43_200_000 - 1);
    expect(await status()).toBe(200);
    clock.advance(43_200_000);
    expect(await status()).toBe(303);
    await logIn();
    await stage.reflector.store.users.setPassword(user.name, 'another');
    expect(await status()).toBe(303);
  });

  test('a password is changed with the present one, by the rules, and ends everything else', async () => {
    const fresh = 'kettle orbit walnut';
    const change = (form: Record<string, string>) =>
      browse('/account/password', { present: user.password, new: fresh, again: fresh, ...form });
    expect((await change({})).status).toBe(401);
    await logIn();
    const other = String(cookies.get('rm-session'));
    cookies.clear();
    await logIn();
    for (const [form, status, error] of [
      [{ again: 'kettle orbit' }, 422, 'The two new passwords are not the same'],
      [{ new: 'short', again: 'short' }, 422, 'The new password must have at least 10 characters'],
      [{ new: 'password123', again: 'password123' }, 422, 'The new password is among the most common'],
      [{ present: 'wrong' }, 403, 'That is not your present password'],
    ] as const) {
      const answer = await change(form);
      expect([answer.status, answer.text.includes(error)]).toEqual([status, true]);
    }
    const before = String(cookies.get('rm-session'));
    const changed = await change({});
    expect([changed.status, changed.text.includes('role="status"')]).toEqual([200, true]);
    expect(changed.text.match(/this browser/g)).toHaveLength(1);
    expect(await status()).toBe(200);
    for (const former of [before, other]) {
      cookies.set('rm-session', former);
      expect(await status()).toBe(303);
    }
    expect((await logIn()).status).toBe(403);
    expect((await logIn({ password: fresh })).status).toBe(303);
  });

  test('a password that another authenticator has proven is not changed here', async () => {
    await stage.close();
    stage = await Stage.open({
      clock,
      trustProxy: ['127.0.0.1'],
      authenticators: ({ users }) => [
        {
          name: 'directory',
          accepts: 'password',
          prove: async (credentials) => {
            const right = 'password' in credentials && credentials.password === 'of the directory';
            const known = right ? await users.get(credentials.name) : null;
            return known ? { user: known, session: null, until: clock.date() + 60_000 } : null;
          },
        },
      ],
    });
    own = `http://localhost:${stage.port}`;
    const present = 'of the directory';
    const { store } = stage.reflector;
    const change = () =>
      browse('/account/password', { present, new: 'kettle orbit walnut', again: 'kettle orbit walnut' });
    await logIn({ password: present });
    const before = await store.users.get(user.name);
    const answer = await change();
    expect([answer.status, answer.text.includes('kept elsewhere')]).toEqual([403, true]);
    await store.users.setTotp(await accountOf(store, user.name), { secret, step: 0, recovery: [] });
    await logIn({ password: present });
    expect((await change()).status).not.toBe(200);
    expect((await store.users.get(user.name))?.password).toBe(before?.password);
  });

  test('nothing on its pages is said but in the words of the look', async () => {
    await stage.close();
    // Says each text as its key, so what is left on a page was not asked for.
    const say = (key: string) => `‹${key}›`;
    const looks = { of: () => ({ ...plainLook, language: 'x', say }) };
    stage = await Stage.open({ clock, trustProxy: ['127.0.0.1'], looks, cookieHost: 'shared.example' });
    own = `http://localhost:${stage.port}`;
    const { store } = stage.reflector;
    await stage.agent({ properties: [{ name: 'targetPorts', value: '80' }] });
    const secrets = { password: '', digestSha256: null, digestMd5: null };
    await store.devices.add({ id: 'dev2', domain: 'odd', secrets }, 0, null);
    const data = ['alice', 'dev', 'localhost', 'device', 'add', 'claim', 'ID', 'UTC'];
    const left = ({ text }: Answer) =>
      (text.replace(/<style>.*?<\/style>|<code>.*?<\/code>/gs, '').match(/>[^<]+|aria-label="[^"]*/g) ?? [])
        .map((part) => part.replace(/^(>|aria-label=")/, '').replaceAll(/‹[^›]*›|&\w+;/g, ''))
        .flatMap((part) => part.match(/[A-Za-z]{2,}/g) ?? [])
        .filter((word) => !data.includes(word));
    const fresh = 'kettle orbit walnut';
    const change = (form: Record<string, string>) =>
      browse('/account/password', { present: user.password, new: fresh, again: fresh, ...form });
    expect(left(await browse('/log-in'))).toEqual([]);
    expect(left(await logIn({ password: 'wrong' }))).toEqual([]);
    await logIn();
    const pages = [
      ['/', await browse('/'), 'landing.title'],
      ['paged', await browse('/?limit=1'), 'landing.more'],
      ['account', await browse('/account'), 'accountPage.title'],
      ['short', await change({ new: 'short', again: 'short' }), 'accountPage.refused'],
      ['different', await change({ again: 'other' }), 'accountPage.different'],
    ] as const;
    for (const [name, page, key] of pages) {
      expect([name, left(page), page.text.includes(`‹${key}›`)]).toEqual([name, [], true]);
    }
    await store.users.demote('alice', true);
    expect(left(await browse('/'))).toEqual([]);
    let late: Answer | null = null;
    for (let n = 0; n < 12 && late?.status !== 429; n++) late = await change({ present: `guess ${n}` });
    expect([late?.status, late?.text.includes('role="alert">‹refusal.throttled›')]).toEqual([429, true]);
    const totp = await browse('/account/totp', { present: 'guess' });
    expect([totp.status, totp.text.includes('‹refusal.throttled›')]).toEqual([429, true]);
  });

  test('other ways to log in are links, which lead on to where the user wanted to go', async () => {
    await stage.close();
    stage = await Stage.open({ logInLinks: [{ text: 'Log in with Ex & Co', path: '/log-in/ex' }] });
    own = `http://localhost:${stage.port}`;
    const { text } = await browse('/log-in?next=%2Faccount');
    const next = encodeURIComponent(`${own}/account`);
    expect(text).toContain(`<a href="/log-in/ex?next=${next}">Log in with Ex &amp; Co</a>`);
    expect((await logIn({ password: 'wrong' })).text).toContain('Ex &amp; Co');
  });

  test('a log-out goes on elsewhere once it has ended the session here', async () => {
    await stage.close();
    let elsewhere: URL | null = new URL('https://ex.example/end?a=b&hint=it%27s');
    let asked = 0;
    stage = await Stage.open({
      furtherLogOut: async ({ user: { name } }) => ({
        name: `Ex & Co of ${name}`,
        address: async () => {
          asked++;
          expect(await stage.reflector.store.sessions.list(user.name, 10)).toEqual([]);
          return elsewhere;
        },
      }),
    });
    own = `http://localhost:${stage.port}`;
    await logIn();
    const left = await browse('/log-out', {});
    expect([left.status, left.headers.refresh]).toEqual([200, `0; url=${elsewhere.href}`]);
    expect(left.text).toContain(`Ex &amp; Co of ${user.name}`);
    expect(left.text).toContain('<a href="https://ex.example/end?a=b&amp;hint=it%27s">');
    expect(cookies.has('rm-session')).toBe(false);
    await logIn();
    elsewhere = null;
    const stayed = await browse('/log-out', {});
    expect([stayed.status, stayed.headers.location]).toEqual([303, '/log-in']);
    // Nobody is logged in.
    expect((await browse('/log-out', {})).status).toBe(303);
    expect(asked).toBe(2);
  });

  describe('one-time passwords at the account', () => {
    const field = (answer: Answer, name: string) =>
      new RegExp(`name="${name}" value="([^"]*)"`).exec(answer.text)?.[1] ?? '';
    const secretIn = (answer: Answer) =>
      fromBase32(/<code>([A-Z2-7 ]+)<\/code>/.exec(answer.text)?.[1] ?? '');
    const begin = (form: Record<string, string> = {}) =>
      browse('/account/totp', { present: user.password, ...form });
    const confirm = (ticket: string, code: string) => browse('/account/totp/confirm', { ticket, code });
    const codeOf = (answer: Answer) => totpCode(secretIn(answer), stepAt(clock.date()));
    const stored = async () => (await stage.reflector.store.users.get(user.name))?.totpSecret ?? null;

    test('are set up with the present password and a code, and end everything else', async () => {
      expect((await begin()).status).toBe(401);
      await logIn();
      const other = String(cookies.get('rm-session'));
      cookies.clear();
      await logIn();
      const before = String(cookies.get('rm-session'));
      const setup = await begin();
      expect(setup.status).toBe(200);
      expect(setup.text).toContain('<svg role="img" aria-label="QR code of the secret"');
      expect(setup.text).toContain('href="otpauth://totp/rm-reflector:alice?secret=');
      expect(setup.text).not.toMatch(/<script|style=|src=/);
      const wrong = await confirm(field(setup, 'ticket'), '000000');
      expect([wrong.status, wrong.text.includes('not the current code')]).toEqual([422, true]);
      expect(secretIn(wrong)).toEqual(secretIn(setup));
      expect(await stored()).toBeNull();
      const code = codeOf(wrong);
      const done = await confirm(field(wrong, 'ticket'), code);
      expect(done.status).toBe(200);
      expect(done.text.match(/<li><code>[a-z2-9]{4}(-[a-z2-9]{4}){3}<\/code>/g)).toHaveLength(10);
      expect(await stored()).toEqual(secretIn(setup));
      expect(await status('/account')).toBe(200);
      for (const former of [before, other]) {
        cookies.set('rm-session', former);
        expect(await status()).toBe(303);
      }
      cookies.clear();
      // The code is used up, a recovery code is not.
      const ticket = field(await logIn(), 'ticket');
      expect((await browse('/log-in/code', { ticket, code, next: '/' })).status).toBe(403);
      const recovery = /<li><code>([^<]+)/.exec(done.text)?.[1] ?? '';
      expect((await browse('/log-in/code', { ticket, code: recovery, next: '/' })).status).toBe(303);
    });

    test('move to another app with a code only', async () => {
      await stage.reflector.store.users.setTotp(await accountOf(stage.reflector.store, user.name), {
        secret,
        step: 0,
        recovery: [],
      });
      const ticket = field(await logIn(), 'ticket');
      const right = () => totpCode(secret, stepAt(clock.date()));
      await browse('/log-in/code', { ticket, code: right(), next: '/' });
      clock.advance(60_000);
      expect((await begin()).status).toBe(403);
      expect((await begin({ code: '123456' })).status).toBe(403);
      const setup = await begin({ code: right() });
      expect(setup.status).toBe(200);
      expect((await confirm(field(setup, 'ticket'), codeOf(setup))).status).toBe(200);
      expect(await stored()).toEqual(secretIn(setup));
    });

    test('a ticket is good for its user, for a time, and under the present password', async () => {
      await logIn();
      expect((await begin({ present: 'wrong' })).status).toBe(403);
      const setup = await begin();
      const ticket = field(setup, 'ticket');
      for (const foreign of ['', 'x.y', `${ticket}x`, ticket.replace(/^./, 'f')]) {
        expect((await confirm(foreign, codeOf(setup))).status).toBe(422);
      }
      clock.advance(300_000);
      expect((await confirm(ticket, codeOf(setup))).status).toBe(422);
      const late = await begin();
      await stage.reflector.store.users.setPassword(user.name, 'another');
      expect((await confirm(field(late, 'ticket'), codeOf(late))).status).toBe(401);
      expect(await stored()).toBeNull();
    });

    test('no page of another host sets them up', async () => {
      await logIn();
      const elsewhere = { Origin: `http://dev1.localhost:${stage.port}` };
      expect((await browse('/account/totp', { present: user.password }, elsewhere)).status).toBe(403);
      const setup = await begin();
      const form = { ticket: field(setup, 'ticket'), code: codeOf(setup) };
      expect((await browse('/account/totp/confirm', form, elsewhere)).status).toBe(403);
      expect(await stored()).toBeNull();
    });
  });

  test('the present password cannot be guessed by a session that was taken', async () => {
    await logIn();
    const guess = (n: number) =>
      browse('/account/password', {
        present: `guess ${n}`,
        new: 'kettle orbit walnut',
        again: 'kettle orbit walnut',
      });
    for (let n = 0; n < 10; n++) expect((await guess(n)).status).toBe(403);
    expect((await guess(10)).status).toBe(429);
  });

  test.each(['//', '//[', '/log-in?next=%', '/log-in?next=http://[', '/%', '/account?%'])(
    'the target %s breaks nothing',
    async (path) => {
      expect((await browse(path)).status).toBeLessThan(500);
    },
  );
});
