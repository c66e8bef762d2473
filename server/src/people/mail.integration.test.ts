import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ApiClient } from '../testing/api-client.ts';
import { TestServer, type TestServerOptions } from '../testing/test-server.ts';
import { forgottenPath, setPasswordPath } from './password-pages.ts';

interface Received {
  readonly to: readonly string[];
  readonly text: string;
}

let smtp: SMTPServer;
let port: number;
let mails: Received[];
let server: TestServer;
let alice: ApiClient;
let logIns: (string | undefined)[];

async function openSmtp(options: SMTPServerOptions = {}): Promise<void> {
  smtp = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) => {
      logIns.push(username);
      if (username === 'devices' && password === 'sesame') done(null, { user: username });
      else done(new Error('wrong'));
    },
    onData: (stream, { envelope }, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.once('end', () => {
        // Quoted-printable (RFC 2045 section 6.7).
        const plain = text.replaceAll('=\r\n', '').replaceAll('=3D', '=');
        mails.push({ to: envelope.rcptTo.map(({ address }) => address), text: plain });
        done();
      });
    },
    ...options,
  });
  smtp.on('error', () => {});
  const listening = smtp.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  port = (listening.address() as AddressInfo).port;
}

async function open(
  mail: Readonly<Record<string, unknown>> = {},
  options: TestServerOptions = {},
  own: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  server = await TestServer.start({
    own: {
      publicUrl: 'https://devices.example.com',
      mail: {
        url: `smtp://127.0.0.1:${port}`,
        from: 'Devices <devices@example.com>',
        startTls: 'never',
        ...mail,
      },
      ...own,
    },
    ...options,
  });
  alice = await server.signedIn('alice');
}

beforeEach(() => {
  [mails, logIns] = [[], []];
});
afterEach(async () => {
  await server.close();
  await new Promise<void>((resolve) => smtp.close(resolve));
});

const mail = async (count = 1): Promise<Received> => {
  await expect.poll(() => mails.length).toBe(count);
  const last = mails.at(-1);
  if (!last) throw new Error('no mail');
  return last;
};
const tokenIn = ({ text }: Received): string => {
  const [, token] =
    /https:\/\/devices\.example\.com\/my-devices\/set-password\?token=([\w-]{43})\r\n/.exec(text) ?? [];
  if (token === undefined) throw new Error(text);
  return token;
};

/** As the browser of a person, with the form of our own page. */
function browse(
  path: string,
  fields?: Readonly<Record<string, string>>,
): Promise<{ status: number; text: string; headers: Readonly<Record<string, unknown>> }> {
  const host = `localhost:${server.reflector.port}`;
  const body = fields && String(new URLSearchParams(fields));
  const headers = {
    host,
    'user-agent': 'Mozilla/5.0',
    accept: 'text/html',
    ...(body === undefined
      ? {}
      : {
          origin: `http://${host}`,
          'sec-fetch-site': 'same-origin',
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': String(body.length),
        }),
  };
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: server.reflector.port,
      path,
      headers,
      method: body === undefined ? 'GET' : 'POST',
    };
    request(options, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers }),
      );
    })
      .on('error', reject)
      .end(body);
  });
}
const password = 'three blue horses';

test('a mail has the words of the brand, in the language that the addressee has chosen', async () => {
  await openSmtp();
  await open({}, {}, { branding: fileURLToPath(new URL('../../../examples/branding', import.meta.url)) });
  await server.addUser('carol', 'acme');
  const carol = await server.signedIn('carol');
  expect(
    (await alice.patch('/users/carol', { email: 'carol@example.com' }, { 'if-match': '*' })).status,
  ).toBe(200);
  expect((await alice.post('/users/carol/invitation')).status).toBe(202);
  const english = await mail();
  expect(english.text).toContain('Subject: Welcome to Tidewater Remote\r\n');
  expect(english.text).toContain('Hello carol,');
  expect(tokenIn(english)).toHaveLength(43);
  expect((await carol.put('/account/preferences', { language: 'de' })).status).toBe(200);
  expect((await alice.post('/users/carol/invitation')).status).toBe(202);
  const german = await mail(2);
  expect(german.text).toContain('Subject: Willkommen bei Tidewater Remote\r\n');
  expect(german.text).toContain('Guten Tag carol,');
  expect(tokenIn(german)).not.toBe(tokenIn(english));
});

