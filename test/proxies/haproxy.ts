import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../checkout.ts';
import { type BalancedOptions, edited, type FrontOptions } from './front.ts';
import { ProxyProcess } from './proxy-process.ts';

type Edits = NonNullable<FrontOptions['edits']>;

/** Debian's HAProxy with a configuration of `examples/`. */
export class Haproxy extends ProxyProcess {
  /** With `examples/reverse-proxy/haproxy.cfg`. */
  static start(options: FrontOptions): Promise<Haproxy> {
    const { port, reflector } = options;
    return Haproxy.#run(options, 'reverse-proxy', 'global\n    maxconn 1000\n\n', (_, pem) => [
      ['bind :443 ', `bind 127.0.0.1:${port} `],
      ['/etc/haproxy/remote.example.com.pem', pem],
      ['server reflector 127.0.0.1:8080 check', `server reflector 127.0.0.1:${reflector} check`],
    ]);
  }

  /** With the configuration that `examples/docker-compose` gives to the one in a container. */
  static startAsInContainer(options: FrontOptions): Promise<Haproxy> {
    const { port, reflector } = options;
    return Haproxy.#run(options, 'docker-compose', '', ({ directory }, pem) => [
      ['maxconn 20000', 'maxconn 1000'],
      ['bind :8443 ', `bind 127.0.0.1:${port} `],
      ['/certificates/server.pem', pem],
      ['server:8080 check resolvers engine', `127.0.0.1:${reflector} check`],
      ['bind :8404', `bind unix@${join(directory, 'statistics')}`],
    ]);
  }

  /** With `examples/haproxy/haproxy.cfg`: agents that dial `localhost` pass in TLS, everybody else is decrypted. */
  static startBalancing(options: BalancedOptions): Promise<Haproxy> {
    const { port, reflectors, authority } = options;
    return Haproxy.#run(options, 'haproxy', '', (haproxy, pem) => [
      ['maxconn 60000', 'maxconn 1000'],
      ['/dev/log', 'stdout format raw'],
      ['bind :443', `bind 127.0.0.1:${port}`],
      ['abns@rm-https', `unix@${join(haproxy.directory, 'https')}`],
      ['reflector.remote.example.com', 'localhost'],
      ['/etc/haproxy/servers-ca.pem', authority],
      ['/etc/haproxy/remote.example.com.pem', pem],
      ['10.0.0.11:8443', `127.0.0.1:${reflectors[0]}`],
      ['10.0.0.12:8443', `127.0.0.1:${reflectors[1]}`],
      ['inter 2s', 'inter 500ms'],
    ]);
  }

  static async #run(
    { port, certificate: { cert, key }, edits = [] }: Omit<FrontOptions, 'reflector'>,
    example: string,
    before: string,
    placed: (haproxy: Haproxy, pem: string) => Edits,
  ): Promise<Haproxy> {
    const haproxy = new Haproxy();
    const pem = haproxy.file('both.pem', readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
    const text = readFileSync(join(root, 'examples', example, 'haproxy.cfg'), 'utf8');
    const site = edited(text, [...placed(haproxy, pem), ...edits]);
    const file = haproxy.file('haproxy.cfg', before + site);
    // -db: in the foreground.
    await haproxy.start(port, '/usr/sbin/haproxy', ['-db', '-f', file]);
    return haproxy;
  }
}
