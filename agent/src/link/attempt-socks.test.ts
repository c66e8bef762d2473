import { hexEncode } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { hex } from '../../../protocol/src/testing/bytes.ts';
import { AttemptStage } from '../../simulation/attempt-stage.ts';
import { proxyOf } from '../../simulation/proxied.ts';
import { SimulatedReflector } from '../../simulation/reflector.ts';
import type { SimulatedSocket } from '../../simulation/socket.ts';

const PROXY = '203.0.113.1';
const CONNECTED = '05 00 00 01 00000000 0000';

/** A SOCKS5 proxy that gives the next answer of its script for each message; behind the last is the reflector. */
class Socks extends AttemptStage {
  readonly messages: string[] = [];
  readonly reflector: SimulatedReflector;

  constructor(...scripts: string[][]) {
    super();
    const { network } = this.host;
    network.names.set('p.example', [PROXY]);
    this.reflector = new SimulatedReflector(network, '192.0.2.99', 1);
    network.listen(
      PROXY,
      1080,
      (socket) => this.#serve(socket, scripts.shift() ?? []),
      (options) => {
        this.tlsAsked.push(options);
        return this.tls(options);
      },
    );
  }

  #serve(socket: SimulatedSocket, script: string[]) {
    const behind = this.reflector.take(socket);
    let message: number[] = [];
    let greeted = false;
    return {
      connected: () => undefined,
      data: (bytes: Uint8Array, start: number, end: number) => {
        if (script.length === 0) {
          behind.data(bytes, start, end);
          return;
        }
        message.push(...bytes.subarray(start, end));
        if (message.length < lengthOf(message, greeted)) return;
        greeted = true;
        this.messages.push(hexEncode(Uint8Array.from(message)));
        message = [];
        socket.write(hex(script.shift() ?? ''));
      },
      taken: () => undefined,
      ended: () => socket.end(),
      closed: () => undefined,
    };
  }
}

/** The bytes of a client's message: of the greeting, of credentials, or of the request. */
function lengthOf(message: readonly number[], greeted: boolean): number {
  const [version, second = 0, , type, size = 0] = message;
  if (!greeted) return 2 + second;
  if (version === 1) return 3 + second + (message[2 + second] ?? 255);
  return type === 3 ? 7 + size : type === 1 ? 10 : 22;
}

const through = (text: string) => ({ proxiesFor: () => [proxyOf(text)] });

describe('a SOCKS5 proxy', () => {
  it('that looks names up is asked for the name', () => {
    const stage = new Socks(['05 00', CONNECTED]);
    stage.succeeds('https://r.example/', through('socks5h://p.example'));
    expect(stage.steps).toEqual([
      'resolving p.example',
      `connecting ${PROXY} port 1080`,
      'proxy p.example:1080',
      'tls r.example',
      'upgrade https://r.example/',
    ]);
    expect(stage.messages).toEqual(['050100', '050100030972' + '2e6578616d706c6501bb']);
  });

  it('that does not is asked for the address that the device has found', () => {
    const stage = new Socks(['05 00', CONNECTED]);
    stage.succeeds('http://r.example/', through('socks5://p.example'));
    expect(stage.steps.slice(0, 2)).toEqual(['resolving r.example', 'resolving p.example']);
    expect(stage.messages[1]).toBe('05010001c00002010050');
    expect(stage.reflector.last.requests[0]?.headers.get('host')).toBe('r.example');
  });

  it('is asked for each address in turn, over a new connection', () => {
    const stage = new Socks(['05 00', '05 04 00 01 00000000 0000'], ['05 00', CONNECTED]);
    stage.host.network.names.set('r.example', ['2001:db8::7', '192.0.2.1']);
    stage.succeeds('http://r.example/', through('socks5://p.example'));
    expect(stage.messages).toEqual([
      '050100',
      '0501000420010db80000000000000000000000070050',
      '050100',
      '05010001c00002010050',
    ]);
  });

  it('that reaches no address reports each', () => {
    const stage = new Socks(['05 00', '05 04 00 01 00000000 0000'], ['05 00', '05 05 00 01 00000000 0000']);
    stage.host.network.names.set('r.example', ['2001:db8::7', '192.0.2.1']);
    expect(stage.fails('http://r.example/', through('socks5://p.example'))).toMatchObject({
      step: 'proxy',
      kind: 'fault',
      message:
        'proxy p.example:1080 cannot connect to 2001:db8::7 port 80: host is unreachable; ' +
        'proxy p.example:1080 cannot connect to 192.0.2.1 port 80: connection refused',
    });
  });

  it('is not asked for more addresses than the bound', () => {
    const stage = new Socks(...Array.from({ length: 100 }, () => ['05 00', '05 04 00 01 00000000 0000']));
    stage.host.network.names.set(
      'r.example',
      Array.from({ length: 100 }, (_, at) => `192.0.2.${at}`),
    );
    stage.fails('http://r.example/', through('socks5://p.example'));
    expect(stage.host.network.dialled).toHaveLength(8);
  });

  it('gets user and password when it asks for them', () => {
    const stage = new Socks(['05 02', '01 00', CONNECTED]);
    stage.succeeds('http://r.example/', through('socks5h://me:pw@p.example'));
    expect(stage.messages.slice(0, 2)).toEqual(['05020002', '01026d65027077']);
  });

  it.each<[string, string[], string, string]>([
    ['refusal', ['05 02', '01 01'], 'me:pw@', 'refused us: user or password was not accepted'],
    ['refusal', ['05 ff'], '', 'refused us: it wants a user and a password'],
    [
      'refusal',
      ['05 00', '05 02 00 01 00000000 0000'],
      '',
      'cannot connect to r.example port 80: not allowed by its rules',
    ],
    [
      'fault',
      ['05 00', '05 01 00 01 00000000 0000'],
      '',
      'cannot connect to r.example port 80: general failure',
    ],
  ])('that says no is a %s: %j', (kind, script, login, reason) => {
    const stage = new Socks(script);
    expect(stage.fails('http://r.example/', through(`socks5h://${login}p.example`))).toMatchObject({
      step: 'proxy',
      kind,
      message: `proxy p.example:1080 ${reason}`,
    });
  });

  it('that speaks another protocol is named', () => {
    const stage = new Socks(['485454502f31']);
    expect(stage.fails('http://r.example/', through('socks5h://p.example')).message).toBe(
      'proxy p.example:1080: it does not speak SOCKS5',
    );
  });

  it('that is silent has a time limit', () => {
    const stage = new Socks(['']);
    expect(stage.fails('http://r.example/', through('socks5h://p.example')).message).toBe(
      'proxy p.example:1080: no answer within 10 s',
    );
  });

  it('cannot be asked for a reflector whose name the device cannot look up', () => {
    const stage = new Socks();
    expect(stage.fails('http://gone.example/', through('socks5://p.example'))).toMatchObject({
      step: 'resolving',
      message: 'gone.example: name not found (through proxy socks5://p.example:1080)',
    });
  });

  it('is asked for the addresses of the configuration when the name server has none', () => {
    const stage = new Socks(['05 00', CONNECTED]);
    stage.host.network.names.delete('r.example');
    stage.succeeds('http://r.example/', {
      ...through('socks5://p.example'),
      addresses: new Map([['r.example', [{ address: '192.0.2.7', family: 4 as const }]]]),
    });
    expect(stage.messages[1]).toBe('05010001c00002070050');
  });
});