describe('an invitation', () => {
  beforeEach(async () => {
    await openSmtp();
    await open();
  });

  test('lets a person set a password, once', async () => {
    const body = { name: 'carol', email: 'carol@example.com', invite: true };
    expect((await alice.post('/users', body)).status).toBe(201);
    const received = await mail();
    expect(received.to).toEqual(['carol@example.com']);
    const token = tokenIn(received);
    const page = await browse(`${setPasswordPath}?token=${token}`);
    expect([page.status, page.headers['cache-control']]).toEqual([200, 'no-store']);
    expect(page.text).toContain('<b>carol</b>');
    const set = (fields: object) =>
      browse(setPasswordPath, { token, new: password, again: password, ...fields });
    expect((await set({ again: 'other' })).status).toBe(422);
    expect((await set({ new: 'password123', again: 'password123' })).text).toContain('The password is');
    expect((await set({ token: 'x'.repeat(43) })).status).toBe(410);
    expect(await set({})).toMatchObject({ status: 303, headers: { location: '/log-in' } });
    expect((await set({})).status).toBe(410);
    expect((await browse(`${setPasswordPath}?token=${token}`)).status).toBe(410);
    expect((await server.as('carol', password).get('/account')).status).toBe(200);
  });

  test('is worth nothing once another one was sent, or the user is gone', async () => {
    await alice.post('/users', { name: 'carol', email: 'carol@example.com', invite: true });
    const first = tokenIn(await mail());
    expect((await alice.post('/users/carol/invitation')).status).toBe(202);
    const second = tokenIn(await mail(2));
    expect((await browse(`${setPasswordPath}?token=${first}`)).status).toBe(410);
    expect((await browse(`${setPasswordPath}?token=${second}`)).status).toBe(200);
    await alice.delete('/users/carol');
    expect((await browse(`${setPasswordPath}?token=${second}`)).status).toBe(410);
  });

  test('is not sent to somebody whose password a directory keeps', async () => {
    await alice.post('/users', { name: 'carol', email: 'carol@example.com' });
    await server.sql(
      `INSERT INTO fleet_directory_members ("user", uid, source, id, login, until)
       SELECT name, uid, 'ldap', 'carol', name, 0 FROM users WHERE name = 'carol'`,
    );
    const { status, text } = await alice.post('/users/carol/invitation');
    expect([status, text]).toEqual([409, expect.stringContaining('kept by the directory ldap')]);
    expect(mails).toEqual([]);
  });

  test.each([
    ['password', { password }],
    ['mail address', { email: 'new@example.com' }],
  ])('is worth nothing once another %s was set', async (_what, changes) => {
    await alice.post('/users', { name: 'carol', email: 'carol@example.com', invite: true });
    const token = tokenIn(await mail());
    expect((await alice.patch('/users/carol', { fullName: 'C' }, { 'if-match': '*' })).status).toBe(200);
    expect((await browse(`${setPasswordPath}?token=${token}`)).status).toBe(200);
    expect((await alice.patch('/users/carol', changes, { 'if-match': '*' })).status).toBe(200);
    expect((await browse(`${setPasswordPath}?token=${token}`)).status).toBe(410);
    const set = { token, new: 'six red apples', again: 'six red apples' };
    expect((await browse(setPasswordPath, set)).status).toBe(410);
  });

  test('the secret is stored as a hash', async () => {
    await alice.post('/users', { name: 'carol', email: 'carol@example.com', invite: true });
    const token = tokenIn(await mail());
    expect(JSON.stringify(server.records)).not.toContain(token);
    for (const file of readdirSync(server.folder)) {
      expect(readFileSync(join(server.folder, file)).includes(token)).toBe(false);
    }
  });

  test('a page of a device cannot set a password', async () => {
    const host = `localhost:${server.reflector.port}`;
    const answer = await new Promise<number>((resolve, reject) => {
      const headers = {
        host,
        origin: `http://dev1.${host}`,
        'sec-fetch-site': 'same-site',
        'content-type': 'application/x-www-form-urlencoded',
      };
      request(
        { host: '127.0.0.1', port: server.reflector.port, path: setPasswordPath, method: 'POST', headers },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      )
        .on('error', reject)
        .end('token=x');
    });
    expect(answer).toBe(403);
  });
});

