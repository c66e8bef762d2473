import { describe, expect, it } from 'vitest';
import { placeholders } from './placeholders.mjs';

describe('what is to be filled in', () => {
  it('is named with its place', () => {
    const agent = {
      reflector: ['https://r.example.com/', 'https://tunnel.maker.de/'],
      device: {
        id: '${nodeId}',
        domain: '00000000-0000-4000-8000-000000000000',
        password: { file: '/etc/secret' },
      },
      services: [{ port: 80 }],
      log: { to: { file: '/var/log/rm-agent.log' } },
    };
    expect(placeholders(agent)).toEqual([
      'reflector[0]: in place of https://r.example.com/',
      'device.domain: in place of 00000000-0000-4000-8000-000000000000',
      '/etc/secret: the secret of device.password, of mode 0600',
    ]);
  });

  it('is nothing in a finished configuration', () => {
    const agent = { reflector: 'https://example.company/', device: { domain: 'd', password: 'p' } };
    expect(placeholders(agent)).toEqual([]);
  });
});
