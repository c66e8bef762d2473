import { describe, expect, it } from 'vitest';
import { AgentHost } from '../../simulation/agent-host.ts';
import { defaultLimits } from '../config/limits.ts';
import { attemptSettings } from './attempt-settings.ts';

function settingsFor(given: object) {
  const host = new AgentHost();
  const settings = attemptSettings(host, host.configure(given), defaultLimits, []);
  if ('error' in settings) throw new Error(settings.error);
  return settings;
}

describe('dialSettings', () => {
  it('takes over the rest of the configuration', () => {
    const pin = `sha256/${'A'.repeat(43)}=`;
    const settings = settingsFor({
      reflector: 'https://r.example:8443/x',
      upgrade: { method: 'POST' },
      device: { id: 'i', domain: 'd', auth: 'digest' },
      tls: { pins: [pin], minVersion: '1.3', verify: false },
      timeouts: { connect: 7 },
    });
    expect(settings).toMatchObject({
      reflectors: [{ secure: true, host: 'r.example', port: 8443, target: '/x' }],
      method: 'POST',
      auth: 'digest',
      credentials: { user: 'i@d', password: '' },
      pins: [`${'A'.repeat(43)}=`],
      tls: { ca: null, certificate: null, key: null, minVersion: '1.3', verify: false },
      stepTimeoutMs: 7000,
    });
  });

  it('reads several reflectors in their order, and the addresses of hosts', () => {
    const { reflectors, addresses } = settingsFor({
      reflector: ['https://a.example/', 'http://b.example/'],
      addresses: { 'a.example': ['203.0.113.7', '2001:db8::7'] },
    });
    expect(reflectors.map(({ host }) => host)).toEqual(['a.example', 'b.example']);
    expect(addresses.get('a.example')).toEqual([
      { address: '203.0.113.7', family: 4 },
      { address: '2001:db8::7', family: 6 },
    ]);
  });

  it('reports what is wrong with a proxy', () => {
    const host = new AgentHost();
    const configuration = host.configure({
      proxy: { uri: 'http://p', user: 'u', password: { env: 'NOPE' } },
    });
    expect(attemptSettings(host, configuration, defaultLimits, [])).toEqual({
      error: 'proxy.password: the environment variable NOPE is not set',
    });
  });

  it.each([
    [
      'not there',
      { file: '/missing' },
      'device.password: the secret file /missing cannot be read: no such file',
    ],
    ['not set', { env: 'NOPE' }, 'device.password: the environment variable NOPE is not set'],
  ])('names the secret that is %s', (_name, password, error) => {
    const host = new AgentHost();
    host.files.content.set('/missing', new Uint8Array());
    const configuration = host.configure({ device: { id: 'i', domain: 'd', password } });
    host.files.content.delete('/missing');
    expect(attemptSettings(host, configuration, defaultLimits, [])).toEqual({ error });
  });
});