describe('a mail for another password', () => {
  beforeEach(async () => {
    await openSmtp();
    await open({}, { limits: { resetsPerUser: 2, openCallsPerAddress: 6 } });
    await alice.patch('/users/bob', { email: 'Bob@example.com' }, { 'if-match': '*' });
  });

  const ask = (user: string) => server.client().post('/password-reset', { user });

  test('goes to who has this name or address; the answer tells nobody', async () => {
    const answers = [await ask('nobody'), await ask('alice'), await ask('bob@EXAMPLE.com')];
    expect(answers.map(({ status, text }) => [status, text])).toEqual(Array(3).fill([202, '']));
    const received = await mail();
    expect(received.to).toEqual(['Bob@example.com']);
    const session = await server.signedIn('bob');
    const token = tokenIn(received);
    await browse(setPasswordPath, { token, new: password, again: password });
    // Whoever knew the old password is out.
    expect((await session.get('/account')).status).toBe(401);
    expect((await server.as('bob', password).get('/account')).status).toBe(200);
  });

  test('is asked for on a page too, whose answer is the same for everybody', async () => {
    expect((await browse('/log-in')).text).toMatch(
      new RegExp(`href="${forgottenPath}[^"]*">Forgotten your password\\?`),
    );
    expect((await browse(forgottenPath)).text).toContain('Forgotten your password?');
    const [nobody, bob] = [
      await browse(forgottenPath, { user: 'nobody' }),
      await browse(forgottenPath, { user: 'bob' }),
    ];
    expect(nobody.text).toBe(bob.text);
    expect((await mail()).to).toEqual(['Bob@example.com']);
  });

  test('resetsPerUser, openCallsPerAddress: nobody’s mailbox is filled', async () => {
    const statuses = [];
    for (let n = 0; n < 8; n++) statuses.push((await ask('bob')).status);
    expect(statuses).toEqual([...Array(6).fill(202), 429, 429]);
    await mail(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(mails).toHaveLength(2);
  });
});

test('the server is logged in to with the password of the configuration', async () => {
  await openSmtp({ authOptional: false });
  await open(
    { user: 'devices', password: { env: 'MAIL_PASSWORD' } },
    { environment: { MAIL_PASSWORD: 'sesame' } },
  );
  expect((await alice.post('/users', { name: 'carol', email: 'c@example.com', invite: true })).status).toBe(
    201,
  );
  await mail();
  expect(logIns).toEqual(['devices']);
});

test.each<[string, SMTPServerOptions]>([
  ['that has no TLS', {}],
  ['whose certificate nobody vouches for', { disabledCommands: [] }],
])('a mail server %s gets nothing', async (_title, options) => {
  await openSmtp(options);
  await open({ startTls: 'required', user: 'devices', password: 'sesame' });
  const answer = await alice.post('/users', { name: 'carol', email: 'c@example.com', invite: true });
  expect([answer.status, mails, logIns]).toEqual([502, [], []]);
  // The user is there: the invitation can be sent again.
  expect((await alice.get('/users/carol')).status).toBe(200);
});

test('mailMs: a mail server that says nothing is waited for for a while', async () => {
  await openSmtp();
  const taken: Socket[] = [];
  const silent = createServer((socket) => void taken.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const url = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  await open({ url }, { limits: { mailMs: 200 } });
  const answer = await alice.post('/users', { name: 'carol', email: 'c@example.com', invite: true });
  expect([answer.status, taken.length]).toEqual([502, 1]);
  for (const socket of taken) socket.destroy();
  silent.close();
});
