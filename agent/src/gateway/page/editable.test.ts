import { describe, expect, it } from 'vitest';
import { SimulatedHost } from '../../../simulation/host.ts';
import { type Json, type JsonObject, parseJson } from '../../config/json.ts';
import { changed, shown } from './editable.ts';

const host = new SimulatedHost();

const json = (value: object): JsonObject => parseJson(JSON.stringify(value), () => undefined) as JsonObject;

const edit = (stored: object | null, edited: object) =>
  changed(host, stored && json(stored), json(edited) as Json);

const camera = {
  target: '10.0.0.1',
  device: { id: 'cam-1', domain: 'dom' },
  services: [{ port: 80 }],
};

/** As a person at the gateway has written it. */
const written = {
  ...camera,
  device: {
    id: '${file:/etc/serial}-cam',
    domain: 'dom',
    password: { file: '/etc/secret' },
    properties: { serial: { command: 'serial' } },
  },
  access: { mode: 'consent', ask: '/usr/bin/ask' },
  services: [
    { port: 443, tls: { verify: true, ca: '/etc/ca.pem', key: '/etc/key.pem' }, access: { mode: 'always' } },
    { port: 8080, target: '127.0.0.1' },
  ],
};

describe('the file of a device', () => {
  it('is shown without secrets, and without what only the file has', () => {
    const { secrets, kept, ...rest } = shown(json(written));
    expect(rest).toEqual({
      target: '10.0.0.1',
      device: { id: '${file:/etc/serial}-cam', domain: 'dom' },
      services: [
        { port: 443, tls: { verify: true } },
        { port: 8080, target: '127.0.0.1' },
      ],
    });
    expect(secrets).toEqual({ password: true, enrollKey: false });
    expect(kept).toEqual([
      'access',
      'device.properties',
      'services[0].access',
      'services[0].tls.ca',
      'services[0].tls.key',
    ]);
    const secret = shown(
      json({ ...camera, device: { id: 'x', password: 'S3cret', enroll: { key: 'K3y' } } }),
    );
    expect(JSON.stringify(secret)).not.toMatch(/S3cret|K3y/);
    expect(secret.secrets).toEqual({ password: true, enrollKey: true });
  });

  it('stays the same where the edit is what was shown', () => {
    const { secrets: _, kept: __, ...same } = shown(json(written));
    expect(edit(written, same)).toEqual({ json: written });
  });

  it('keeps what a service has beside, at another port, too', () => {
    const { secrets: _, kept: __, ...same } = shown(json(written));
    const [web, other] = written.services;
    const moved = [
      { port: 8080, was: 443, kind: 'https', tls: { verify: true } },
      { port: 9090, was: 8080, target: '127.0.0.1', targetPort: 8080 },
      { port: 443, was: null, kind: 'tcp' },
    ];
    expect(edit(written, { ...same, services: moved })).toEqual({
      json: {
        ...written,
        services: [
          { ...web, kind: 'https', port: 8080 },
          { ...other, port: 9090, targetPort: 8080 },
          { port: 443, kind: 'tcp' },
        ],
      },
    });
  });

  it('keeps a secret that is not given, and has one that is', () => {
    const named = { ...camera, device: { id: 'cam-1', domain: 'other' } };
    const stored = { ...camera, device: { id: 'cam-1', domain: 'dom', password: 'old' } };
    expect(edit(stored, named)).toEqual({ json: { ...named, device: { ...named.device, password: 'old' } } });
    const set = { ...named, device: { ...named.device, password: 'new' } };
    expect(edit(stored, set)).toEqual({ json: set });
    const enrolled = { ...camera, device: { id: 'cam-1', enrollKey: 'k' } };
    expect(edit(stored, enrolled)).toEqual({
      json: { ...camera, device: { id: 'cam-1', enroll: { key: 'k' } } },
    });
  });

  it.each<[string, object]>([
    ['a program for the ID', { ...camera, device: { id: { command: 'reboot' } } }],
    [
      'a program for a property',
      { ...camera, device: { ...camera.device, properties: { a: { command: 'x' } } } },
    ],
    ['a program for consent', { ...camera, access: { mode: 'consent', ask: '/bin/sh' } }],
    ['a program to notify', { ...camera, notify: { command: '/bin/sh' } }],
    ['a reflector', { ...camera, reflector: 'https://evil.example/' }],
    ['a proxy', { ...camera, proxy: 'http://evil.example/' }],
    ['a file as a secret', { ...camera, device: { ...camera.device, password: { file: '/etc/shadow' } } }],
    ['a file as the ID', { ...camera, device: { id: { file: '/etc/shadow' } } }],
    ['a variable', { ...camera, device: { ...camera.device, name: '${env.SECRET}' } }],
    ['a file by a variable', { ...camera, target: '${file:/etc/shadow}' }],
    [
      'a key of the gateway',
      { ...camera, services: [{ port: 443, tls: { cert: '/etc/c', key: '/etc/k' } }] },
    ],
    ['a certificate authority', { ...camera, services: [{ port: 443, tls: { ca: '/etc/passwd' } }] }],
    ['the gateway itself', { ...camera, target: 'localhost' }],
    ['a loopback address', { ...camera, target: '127.0.0.1' }],
    ['another one', { ...camera, services: [{ port: 80, target: '::1' }] }],
    ['one in disguise', { ...camera, services: [{ port: 80, target: '::ffff:127.0.0.1' }] }],
    ['a link-local address', { ...camera, target: '169.254.169.254' }],
    ['a local socket', { ...camera, services: [{ port: 80, target: 'unix:/run/docker.sock' }] }],
    ['no services', { device: camera.device }],
    ['services of text', { ...camera, services: ['80'] }],
  ])('takes %s from no visitor', (_, edited) => {
    const result = edit(null, edited);
    if ('problems' in result) expect(result.problems.length).toBeGreaterThan(0);
    // What is of a wrong kind reaches the schema as it is, and no secret is made of it.
    else expect(JSON.stringify(result.json.device)).not.toContain('"password"');
  });

  it.each<[string, object, object]>([
    [
      'a target by way of a name',
      { ...camera, device: { ...camera.device, name: 'unix:/run/docker.sock' } },
      { ...camera, services: [{ port: 80, target: 'unix:/run/docker.sock' }] },
    ],
    [
      'another port of an address that the file has',
      { ...camera, services: [{ port: 8080, target: '127.0.0.1' }] },
      { ...camera, services: [{ port: 22, target: '127.0.0.1' }] },
    ],
    [
      'another port by its number there',
      { ...camera, services: [{ port: 8080, target: '127.0.0.1' }] },
      { ...camera, services: [{ port: 8080, target: '127.0.0.1', targetPort: 22 }] },
    ],
    [
      'another port of the target of all',
      { ...camera, target: '127.0.0.1' },
      { ...camera, target: '127.0.0.1', services: [{ port: 80 }, { port: 22 }] },
    ],
    [
      'a variable that stands at another place',
      { ...camera, device: { id: 'cam-1', domain: '${file:/etc/domain}' } },
      { ...camera, device: { id: 'cam-1', domain: 'dom', name: '${file:/etc/domain}' } },
    ],
  ])('takes %s from no visitor', (_, stored, edited) => {
    const result = edit(stored, edited);
    expect('problems' in result && result.problems.length).toBe(1);
  });

  it('keeps what TLS needs on the gateway where the edit says nothing of it', () => {
    const stored = { ...camera, services: [{ port: 443, kind: 'https', tls: { ca: '/etc/ca.pem' } }] };
    const edited = { ...camera, services: [{ port: 443, kind: 'https' }] };
    expect(edit(stored, edited)).toEqual({ json: stored });
  });

  it('takes nothing from the prototype of objects', () => {
    const hostile = parseJson(
      '{"device":{"id":"x","__proto__":{"password":"p"}},"services":[],"__proto__":{"reflector":"r"}}',
      () => undefined,
    );
    expect(changed(host, null, hostile)).toHaveProperty('problems');
  });
});
