import { describe, expect, it } from 'vitest';
import { dialSettings } from './dial-settings.ts';
import { AgentHost } from './host/simulated/agent-host.ts';
import { defaultLimits } from './limits.ts';

function settingsFor(given: object) {
  const host = new AgentHost();
  const settings = dialSettings(host, host.configure(given), defaultLimits, []);
  if ('error' in settings) throw new Error(settings.error);
  return settings;
}

describe('dialSettings', () => {
  it.each([
    ['http://proxy:3128', { secure: false, host: 'proxy', port: 3128 }, null],
    ['https://proxy/', { secure: true, host: 'proxy', port: 443 }, null],
    ['http://[2001:db8::1]:8080', { secure: false, host: '2001:db8::1', port: 8080 }, null],
    ['http://u:p@proxy', { host: 'proxy', port: 80 }, { user: 'u', password: 'p' }],
    ['http://u@proxy', { host: 'proxy' }, { user: 'u', password: '' }],
    ['http://u%40x:p%3Aq%2F@proxy', { host: 'proxy' }, { user: 'u@x', password: 'p:q/' }],
    ['http://u:100%@proxy', { host: 'proxy' }, { user: 'u', password: '100%' }],
  ])('reads the proxy %s', (proxy, uri, credentials) => {
    expect(settingsFor({ proxy }).proxy).toMatchObject({ uri, credentials });
  });

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
      reflector: { secure: true, host: 'r.example', port: 8443, target: '/x' },
      method: 'POST',
      auth: 'digest',
      credentials: { user: 'i@d', password: '' },
      pins: [`${'A'.repeat(43)}=`],
      tls: { ca: null, certificate: null, key: null, minVersion: '1.3', verify: false },
      stepTimeoutMs: 7000,
      proxy: null,
    });
  });

  it.each([
    [
      'not there',
      { file: '/missing' },
      'device.password: the secret file /missing cannot be read: no such file',
    ],
    ['not set', { env: 'NOPE' }, 'device.password: the environment variable NOPE is not set'],
  ])('says which secret is %s', (_name, password, error) => {
    const host = new AgentHost();
    host.files.content.set('/missing', new Uint8Array());
    const configuration = host.configure({ device: { id: 'i', domain: 'd', password } });
    host.files.content.delete('/missing');
    expect(dialSettings(host, configuration, defaultLimits, [])).toEqual({ error });
  });
});
