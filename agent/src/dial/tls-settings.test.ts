import { describe, expect, it } from 'vitest';
import { AgentHost } from '../../simulation/agent-host.ts';
import { buildDate } from '../config/version.ts';
import { tlsSettings } from './tls-settings.ts';

const pins = [`sha256/${'A'.repeat(43)}=`, `sha256/${'B'.repeat(43)}=`];

function settings(tls: object, secureProxy = false, host = new AgentHost(), secure = true) {
  return tlsSettings(host, host.configure({ tls }).tls, secure, secureProxy);
}

function withoutAuthorities(): AgentHost {
  const host = new AgentHost();
  delete host.network.ownAuthorities;
  return host;
}

describe('tlsSettings', () => {
  it('trusts authorities, pins as well, or pins alone', () => {
    const plain = { tls: { verify: true }, proxyTls: { verify: true } };
    const words = expect.stringContaining('those of the simulation');
    expect(settings({})).toMatchObject({ ...plain, trusted: words, pins: [] });
    const keys = pins.map((pin) => pin.slice(7));
    expect(settings({ pins })).toMatchObject({
      ...plain,
      trusted: expect.stringMatching(/^those of the simulation.*, and one of 2 pinned keys$/),
      pins: keys,
    });
    expect(settings({ pins: [pins[0]], pinMode: 'replace' })).toMatchObject({
      tls: { verify: false },
      proxyTls: { verify: true },
      trusted: 'the pinned key',
    });
    expect(settings({ verify: false })).toMatchObject({ tls: { verify: false }, trusted: null });
  });

  it('shows a proxy neither the certificate nor the key of the device', () => {
    const host = new AgentHost();
    host.files.content.set('/c.pem', Uint8Array.of(1));
    expect(settings({ cert: '/c.pem' }, true, host)).toMatchObject({
      tls: { certificate: '/c.pem', key: null },
      proxyTls: { certificate: null, key: null },
    });
  });

  it.each(['ca', 'cert', 'key'])(
    'says that the file of %s is missing or empty, before anybody is dialled',
    (name) => {
      const host = new AgentHost();
      const tls = { ca: '/ca', cert: '/cert', key: '/key' };
      for (const file of Object.values(tls)) host.files.content.set(file, Uint8Array.of(1));
      expect(settings(tls, false, host)).not.toHaveProperty('error');
      host.files.content.set(`/${name}`, new Uint8Array());
      expect(settings(tls, false, host)).toEqual({ error: `tls.${name}: /${name}: is empty` });
      host.files.content.delete(`/${name}`);
      expect(settings(tls, false, host)).toEqual({ error: `tls.${name}: /${name}: no such file` });
      // Plain HTTP needs none of them, and never takes other authorities instead.
      expect(settings(tls, false, host, false)).toMatchObject({ tls: { ca: '/ca' } });
    },
  );

  it('wants authorities only where they are needed for sure', () => {
    const error = {
      error: expect.stringMatching(/^no trusted certificates on this system: none at .*see tls.ca$/),
    };
    expect(settings({}, false, withoutAuthorities())).toEqual(error);
    expect(settings({}, true, withoutAuthorities(), false)).toEqual(error);
    expect(settings({ pins, pinMode: 'replace' }, true, withoutAuthorities())).toEqual(error);
    expect(settings({ pins, pinMode: 'replace' }, false, withoutAuthorities())).not.toHaveProperty('error');
    expect(settings({ verify: false }, true, withoutAuthorities())).not.toHaveProperty('error');
    expect(settings({}, false, withoutAuthorities(), false)).toMatchObject({
      trusted: null,
      tls: { ca: null },
    });
  });

  it('judges dates by the day of the build as long as the clock is before it, and if it is to', () => {
    const host = new AgentHost();
    const at = (date: number, tls = {}) => {
      host.clock.wallOffset = date - host.clock.now();
      return settings(tls, false, host);
    };
    for (const date of [0, buildDate - 1]) {
      expect(at(date)).toMatchObject({ tls: { judgedAt: buildDate }, proxyTls: { judgedAt: buildDate } });
      expect(at(date, { clock: 'system' })).toMatchObject({ tls: { judgedAt: null } });
    }
    expect(at(buildDate)).toMatchObject({ tls: { judgedAt: null }, proxyTls: { judgedAt: null } });
  });
});
