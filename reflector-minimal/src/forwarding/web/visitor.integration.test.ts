import type { IncomingMessage } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask } from '../../testing/ask.ts';
import { BrowserSession } from '../../testing/browser-session.ts';
import { CookieBrowser } from '../../testing/cookie-browser.ts';
import { authorization, device, extensions, Stage, user } from '../../testing/stage.ts';

/** What a device learns of who asks, if it wants to know. */

const visitorKey = 'k'.repeat(43);

let stage: Stage;
let seen: IncomingMessage[];

beforeEach(async () => {
  seen = [];
  stage = await Stage.open();
});
afterEach(() => stage.close());

const serve = (key?: string) =>
  stage.web(
    (request, response) => {
      seen.push(request);
      response.end();
    },
    { extensions, ...(key === undefined ? {} : { visitorKey: key }) },
  );

const visitors = () => seen.map(({ headers }) => headers['x-rm-visitor']);

test('is the name of the user, by the key of the device, however they have logged in', async () => {
  await serve(visitorKey);
  const browser = await BrowserSession.open(stage);
  const Cookie = await browser.deviceCookie(device.id);
  await ask(stage.port, '/', { headers: { Authorization: authorization } });
  await ask(stage.port, '/', { headers: { Authorization: [], Cookie } });
  expect(visitors()).toEqual([`${visitorKey} ${user.name}`, `${visitorKey} ${user.name}`]);
});

test('is nothing that a user has sent', async () => {
  await serve(visitorKey);
  const forged = { 'X-RM-Visitor': `${visitorKey} admin`, X_RM_Visitor: `${visitorKey} admin` };
  await ask(stage.port, '/', { headers: { Authorization: authorization, ...forged } });
  expect(visitors()).toEqual([`${visitorKey} ${user.name}`]);
  expect(JSON.stringify(seen[0]?.rawHeaders)).not.toContain('admin');
});

test.each([undefined, '', 'k'.repeat(42), 'k'.repeat(44), `${'k'.repeat(42)}!`])(
  'is nothing for a device with the key %j',
  async (key) => {
    await serve(key);
    const headers = { Authorization: authorization, 'X-RM-Visitor': 'x alice' };
    expect((await ask(stage.port, '/', { headers })).status).toBe(200);
    expect(visitors()).toEqual([undefined]);
  },
);

test('is nothing on the host that devices share, where their pages could ask for each other', async () => {
  const sharing = await Stage.open({ cookieHost: 'view.example' });
  try {
    await sharing.web(
      (request, response) => {
        seen.push(request);
        response.end('page');
      },
      { extensions, visitorKey },
    );
    const own = `http://localhost:${sharing.port}`;
    const browser = new CookieBrowser(sharing.port);
    browser.put('localhost', (await BrowserSession.open(sharing)).ownCookie);
    let answer = await browser.ask(`${own}/my-devices/choose`, {
      method: 'POST',
      body: `device=${device.id}`,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: own },
    });
    while (answer.status === 303) answer = await browser.get(String(answer.headers.location));
    expect(answer.text).toBe('page');
    expect(visitors()).toEqual([undefined]);
  } finally {
    await sharing.close();
  }
});
