import { describe, expect, it } from 'vitest';
import { AgentHost } from '../../simulation/agent-host.ts';
import { findAuthorities, knownPaths } from './authorities.ts';

/** A machine with these files, that brings no authorities of its own. */
function machine(...paths: readonly string[]): AgentHost {
  const host = new AgentHost();
  delete host.network.ownAuthorities;
  for (const path of paths) host.files.content.set(path, Uint8Array.of(1));
  return host;
}

describe('findAuthorities', () => {
  it('takes what the configuration names, unseen', () => {
    expect(findAuthorities(machine(), '/own.pem')).toEqual({
      path: '/own.pem',
      description: '/own.pem (tls.ca)',
    });
  });

  it.each(knownPaths)('finds %s where it is the only one', (place) => {
    const isFile = /\.(?:crt|pem)$/.test(place);
    expect(findAuthorities(machine(isFile ? place : `${place}/a.crt`), null)).toEqual({
      path: place,
      description: `${place} (of the system)`,
    });
  });

  it('prefers one file to a directory, and passes over what is empty', () => {
    const host = machine('/etc/ssl/certs/a.pem', '/etc/ssl/cert.pem');
    expect(findAuthorities(host, null)).toMatchObject({ path: '/etc/ssl/cert.pem' });
    host.files.content.set('/etc/ssl/cert.pem', new Uint8Array());
    expect(findAuthorities(host, null)).toMatchObject({ path: '/etc/ssl/certs' });
    expect(findAuthorities(machine('/etc/ssl/certs/java/README'), null)).toHaveProperty('error');
  });

  it('names every place when there is none', () => {
    expect(findAuthorities(machine(), null)).toEqual({
      error: `no trusted certificates on this system: none at ${knownPaths.join(', ')}; see tls.ca`,
    });
  });

  it('falls back on those of the host, and reports it', () => {
    const host = machine();
    host.network.ownAuthorities = 'those of Node.js';
    expect(findAuthorities(host, null)).toEqual({
      path: null,
      description: `those of Node.js; none at ${knownPaths.join(', ')}`,
    });
  });

  it('honours the variables of OpenSSL, and looks nowhere else then', () => {
    const host = machine('/f.pem', '/d/a.pem', ...knownPaths);
    host.system.variables.set('SSL_CERT_DIR', '/d');
    expect(findAuthorities(host, null)).toEqual({ path: '/d', description: '/d (SSL_CERT_DIR)' });
    host.system.variables.set('SSL_CERT_FILE', '/f.pem');
    expect(findAuthorities(host, null)).toEqual({ path: '/f.pem', description: '/f.pem (SSL_CERT_FILE)' });
    host.system.variables.set('SSL_CERT_FILE', '/gone.pem');
    expect(findAuthorities(host, null)).toEqual({
      error: 'SSL_CERT_FILE: no trusted certificates at /gone.pem',
    });
    host.system.variables.set('SSL_CERT_FILE', '');
    host.system.variables.delete('SSL_CERT_DIR');
    expect(findAuthorities(host, null)).toMatchObject({ path: knownPaths[0] });
  });
});
