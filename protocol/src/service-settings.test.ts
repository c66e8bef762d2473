import { describe, expect, it } from 'vitest';
import { type AnnouncedService, encodeServiceSettings } from './service-settings.ts';

const plain: AnnouncedService = {
  port: 80,
  kind: 'http',
  target: null,
  targetPort: null,
  host: null,
  forwarded: true,
  headers: 'all',
  connections: null,
  responseTimeout: null,
};

describe('encodeServiceSettings', () => {
  it('has nothing to say of a service with the defaults', () => {
    expect(encodeServiceSettings(plain)).toBeNull();
  });

  it.each<[Partial<AnnouncedService>, string | null]>([
    [{ kind: 'https' }, 'kind=https'],
    [{ kind: 'tcp' }, null],
    [{ target: '10.0.0.7' }, 'target=10.0.0.7'],
    [{ target: 'unix:/run/web.sock' }, null],
    [{ target: 'box.unix:' }, 'target=box.unix:'],
    [{ targetPort: 8080 }, 'targetPort=8080'],
    [{ host: 'camera:81' }, 'host=camera:81'],
    [{ forwarded: false }, 'forwarded=no'],
    [{ headers: 'few' }, 'headers=few'],
    [{ connections: 2 }, 'connections=2'],
    [{ responseTimeout: 90 }, 'responseTimeout=90'],
  ])('%o', (change, value) => {
    const property = value === null ? null : { name: 'service-80', value };
    expect(encodeServiceSettings({ ...plain, ...change })).toEqual(property);
  });

  it('puts all of it in one property of the port', () => {
    const all: AnnouncedService = {
      port: 8443,
      kind: 'https',
      target: 'plc',
      targetPort: 443,
      host: 'plc.local',
      forwarded: false,
      headers: 'few',
      connections: 1,
      responseTimeout: 5,
    };
    expect(encodeServiceSettings(all)).toEqual({
      name: 'service-8443',
      value:
        'kind=https; target=plc; targetPort=443; host=plc.local; forwarded=no; headers=few; connections=1; responseTimeout=5',
    });
  });
});
