import { base64Encode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ADDRESS, Dialling, SESSION } from '../../simulation/dialling.ts';
import { type Name, refused } from '../../simulation/network.ts';
import { PROXY_ADDRESS, Proxied, proxyOf } from '../../simulation/proxied.ts';

const fixed = (name: string, ...list: string[]) => ({
  addresses: new Map([[name, list.map((address) => ({ address, family: 4 as const }))]]),
});

describe('the addresses of the configuration', () => {
  it.each<[string, Name]>([
    ['does not answer', 'silent'],
    ['fails', { code: 'name-failure', message: 'name server does not answer' }],
    ['knows no address', []],
  ])('are dialled when the name server %s', (_name, answer) => {
    const dialling = new Dialling();
    dialling.host.network.names.set('r.example', answer);
    dialling.succeeds('https://r.example/', fixed('r.example', ADDRESS));
    // The certificate must be that of the host all the same.
    expect(dialling.tlsAsked.map(({ serverName }) => serverName)).toEqual(['r.example']);
    expect(dialling.passed[0]).toMatch(new RegExp(`^resolving r\\.example: .*, instead ${ADDRESS}$`));
  });

  it('are not dialled when those of the name server work', () => {
    const dialling = new Dialling();
    dialling.succeeds('http://r.example/', fixed('r.example', '198.51.100.1'));
    expect(dialling.host.network.dialled).toEqual([`${ADDRESS}:80`]);
  });

  it('are dialled when those of the name server are dead', () => {
    const dialling = new Dialling();
    dialling.host.network.names.set('r.example', ['198.51.100.1']);
    dialling.succeeds('http://r.example/', fixed('r.example', ADDRESS));
    expect(dialling.host.network.dialled).toEqual(['198.51.100.1:80', `${ADDRESS}:80`]);
  });

  it('are dialled when those of the name server lead to somebody else', () => {
    const dialling = new Dialling();
    const { network } = dialling.host;
    network.names.set('r.example', ['198.51.100.1']);
    network.listen(
      '198.51.100.1',
      443,
      (socket) => dialling.secure.take(socket),
      () => ({
        code: 'tls-host-name',
        message: 'certificate is for another host name',
      }),
    );
    dialling.succeeds('https://r.example/', fixed('r.example', ADDRESS));
    expect(network.dialled).toEqual(['198.51.100.1:443', `${ADDRESS}:443`]);
  });

  it('are dialled when those of the name server lead to another key', () => {
    const dialling = new Dialling();
    const { network } = dialling.host;
    network.names.set('r.example', ['198.51.100.1']);
    network.listen(
      '198.51.100.1',
      443,
      (socket) => dialling.secure.take(socket),
      () => ({
        ...SESSION,
        publicKeyDigest: new Uint8Array(32),
      }),
    );
    const pins = [base64Encode(SESSION.publicKeyDigest)];
    dialling.succeeds('https://r.example/', { ...fixed('r.example', ADDRESS), pins });
  });

  it('are not dialled twice', () => {
    const dialling = new Dialling();
    dialling.host.network.places.set(`${ADDRESS}:80`, { error: refused });
    expect(dialling.fails('http://r.example/', fixed('r.example', ADDRESS)).message).toBe(
      'r.example port 80: connection refused',
    );
    expect(dialling.host.network.dialled).toEqual([`${ADDRESS}:80`]);
  });

  it('that do not work either are part of the message', () => {
    const dialling = new Dialling();
    dialling.host.network.names.set('r.example', ['198.51.100.1']);
    dialling.host.network.places.set('198.51.100.1:80', 'silent');
    expect(dialling.fails('http://r.example/', fixed('r.example', '198.51.100.2')).message).toBe(
      'r.example port 80: no answer within 10 s; r.example port 80: connection refused',
    );
  });

  it('are no way round an answer of the reflector', () => {
    const dialling = new Dialling();
    dialling.plain.answer = () => 'HTTP/1.1 500 x\r\n\r\n';
    dialling.fails('http://r.example/', fixed('r.example', '198.51.100.2'));
    expect(dialling.host.network.dialled).toEqual([`${ADDRESS}:80`]);
  });

  it('may be those of a proxy', () => {
    const dialling = new Proxied();
    dialling.host.network.names.delete('p.example');
    dialling.succeeds('http://r.example/', {
      ...fixed('p.example', PROXY_ADDRESS),
      routes: () => [proxyOf('http://p.example:3128')],
    });
  });

  it('of another host are left alone', () => {
    const dialling = new Dialling();
    dialling.host.network.names.delete('r.example');
    expect(dialling.fails('http://r.example/', fixed('a.example', ADDRESS)).message).toBe(
      'r.example: name not found',
    );
  });
});
