import { utf8Decode } from 'rm-protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { ascii } from '../../../../protocol/src/testing/bytes.ts';
import { SimulatedClock } from '../../../simulation/clock.ts';
import { HttpConnection, type PageRequest, type PageResponse } from './http-connection.ts';
import { pageLimits } from './limits.ts';

let clock: SimulatedClock;
let http: HttpConnection;
let sent: string;
let ended: boolean;
let requests: PageRequest[];
let respond: (response: PageResponse) => void;

beforeEach(() => {
  clock = new SimulatedClock();
  sent = '';
  ended = false;
  requests = [];
  http = new HttpConnection(
    clock,
    {
      send: (bytes) => {
        sent += utf8Decode(bytes);
      },
      end: () => {
        ended = true;
      },
    },
    () => 100,
    (request, answer) => {
      requests.push(request);
      respond = answer;
    },
  );
});

const receive = (text: string) => {
  const bytes = ascii(text);
  http.receive(bytes, 0, bytes.length);
};
const answer = () => respond({ status: 200, type: 'text/plain', body: ascii('yes') });
const post = 'POST /api/x?y HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody';

describe('a connection to the page', () => {
  it('takes one request after the other, however they are cut', () => {
    for (let cut = 0; cut < post.length; cut++) {
      receive(post.slice(0, cut));
      receive(post.slice(cut));
      answer();
    }
    expect(requests).toHaveLength(post.length);
    for (const request of requests) {
      expect(request).toMatchObject({ method: 'POST', path: '/api/x' });
      expect(utf8Decode(request.body)).toBe('body');
    }
    expect(sent.split('HTTP/1.1 200 OK')).toHaveLength(post.length + 1);
    expect(ended).toBe(false);
  });

  it('tells browsers to run nothing but its own files', () => {
    receive(post);
    answer();
    expect(sent).toMatch(/^Content-Security-Policy: default-src 'none'; /m);
    expect(sent).not.toMatch(/unsafe/);
    expect(sent).toMatch(/^Cache-Control: no-store\r$/m);
  });

  it.each([
    ['a head without an end', `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(pageLimits.headBytes)}`, 431],
    ['a head that is none', 'nonsense\r\n\r\n', 400],
    ['another version', 'GET / HTTP/2.0\r\nHost: h\r\n\r\n', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['an absolute target', 'GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['a length that is none', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n', 400],
    ['a length in hexadecimal', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x4\r\n\r\n', 400],
    ['chunks', 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n', 411],
    ['both', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n', 411],
    ['a body that is too long', 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n', 413],
    ['a folded line', 'GET / HTTP/1.1\r\nHost: h\r\n x: y\r\n\r\n', 400],
  ])('ends after %s', (_, text, status) => {
    receive(text);
    expect(sent).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(ended).toBe(true);
    expect(requests).toEqual([]);
    receive(post);
    expect(requests).toEqual([]);
  });

  it('answers HEAD with the head of what GET would get', () => {
    receive('HEAD / HTTP/1.1\r\nHost: h\r\n\r\n');
    answer();
    expect(sent).toMatch(/\r\nContent-Length: 3\r\n/);
    expect(sent).toMatch(/\r\n\r\n$/);
  });

  it('ends after an answer where a second request came before it', () => {
    receive(post + post);
    receive(post);
    answer();
    answer();
    expect(requests).toHaveLength(1);
    expect(sent.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(sent).toMatch(/^Connection: close\r$/m);
    expect(ended).toBe(true);
  });

  it('waits neither for a request nor for the next one without end', () => {
    receive('GET / HT');
    for (let n = 0; n < 100; n++) {
      clock.advance(pageLimits.requestMs / 50);
      receive('T');
    }
    expect(sent).toMatch(/^HTTP\/1\.1 408 /);
    expect(ended).toBe(true);
  });

  it('is closed while nobody uses it', () => {
    receive(post);
    answer();
    clock.advance(pageLimits.idleMs);
    expect(ended).toBe(true);
  });

  it('answers a visitor that sends nothing more', () => {
    receive(post);
    http.remoteEnded();
    expect(ended).toBe(false);
    answer();
    expect(sent).toMatch(/yes$/);
    expect(ended).toBe(true);
  });
});
