import { parseHttpUri } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { attemptSettingsFor } from '../../simulation/attempt-settings.ts';
import { AttemptStage } from '../../simulation/attempt-stage.ts';
import type { AttemptSettings, EnrolmentSettings } from './attempt-settings.ts';
import { EnrolmentExchange } from './enrolment-exchange.ts';

const uri = 'http://r.example:8080/agent';
const enrolled = attemptSettingsFor(uri, { credentials: { user: 'own', password: 'secret' } });

/** Takes the password `ok`. */
const enrolment: EnrolmentSettings = {
  body: '{"name":"dev1"}',
  accept: (status, body) => (status === 200 && body === 'ok' ? enrolled : { error: `${status} ${body}` }),
  otherwise: null,
};

function exchange(given: Partial<AttemptSettings> = {}, asked = enrolment): EnrolmentExchange {
  const at = parseHttpUri(uri);
  if (!at) throw new Error('no URI');
  return new EnrolmentExchange(attemptSettingsFor(uri, given), asked, at);
}

/** The answer to these bytes, which come one by one, or in one piece. */
function receive(text: string, asked = enrolment, size = text.length) {
  return receiveBytes(ascii(text), asked, size);
}

function receiveBytes(bytes: Uint8Array, asked = enrolment, size = bytes.length) {
  const one = exchange({}, asked);
  for (let at = 0; at < bytes.length; at += size) {
    const answer = one.receive(bytes, at, Math.min(bytes.length, at + size));
    if (answer) return answer;
  }
  return null;
}

const reply = (status: number, body: string, ...fields: readonly string[]) =>
  [`HTTP/1.1 ${status} x`, `Content-Length: ${body.length}`, ...fields, '', body].join('\r\n');

describe('a request for enrolment', () => {
  it('is one POST, with nothing of the upgrade but who asks', () => {
    const fields = [
      ['X-PTTH-Set-Property', 'device;key="x"'],
      ['User-Agent', 'rm-agent/test'],
    ] as const;
    expect(new TextDecoder().decode(exchange({ fields }).request())).toBe(
      [
        'POST /my-devices/api/enroll HTTP/1.1',
        'Host: r.example:8080',
        'Connection: close',
        'Content-Type: application/json',
        'Content-Length: 15',
        'User-Agent: rm-agent/test',
        '',
        '{"name":"dev1"}',
      ].join('\r\n'),
    );
  });

  it('has its reply by bytes, whatever characters they are', () => {
    const body = new TextEncoder().encode('Gerät gesperrt – später');
    const head = ascii(`HTTP/1.1 403 x\r\nContent-Length: ${body.length}\r\n\r\n`);
    const bytes = Uint8Array.from([...head, ...body]);
    for (const size of [1, 7, 1000])
      expect(receiveBytes(bytes, enrolment, size)).toMatchObject({
        failed: 'r.example:8080: 403 Gerät gesperrt – später',
      });
  });

  it('is answered by what the reply is taken for, whole or in pieces', () => {
    for (const size of [1, 7, 1000]) expect(receive(reply(200, 'ok'), enrolment, size)).toEqual({ enrolled });
    expect(receive(`${reply(200, 'ok')}more`)).toEqual({ enrolled });
    expect(receive(reply(200, 'ok').slice(0, -1))).toBe(null);
  });

  it.each([
    ['a refusal', reply(403, 'no'), '403 no', 'refusal', null],
    ['a refusal for a while', reply(429, 'no', 'Retry-After: 7'), '429 no', 'refusal', 7000],
    ['the wait for a person', reply(202, 'wait', 'Retry-After: 60'), '202 wait', 'fault', 60_000],
    ['a reply without a length', 'HTTP/1.1 200 x\r\n\r\nok', '200 without a short body', 'refusal', null],
    [
      'a reply that is too long',
      'HTTP/1.1 200 x\r\nContent-Length: 16385\r\n\r\nok',
      '200 without a short body',
      'refusal',
      null,
    ],
    ...['-5', '1.5', 'x', '-Infinity'].map(
      (length) =>
        [
          `a length of ${length}`,
          `HTTP/1.1 200 x\r\nContent-Length: ${length}\r\n\r\nok`,
          '200 without a short body',
          'refusal',
          null,
        ] as const,
    ),
  ] as const)('ends with %s', (_what, text, why, kind, retryAfterMs) => {
    const final = retryAfterMs !== null;
    expect(receive(text)).toEqual({ failed: `r.example:8080: ${why}`, kind, retryAfterMs, final });
  });

  it('ends with what is no HTTP', () => {
    expect(receive('SSH-2.0\r\n\r\n')).toMatchObject({ kind: 'refusal', retryAfterMs: null, final: false });
  });

  it('goes on without enrolment where it can', () => {
    const otherwise = attemptSettingsFor(uri);
    const asked = { ...enrolment, otherwise };
    expect(receive(reply(403, 'no'), asked)).toEqual({ enrolled: otherwise });
    expect(receive('HTTP/1.1 404 x\r\n\r\n', asked)).toEqual({ enrolled: otherwise });
  });

  it('takes a body of the greatest length', () => {
    const body = 'x'.repeat(attemptSettingsFor(uri).limits.headBytes);
    expect(receive(reply(200, body))).toMatchObject({ failed: `r.example:8080: 200 ${body}` });
  });
});

it('an attempt enrols first, and then goes on over a new connection with what it was given', () => {
  const stage = new AttemptStage();
  stage.plain.answer = ({ method }) => (method === 'POST' ? reply(200, 'ok') : 'accept');
  const given = attemptSettingsFor('http://r.example/', { credentials: { user: 'own', password: 'secret' } });
  const accept = () => given;
  stage.succeeds('http://r.example/', { enrolment: { ...enrolment, accept } });
  expect(stage.passed).toContain('upgrade enrolled');
  expect(stage.plain.connections).toHaveLength(2);
  expect(stage.plain.last.requests[0]?.headers.get('authorization')).toBe('Basic b3duOnNlY3JldA==');
});
