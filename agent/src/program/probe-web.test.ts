import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { noHandles } from '../../simulation/host.ts';
import { forwardedPorts } from '../agent/forwarded-ports.ts';
import { defaultLimits } from '../config/limits.ts';
import { probeWeb } from './probe-web.ts';

type Answer = (head: string) => string | null;

/** What `check` says of a service that answers so, and all heads that it got. */
function probed(answer: Answer, service: object = {}, more: object = {}) {
  const host = new AgentHost();
  const heads: string[] = [];
  host.network.listen('127.0.0.1', 80, (socket) => ({
    connected: () => undefined,
    data: (bytes, start, end) => {
      const head = String.fromCharCode(...bytes.subarray(start, end));
      heads.push(head);
      const text = answer(head);
      if (text !== null) socket.write(ascii(text));
    },
    taken: () => undefined,
    ended: () => socket.end(),
    closed: () => undefined,
  }));
  const configuration = host.configure({ services: [{ port: 80, kind: 'http', ...service }], ...more });
  const [configured] = configuration.services;
  const dial = forwardedPorts(host, configuration, defaultLimits, new Map(), () => undefined).get(80)?.dial;
  if (!configured || !dial) throw new Error('no service');
  const advices: (string | null)[] = [];
  probeWeb(host, dial, configured, configuration, (advice) => advices.push(advice));
  expect(advices).toEqual([]);
  host.clock.advance(20_000);
  expect(advices).toHaveLength(1);
  expect(host.handles).toEqual(noHandles);
  return { advice: advices[0], heads };
}

const status = (code: number) => `HTTP/1.1 ${code} X\r\nContent-Length: 0\r\n\r\n`;

describe('a web service', () => {
  it('that answers is asked once, as the reflector would ask it', () => {
    const { advice, heads } = probed(() => status(200), { path: '/ui/' });
    expect(advice).toBe(null);
    expect(heads).toHaveLength(1);
    expect(heads[0]).toMatch(/^GET \/ui\/ HTTP\/1\.1\r\nHost: dev1?[\w-]*\.r\.example\r\n/);
    expect(heads[0]).toContain('X-Forwarded-For: ');
    expect(heads[0]?.length).toBeGreaterThan(700);
  });

  it.each<[what: string, answer: Answer, service: object, advice: string | null]>([
    [
      'knows only its own name',
      (head) => status(/^Host: 127\.0\.0\.1\r$/m.test(head) ? 200 : 421),
      {},
      'answers 421, and 200 with "host": "127.0.0.1"',
    ],
    [
      'refuses proxies',
      (head) => status(/^X-Forwarded/m.test(head) ? 400 : 302),
      {},
      'answers 400, and 302 with "forwarded": false',
    ],
    [
      'has small heads',
      (head) => status(head.length > 512 ? 431 : 401),
      {},
      'answers 431, and 401 with "headers": "few"',
    ],
    [
      'knows only its own name, and refuses proxies',
      (head) => status(/^Host: 127\.0\.0\.1\r$/m.test(head) && !/^X-Forwarded/m.test(head) ? 200 : 403),
      {},
      'answers 403, and 200 with "host": "127.0.0.1", "forwarded": false',
    ],
    ['refuses everybody', () => status(403), {}, null],
    ['is set rightly', (head) => status(/^Host: nas\r$/m.test(head) ? 200 : 403), { host: 'nas' }, null],
    ['says nothing', () => null, {}, null],
    ['is no web service', () => 'SSH-2.0-dropbear\r\n', {}, null],
    ['fails', () => status(500), {}, null],
  ])('that %s', (_what, answer, service, advice) => {
    expect(probed(answer, service).advice).toBe(advice);
  });
});
