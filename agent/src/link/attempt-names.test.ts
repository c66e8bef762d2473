import { base64Encode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ADDRESS, AttemptStage, SESSION } from '../../simulation/attempt-stage.ts';
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
    const stage = new AttemptStage();
    stage.host.network.names.set('r.example', answer);
    stage.succeeds('https://r.example/', fixed('r.example', ADDRESS));
    // The certificate must be that of the host all the same.
    expect(stage.tlsAsked.map(({ serverName }) => serverName)).toEqual(['r.example']);
    expect(stage.passed[0]).toMatch(new RegExp(`^resolving r\\.example: .*, instead ${ADDRESS}$`));
  });

  it('are not dialled when those of the name server work', () => {
    const stage = new AttemptStage();
    stage.succeeds('http://r.example/', fixed('r.example', '198.51.100.1'));
    expect(stage.host.network.dialled).toEqual([`${ADDRESS}:80`]);
  });

  it('are dialled when those of the name server are dead', () => {
    const stage = new AttemptStage();
    stage.host.network.names.set('r.example', ['198.51.100.1']);
    stage.succeeds('http://r.example/', fixed('r.example', ADDRESS));
    expect(stage.host.network.dialled).toEqual(['198.51.100.1:80', `${ADDRESS}:80`]);
  });

  it('are dialled when those of the name server lead to another server', () => {
    const stage = new AttemptStage();
    const { network } = stage.host;
    network.names.set('r.example', ['198.51.100.1']);
    network.listen(
      '198.51.100.1',
      443,
      (socket) => stage.secure.take(socket),
      () => ({
        code: 'tls-host-name',
        message: 'certificate is for another host name',
      }),
    );
    stage.succeeds('https://r.example/', fixed('r.example', ADDRESS));
    expect(network.dialled).toEqual(['198.51.100.1:443', `${ADDRESS}:443`]);
  });

  it('are dialled when those of the name server lead to another key', () => {
    const stage = new AttemptStage();
    const { network } = stage.host;
    network.names.set('r.example', ['198.51.100.1']);
    network.listen(
      '198.51.100.1',
      443,
      (socket) => stage.secure.take(socket),
      () => ({
        ...SESSION,
        publicKeyDigest: new Uint8Array(32),
      }),
    );
    const pins = [base64Encode(SESSION.publicKeyDigest)];
    stage.succeeds('https://r.example/', { ...fixed('r.example', ADDRESS), pins });
  });

  it('are not dialled twice', () => {
    const stage = new AttemptStage();
    stage.host.network.endpoints.set(`${ADDRESS}:80`, { error: refused });
    expect(stage.fails('http://r.example/', fixed('r.example', ADDRESS)).message).toBe(
      'r.example port 80: connection refused',
    );
    expect(stage.host.network.dialled).toEqual([`${ADDRESS}:80`]);
  });

  it('that do not work either are part of the message', () => {
    const stage = new AttemptStage();
    stage.host.network.names.set('r.example', ['198.51.100.1']);
    stage.host.network.endpoints.set('198.51.100.1:80', 'silent');
    expect(stage.fails('http://r.example/', fixed('r.example', '198.51.100.2')).message).toBe(
      'r.example port 80: no answer within 10 s; r.example port 80: connection refused',
    );
  });

  it('are not dialled after an answer of the reflector', () => {
    const stage = new AttemptStage();
    stage.plain.answer = () => 'HTTP/1.1 500 x\r\n\r\n';
    stage.fails('http://r.example/', fixed('r.example', '198.51.100.2'));
    expect(stage.host.network.dialled).toEqual([`${ADDRESS}:80`]);
  });

  it('may be those of a proxy', () => {
    const stage = new Proxied();
    stage.host.network.names.delete('p.example');
    stage.succeeds('http://r.example/', {
      ...fixed('p.example', PROXY_ADDRESS),
      proxiesFor: () => [proxyOf('http://p.example:3128')],
    });
  });

  it('of another host are left alone', () => {
    const stage = new AttemptStage();
    stage.host.network.names.delete('r.example');
    expect(stage.fails('http://r.example/', fixed('a.example', ADDRESS)).message).toBe(
      'r.example: name not found',
    );
  });
});
