import { describe } from 'vitest';
import { type AuthenticatorHarness, authenticatorConformance } from '../ports/conformance/authenticators.ts';
import { Tokens } from '../sessions/tokens.ts';
import { MemoryUsers } from '../testing/memory-users.ts';
import { sessionAuthenticator } from './session-authenticator.ts';
import { tokenAuthenticator } from './token-authenticator.ts';

/** The same text but for its first character. */
function changed(text: string): string {
  return `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`;
}

const facts = { address: '192.0.2.1', agent: 'Browser/1' };

describe('password', () => {
  authenticatorConformance(async (): Promise<AuthenticatorHarness<'password'>> => {
    const users = await MemoryUsers.open();
    return {
      authenticator: users.local,
      clock: users.clock,
      user: await users.alice(),
      valid: { name: 'alice', password: 'wonderland' },
      wrong: { name: 'alice', password: 'looking-glass' },
      unknown: { name: 'nobody', password: 'looking-glass' },
      withSecret: (password) => ({ name: 'alice', password }),
      work: () => users.hashed,
      revoke: async () => void (await users.store.users.setPassword('alice', 'another hash')),
      close: async () => users.store.close(),
    };
  });
});

describe('session', () => {
  authenticatorConformance(async (): Promise<AuthenticatorHarness<'session'>> => {
    const users = await MemoryUsers.open();
    const { store, clock, sessions } = users;
    const alice = await users.alice();
    const opened = await sessions.create(alice, { kind: 'own', ...facts });
    if (!opened) throw new Error('no session');
    const place = { kind: 'own' } as const;
    const withSecret = (secret: string) => ({ secret, place });
    let lookUps = 0;
    return {
      authenticator: sessionAuthenticator({
        find: (...asked) => {
          lookUps++;
          return sessions.find(...asked);
        },
      }),
      clock,
      user: alice,
      valid: withSecret(opened.secret),
      wrong: withSecret(changed(opened.secret)),
      unknown: withSecret('A'.repeat(43)),
      withSecret,
      work: () => lookUps,
      revoke: async () => void (await sessions.end(opened.session)),
      close: async () => store.close(),
    };
  });
});

describe('token', () => {
  authenticatorConformance(async (): Promise<AuthenticatorHarness<'token'>> => {
    const users = await MemoryUsers.open();
    const { store, clock, sessions } = users;
    const alice = await users.alice();
    const tokens = new Tokens(Buffer.alloc(32, 1), 60, sessions, clock);
    const issued = await tokens.issue(alice, { application: 'app', address: facts.address });
    if (!issued) throw new Error('no token');
    const [, signed = '', signature = ''] = /^(.*)\.(.*)$/.exec(issued.token) ?? [];
    let lookUps = 0;
    return {
      authenticator: tokenAuthenticator({
        verify: (token) => {
          lookUps++;
          return tokens.verify(token);
        },
      }),
      clock,
      user: alice,
      valid: { token: issued.token },
      wrong: { token: `${signed}.${changed(signature)}` },
      unknown: { token: 'A.B.C' },
      withSecret: (token) => ({ token }),
      work: () => lookUps,
      revoke: async () => void (await sessions.endAll('alice')),
      close: async () => store.close(),
    };
  });
});
