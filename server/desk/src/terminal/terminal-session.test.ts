import { afterEach, expect, test, vi } from 'vitest';
import type { KnownHostKey, Opening, Question, Reply } from '../../../dashboard/src/desk/messages.ts';
import { Bridge } from '../bridge/bridge.ts';
import { browserKey } from '../ssh/browser-key.ts';
import type { Screen } from './screen.ts';
import { TerminalSession } from './terminal-session.ts';

const opening: Opening = {
  desk: 'open',
  device: 'pump',
  name: '',
  port: 22,
  user: 'alice',
  screenReader: false,
};
const key = { type: 'ssh-ed25519', key: 'ssh-ed25519 AAAA', fingerprint: 'SHA256:AAAA' };
let ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends) end();
  ends = [];
});

const bobs: KnownHostKey = {
  port: 22,
  key: 'ssh-ed25519 BBBB',
  fingerprint: 'SHA256:BBBB',
  added: '2026-01-01T00:00:00Z',
  addedBy: 'bob',
};

/** A session whose dashboard knows `known`, and refuses each key with the text `refused`. `gone`: nothing is left to forget. */
function sessionWith(known: KnownHostKey | null, refused: string | null, gone = false) {
  const asked: string[] = [];
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = ({ data: { ask, name } }: MessageEvent<Question>) => {
    asked.push(name);
    const isRefused = name === 'ticket' || (name === 'trustHostKey' && refused !== null);
    const missing: Reply = { answer: ask, fault: 404, text: 'no host key' };
    const reply: Reply =
      gone && name === 'forgetHostKey'
        ? missing
        : isRefused
          ? { answer: ask, fault: 409, text: refused ?? 'no ticket' }
          : { answer: ask, value: name === 'hostKey' ? known : undefined };
    port2.postMessage(reply);
  };
  ends.push(() => port2.close());
  const screen = { say: vi.fn(), leaveModes: vi.fn() };
  const session = new TerminalSession(new Bridge(opening, port1), () => screen as unknown as Screen);
  return { session, asked };
}

test('a key that the server does not keep is said with the words of the server', async () => {
  const { session, asked } = sessionWith(null, 'as many host keys as are kept');
  await session.trust(key, null);
  expect(session.stage.value).toEqual({ at: 'over', why: 'as many host keys as are kept', again: true });
  expect(asked).toEqual(['trustHostKey', 'hostKey']);
});

test('where somebody else trusts another key, it is connected again', async () => {
  const { session, asked } = sessionWith(bobs, 'another one is remembered');
  await session.trust(key, null);
  expect(asked).toEqual(['trustHostKey', 'hostKey', 'hostKey', 'ticket']);
});

test.each([
  ['before it was asked for', null, false, ['hostKey', 'trustHostKey']],
  ['just then', bobs, true, ['hostKey', 'forgetHostKey', 'trustHostKey']],
])('a known key that was forgotten elsewhere %s is replaced all the same', async (_, known, gone, calls) => {
  const { session, asked } = sessionWith(known, null, gone);
  await session.trust(key, bobs);
  expect([session.stage.value.at, asked]).toEqual(['logIn', calls]);
});

test('a key that somebody else has trusted meanwhile is not replaced unseen', async () => {
  const { session, asked } = sessionWith(bobs, 'another one is remembered');
  await session.trust(key, { ...bobs, key: 'ssh-ed25519 CCCC' });
  expect(asked).toEqual(['hostKey', 'trustHostKey', 'hostKey', 'hostKey', 'ticket']);
});

test('an answer that comes when the connection is over shows no log-in', async () => {
  for (const refused of [null, 'as many as are kept']) {
    const { session } = sessionWith(null, refused);
    const trusted = session.trust(key, null);
    session.close();
    await trusted;
    expect(session.stage.value).toEqual({ at: 'connecting' });
  }
  const { session } = sessionWith(null, null);
  const made = session.makeKey();
  session.close();
  await made;
  expect(session.stage.value).toEqual({ at: 'connecting' });
  expect(await browserKey('alice')).not.toBeNull();
});
