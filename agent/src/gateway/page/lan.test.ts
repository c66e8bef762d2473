import { latin1Encode, utf8Decode } from 'rm-protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { ascii } from '../../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../../simulation/agent-host.ts';
import type { Socket } from '../../host.ts';
import { Boundary } from './boundary.ts';
import type { PageRequest, PageResponse } from './http-connection.ts';
import { type LanListener, serveLan } from './lan.ts';
import { pageLimits } from './limits.ts';

const place = { address: '192.168.1.1', port: 8080, names: ['Gateway.example.com'] };

let host: AgentHost;
let listener: LanListener;
let failures: string[];
let asked: string[];
let answer: (request: PageRequest, respond: (response: PageResponse) => void) => void;

const ok = (body: string): PageResponse => ({ status: 200, type: 'text/plain', body: latin1Encode(body) });

function serve(): void {
  listener = serveLan(
    host,
    place,
    new Boundary(host.log),
    () => pageLimits.logInBytes,
    (request, respond) => answer(request, respond),
    (reason) => failures.push(reason),
  );
}

beforeEach(() => {
  host = new AgentHost();
  failures = [];
  asked = [];
  answer = ({ path }, respond) => {
    asked.push(path);
    respond(ok('page'));
  };
  serve();
});

class Visit {
  text = '';
  /** `undefined`: not closed. */
  closed: string | null | undefined;
  readonly socket: Socket;

  constructor() {
    this.socket = host.network.connect(place, {
      connected: () => undefined,
      data: (bytes, start, end) => {
        this.text += utf8Decode(bytes, start, end);
      },
      taken: () => undefined,
      ended: () => undefined,
      closed: (error) => {
        this.closed = error?.message ?? null;
      },
    });
    host.clock.advance(10);
  }

  send(text: string): void {
    this.socket.write(ascii(text));
    host.clock.advance(100);
  }

  get(path: string, name = '192.168.1.1:8080', more = ''): void {
    this.send(`GET ${path} HTTP/1.1\r\nHost: ${name}\r\n${more}\r\n`);
  }

  get statuses(): number[] {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
  }
}

describe('the page on the network', () => {
  it('answers one request after the other', () => {
    const visit = new Visit();
    visit.get('/a');
    visit.get('/b');
    expect(visit.statuses).toEqual([200, 200]);
    expect(asked).toEqual(['/a', '/b']);
    visit.get('/c', undefined, 'Connection: close\r\n');
    visit.socket.end();
    host.clock.advance(100);
    expect(visit.statuses).toEqual([200, 200, 200]);
    expect(visit.closed).toBe(null);
  });

  it.each([
    '192.168.1.1',
    '192.168.1.1:8080',
    '[fe80::1]:8080',
    'localhost:8080',
    'BOARD',
    'board.local:8080',
    'board.lan',
    'board.home.arpa',
    'board.internal',
    'gateway.example.com',
    'GATEWAY.example.com:443',
  ])('is asked for by its own address or name: %s', (name) => {
    const visit = new Visit();
    visit.get('/', name);
    expect(visit.statuses).toEqual([200]);
  });

  it.each([
    'evil.example',
    'evil.example:8080',
    '192.168.1.1.evil.example',
    'board.evil',
    'sub.gateway.example.com',
    'x board',
    '[',
    ':80',
  ])('is not asked for by the name of somebody else, whose page could ask in its place: %s', (name) => {
    const visit = new Visit();
    visit.get('/', name);
    expect(visit.statuses).toEqual([421]);
    expect(visit.text).toMatch(/^Ask for this page by an IP address or the host name of the gateway, /m);
    expect(asked).toEqual([]);
  });

  it('has a bound on its connections, and one more ends the one that was still for longest', () => {
    const visits = Array.from({ length: pageLimits.connections }, () => new Visit());
    visits[0]?.get('/');
    const another = new Visit();
    another.get('/');
    expect(another.statuses).toEqual([200]);
    const ended = () => visits.flatMap(({ closed }, n) => (closed === undefined ? [] : [n]));
    expect(ended()).toEqual([1]);
    visits[0]?.get('/');
    expect(visits[0]?.statuses).toEqual([200, 200]);
    visits[2]?.socket.destroy();
    host.clock.advance(100);
    new Visit().get('/');
    expect(ended()).toEqual([1]);
  });

  it('ends no connection whose answer is due', () => {
    answer = () => undefined;
    const visits = Array.from({ length: pageLimits.connections }, () => {
      const visit = new Visit();
      visit.get('/');
      return visit;
    });
    const refused = new Visit();
    host.clock.advance(100);
    expect(refused.closed).not.toBe(undefined);
    expect(visits.every(({ closed }) => closed === undefined)).toBe(true);
  });

  it('waits for no one: not for a request, not for a visitor who does not close', () => {
    const [idle, slow, rude] = [new Visit(), new Visit(), new Visit()];
    slow.send('GET / HTT');
    rude.get('/', undefined, 'Connection: close\r\n');
    host.clock.advance(pageLimits.requestMs + pageLimits.lingerMs + 1000);
    expect(slow.statuses).toEqual([408]);
    host.clock.advance(pageLimits.idleMs + pageLimits.lingerMs);
    expect([idle, slow, rude].map(({ closed }) => closed === undefined)).toEqual([false, false, false]);
  });

  it('survives a fault of a step, which costs one connection', () => {
    answer = () => {
      throw new Error('no answer');
    };
    const visit = new Visit();
    visit.get('/');
    expect(visit.closed).not.toBe(undefined);
    answer = (_request, respond) => respond(ok('page'));
    const next = new Visit();
    next.get('/');
    expect(next.statuses).toEqual([200]);
  });

  it('takes its address as soon as it can be had, and complains once', () => {
    listener.close();
    host.network.endpoints.set('192.168.1.1:8080', 'silent');
    serve();
    host.clock.advance(3 * pageLimits.listenAgainMs);
    expect(failures).toEqual(['another program listens there']);
    host.network.endpoints.delete('192.168.1.1:8080');
    host.clock.advance(pageLimits.listenAgainMs);
    const visit = new Visit();
    visit.get('/');
    expect(visit.statuses).toEqual([200]);
  });

  it('is gone with all its connections when it is closed', () => {
    const visit = new Visit();
    listener.close();
    host.clock.advance(100);
    expect(visit.closed).not.toBe(undefined);
    expect(host.network.endpoints.has('192.168.1.1:8080')).toBe(false);
  });
});
