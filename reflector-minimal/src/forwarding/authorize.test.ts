import { beforeEach, describe, expect, test } from 'vitest';
import type { Origin } from '../http/origin.ts';
import type { Identity, Session } from '../ports/identity.ts';
import type { UserRecord } from '../ports/store.ts';
import { refusals } from '../refusals/catalogue.ts';
import { rightsByRole } from '../rights/by-role.ts';
import { incoming } from '../testing/incoming.ts';
import { authorize, authorizeConnect } from './authorize.ts';

const origin: Origin = {
  protocol: 'https',
  authority: 'dev1.r.example',
  address: '192.0.2.1',
  forwardedFor: '192.0.2.1',
};
const record = (id: string, domain: string) => ({ id, uid: `uid of ${id}`, domain, handedOver: false });
const devices = [record('dev1', 'acme'), record('hidden', 'other')];

let asked: string[];
const context = {
  cache: {
    device: async (id: string) => {
      asked.push(id);
      return devices.find((device) => device.id === id) ?? null;
    },
  },
  rights: rightsByRole,
  domain: 'r.example',
  cookieHost: 'view.r.example',
};
beforeEach(() => {
  asked = [];
});

function identity(kind: 'password' | 'device' = 'password', role: UserRecord['role'] = 'user'): Identity {
  const user = { name: 'alice', role, domains: ['acme'] } as unknown as UserRecord;
  const session = kind === 'device' ? ({ kind } as Session) : null;
  return { user, session, until: Number.POSITIVE_INFINITY, by: kind, credential: 'password' };
}

describe('to a host of devices', () => {
  const at = (label: string | null, rawHeaders: readonly string[] = [], who = identity(), shared = false) => {
    const host = shared ? ({ kind: 'shared' } as const) : ({ kind: 'device', label: label ?? '' } as const);
    return authorize(context, incoming(rawHeaders), host, origin, { identity: who, label });
  };

  test('a user has the devices of the domains granted, an administrator all', async () => {
    const who = identity();
    expect(await at('dev1', [], who)).toEqual({
      identity: who,
      label: 'dev1',
      named: { ...devices[0], port: null },
      access: { ports: null, until: Number.POSITIVE_INFINITY },
    });
    expect(await at('dev1-80')).toMatchObject({ label: 'dev1-80', named: { id: 'dev1', port: 80 } });
    expect(await at('hidden', [], identity('password', 'administrator'))).toMatchObject({
      named: { id: 'hidden' },
    });
  });

  test('what is not seen does not exist, in every word', async () => {
    expect(await at('hidden')).toEqual(refusals.unknownDevice('hidden'));
    expect(await at('nothing')).toEqual(refusals.unknownDevice('nothing'));
    expect(await at(null)).toEqual(refusals.unknownDevice(''));
  });

  test('where the request comes from is looked at before the device is', async () => {
    const foreign = ['Origin', 'https://evil.example'];
    for (const label of ['dev1', 'hidden', 'nothing']) {
      expect(await at(label, foreign, identity('device'))).toBe(refusals.otherOrigin);
    }
    expect(asked).toEqual([]);
  });

  test('service workers are let in on the host of one device, not on a shared one', async () => {
    const script = ['Service-Worker', 'script'];
    expect(await at('dev1', script)).toMatchObject({ label: 'dev1' });
    expect(await at('dev1', script, identity(), true)).toBe(refusals.serviceWorker);
    expect(await at('dev1', [], identity(), true)).toMatchObject({ label: 'dev1' });
  });
});

describe('by CONNECT', () => {
  const to = (url: string, who = identity()) =>
    authorizeConnect(context, incoming([], { method: 'CONNECT', url }), { identity: who, label: null });

  test('a device that the user sees', async () => {
    const who = identity();
    expect(await to('dev1.r.example:22', who)).toEqual({
      identity: who,
      label: 'dev1',
      named: { ...devices[0], port: null },
      access: { ports: null, until: Number.POSITIVE_INFINITY },
    });
  });

  test.each(['example.org:80', 'r.example:443', 'view.r.example:80', '127.0.0.1:22', ''])(
    '%j is no device',
    async (url) => {
      expect(await to(url)).toBe(refusals.noProxy);
      expect(asked).toEqual([]);
    },
  );

  test('what is not seen does not exist, and a label with a port names none', async () => {
    expect(await to('hidden.r.example:22')).toEqual(refusals.unknownDevice('hidden'));
    expect(await to('nothing.r.example:22')).toEqual(refusals.unknownDevice('nothing'));
    expect(await to('dev1-80.r.example:22')).toEqual(refusals.unknownDevice('dev1-80'));
  });
});
