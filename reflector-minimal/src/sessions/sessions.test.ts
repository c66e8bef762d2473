import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import type { Session } from '../ports/identity.ts';
import type { UserRecord } from '../ports/store.ts';
import { Store } from '../store/store.ts';
import { Sessions } from './sessions.ts';

const hour = 3600_000;
const facts = { address: '192.0.2.1', agent: 'Browser/1' };
const own = { kind: 'own' } as const;

describe('sessions', () => {
  let store: Store;
  let clock: ManualClock;
  let sessions: Sessions;
  beforeEach(() => {
    store = Store.open(':memory:');
    for (const name of ['alice', 'bob']) store.users.add(name, `hash of ${name}`, 0, 'user');
    clock = new ManualClock();
    sessions = make();
  });

  function make(limits: Partial<Limits> = {}): Sessions {
    return new Sessions(
      store,
      clock,
      { ...defaultLimits, ...limits },
      { absoluteMs: 48 * hour, idleMs: hour },
    );
  }

  function open(name = 'alice', among = sessions): { secret: string; session: Session } {
    const opened = among.create(store.users.get(name) as UserRecord, { ...own, ...facts });
    if (!opened) throw new Error('no session');
    return opened;
  }

  function openDevice(parent: Session, device: string): { secret: string; session: Session } {
    const opened = sessions.create(parent.user, { kind: 'device', device, parent, ...facts });
    if (!opened) throw new Error('no session');
    return opened;
  }

  test('are found by a secret that the store does not have', () => {
    const { secret, session } = open();
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(sessions.find(secret, own)).toEqual(session);
    expect(session).toMatchObject({ kind: 'own', user: { name: 'alice' }, device: null, ...facts });
    expect(JSON.stringify(store.sessions.list('alice'))).not.toContain(secret);
    expect(session.id).not.toContain(secret.slice(0, 8));
    for (const wrong of ['', secret.slice(1), `${secret}x`, 'A'.repeat(43), `${secret.slice(0, 42)}'`]) {
      expect(sessions.find(wrong, own)).toBeNull();
    }
    expect(open().secret).not.toBe(secret);
  });

  test('hold until a time that is known, and that no question about it moves', () => {
    const { secret, session } = open();
    const began = clock.date();
    expect(sessions.holdsUntil(session)).toBe(began + hour);
    clock.advance(hour / 2);
    expect(sessions.holdsUntil(session)).toBe(began + hour);
    expect(sessions.find(secret, own)).not.toBeNull();
    expect(sessions.holdsUntil(session)).toBe(began + 1.5 * hour);
    clock.advance(hour);
    expect(sessions.holdsUntil(session)).toBeNull();
  });

  test('are not opened for an account that has changed since that was decided', () => {
    const before = store.users.get('alice') as UserRecord;
    const create = () => sessions.create(before, { ...own, ...facts });
    expect(create()).not.toBeNull();
    store.users.setTotp('alice', Buffer.alloc(20), 0, []);
    expect(create()).toBeNull();
    store.users.removeTotp('alice');
    expect(create()).not.toBeNull();
    store.users.setPassword('alice', 'another');
    expect(create()).toBeNull();
    store.users.remove('alice');
    store.users.add('alice', before.password, 0, 'user');
    expect(create()).toBeNull();
  });

  test('a device session is good for its device alone, and ends with its parent', () => {
    const { secret, session: parent } = open();
    const { secret: first, session } = openDevice(parent, 'dev1');
    const { secret: second } = openDevice(parent, 'dev2');
    expect(sessions.find(first, { kind: 'device', device: 'dev1' })).toEqual(session);
    expect(sessions.find(first, { kind: 'device', device: 'dev2' })).toBeNull();
    expect(sessions.find(first, own)).toBeNull();
    expect(sessions.find(secret, { kind: 'device', device: 'dev1' })).toBeNull();
    expect(session.expires).toBe(parent.expires);
    expect(sessions.end(session)).toBe(true);
    expect(sessions.find(secret, own)).not.toBeNull();
    expect(sessions.end(parent)).toBe(true);
    expect(sessions.end(parent)).toBe(false);
    expect(sessions.find(second, { kind: 'device', device: 'dev2' })).toBeNull();
    expect(sessions.present(session)).toBeNull();
    expect(sessions.create(parent.user, { kind: 'device', device: 'dev1', parent, ...facts })).toBeNull();
  });

  test('expire when nobody uses them, and at the latest after their time', () => {
    const { secret } = open();
    const { secret: idle } = open();
    for (let passed = 0; passed < 48; passed++) {
      expect([passed, sessions.find(secret, own)?.user.name]).toEqual([passed, 'alice']);
      clock.advance(hour - 1);
    }
    expect(sessions.find(idle, own)).toBeNull();
    expect(sessions.find(secret, own)).not.toBeNull();
    clock.advance(48);
    expect(sessions.find(secret, own)).toBeNull();
    open();
    expect(store.sessions.list('alice')).toHaveLength(1);
  });

  test('the use of a device session keeps its parent', () => {
    const { secret, session } = open();
    const { secret: onDevice } = openDevice(session, 'dev1');
    for (let i = 0; i < 3; i++) {
      clock.advance(hour / 2);
      expect(sessions.find(onDevice, { kind: 'device', device: 'dev1' })).not.toBeNull();
    }
    expect(sessions.find(secret, own)).not.toBeNull();
  });

  test('sessionTouchMs: a use is written once within it', () => {
    const { secret, session } = open();
    const used = () => store.sessions.get(session.hash)?.used;
    clock.advance(defaultLimits.sessionTouchMs - 1);
    sessions.find(secret, own);
    expect(used()).toBe(session.used);
    clock.advance(1);
    sessions.find(secret, own);
    expect(used()).toBe(clock.date());
  });

  test('end with the password and the user, whoever changes them', () => {
    const first = open();
    store.users.setPassword('alice', 'another');
    expect(sessions.find(first.secret, own)).toBeNull();
    expect(store.sessions.list('alice')).toEqual([]);
    const second = open();
    // A log-in with the password of before, which was being verified while it was changed.
    const late = sessions.create(first.session.user, { ...own, ...facts });
    expect(late && sessions.find(late.secret, own)).toBeNull();
    expect(sessions.list('alice').map(({ id }) => id)).toEqual([second.session.id]);
    store.users.remove('alice');
    expect(sessions.find(second.secret, own)).toBeNull();
    expect(sessions.create(first.session.user, { ...own, ...facts })).toBeNull();
    expect([sessions.list('alice'), store.sessions.list('alice')]).toEqual([[], []]);
  });

  test('all of a user end at once, and nobody else’s', () => {
    const [first, second, other] = [open(), open(), open('bob')];
    openDevice(first.session, 'dev1');
    expect(sessions.endAll('alice')).toBe(3);
    expect([sessions.present(first.session), sessions.present(second.session)]).toEqual([null, null]);
    expect(sessions.present(other.session)).not.toBeNull();
  });

  test('sessionsPerUser: the one used longest ago gives way, of this user and kind', () => {
    const few = make({ sessionsPerUser: 2, sessionTouchMs: 1 });
    const other = open('bob', few);
    const [first, second] = [open('alice', few), open('alice', few)];
    openDevice(second.session, 'dev1');
    clock.advance(1000);
    few.find(first.secret, own);
    const third = open('alice', few);
    const alive = [first, second, third, other].map(({ secret }) => few.find(secret, own) !== null);
    expect(alive).toEqual([true, false, true, true]);
  });

  test('sessions: the one used longest ago of all gives way', () => {
    const few = make({ sessions: 2 });
    const first = open('bob', few);
    clock.advance(1000);
    const [second, third] = [open('alice', few), open('alice', few)];
    const alive = [first, second, third].map(({ secret }) => few.find(secret, own) !== null);
    expect(alive).toEqual([false, true, true]);
  });
});
