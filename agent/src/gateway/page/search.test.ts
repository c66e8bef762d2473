import { latin1Encode } from 'rm-protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { AgentHost } from '../../../simulation/agent-host.ts';
import type { Datagram } from '../../../simulation/network.ts';
import { type FoundService, searchLimits, searchServices } from './search.ts';

const own = '192.168.1.1';
const time = searchLimits.rounds * searchLimits.roundMs;

let host: AgentHost;
let result: readonly FoundService[] | string | null;

/** The kernel's table of own addresses. */
function addresses(...list: string[]): void {
  const table = list.map((address) => `           |-- ${address}\n              /32 host LOCAL\n`).join('');
  host.files.content.set('/proc/net/fib_trie', latin1Encode(table));
}

beforeEach(() => {
  host = new AgentHost();
  addresses('127.0.0.1', own, own);
  result = null;
});

function begin() {
  return searchServices(
    host,
    (run) => run(),
    (found) => {
      expect(result).toBe(null);
      result = found;
    },
  );
}

function search(): readonly FoundService[] | string | null {
  begin();
  host.clock.advance(time);
  expect(host.network.asking).toBe(0);
  return result;
}

const name = (labels: readonly string[]) =>
  Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(Buffer.byteLength(label)), Buffer.from(label)])),
    Buffer.of(0),
  ]);

const record = (type: number, owner: readonly string[], data: Uint8Array) => {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(1, 2);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([name(owner), head, data]);
};

const pointer = (owner: readonly string[], target: readonly string[]) => record(12, owner, name(target));
const server = (owner: readonly string[], port: number) =>
  record(33, owner, Buffer.concat([Buffer.of(0, 0, 0, 0, port >> 8, port & 255), name(['x', 'local'])]));

/** What a query asks: `PTR _http._tcp.local`. */
function questionOf(query: Uint8Array): string {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(Buffer.from(query.subarray(at + 1, at + 1 + length)).toString());
    at += length + 1;
  }
  return `${query[at + 2] === 12 ? 'PTR' : 'SRV'} ${labels.join('.')}`;
}

/** An answer to a query, from the right port unless another is given. */
function reply(query: Uint8Array, address: string, records: readonly Buffer[], port = 5353): Datagram {
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8400, 2);
  head.writeUInt16BE(0, 4);
  head.writeUInt16BE(records.length, 6);
  return { bytes: Buffer.concat([head, ...records]), address, port };
}

const http = ['_http', '_tcp', 'local'];

/** Answers questions by their text; returns what was asked, in order. */
function responder(
  answers: (question: string, query: Uint8Array) => readonly Datagram[],
  at = own,
): readonly string[] {
  const asked: string[] = [];
  host.network.groups.set(at, (query) => {
    const question = questionOf(query);
    asked.push(question);
    return answers(question, query);
  });
  return asked;
}

const onHttp = (records: readonly Buffer[], address = '192.168.1.20', port?: number) =>
  responder((question, query) =>
    question === 'PTR _http._tcp.local' ? [reply(query, address, records, port)] : [],
  );

describe('a search', () => {
  it('finds what machines say that they offer, by the address that has said so', () => {
    const camera = ['Front door.', ...http];
    onHttp([pointer(http, camera), server(camera, 8080)]);
    expect(search()).toEqual([
      { address: '192.168.1.20', name: 'Front door.', type: '_http', kind: 'http', port: 8080 },
    ]);
  });

  it('asks each question twice, in case one is lost, and no other network than its own', () => {
    const asked = responder(() => []);
    expect(search()).toEqual([]);
    const questions = [
      'PTR _services._dns-sd._udp.local',
      ...['_http', '_https', '_ssh', '_rfb', '_rtsp'].map((type) => `PTR ${type}._tcp.local`),
    ];
    expect(asked).toEqual(Array(searchLimits.repetitions).fill(questions).flat());
  });

  it('asks for further types that somebody names, and for ports that somebody does not', () => {
    const all = ['_services', '_dns-sd', '_udp', 'local'];
    const printer = ['_ipp', '_tcp', 'local'];
    const asked = responder((question, query) => {
      const answer = (...records: Buffer[]) => [reply(query, '192.168.1.30', records)];
      if (question === 'PTR _services._dns-sd._udp.local')
        return answer(
          pointer(all, printer),
          pointer(all, ['_smb', '_udp', 'local']),
          pointer(all, ['nonsense', '_tcp', 'local']),
          pointer(all, ['sub', ...printer]),
        );
      if (question === 'PTR _ipp._tcp.local') return answer(pointer(printer, ['Laser', ...printer]));
      return question === 'SRV Laser._ipp._tcp.local' ? answer(server(['LASER', ...printer], 631)) : [];
    });
    expect(search()).toEqual([
      { address: '192.168.1.30', name: 'LASER', type: '_ipp', kind: 'http', port: 631 },
    ]);
    expect(new Set(asked).size).toBe(8);
  });

  it('asks from each of its addresses but the loopback one, up to a bound', () => {
    const list = Array.from({ length: searchLimits.networks + 3 }, (_, n) => `10.0.${n}.1`);
    addresses('127.0.0.1', ...list);
    const asked = list.map((address) => responder(() => [], address));
    expect(search()).toEqual([]);
    expect(asked.map(({ length }) => length > 0)).toEqual(list.map((_, n) => n < searchLimits.networks));
  });

  it('goes on where one network cannot be asked, and says why where none can', () => {
    addresses('10.0.0.1', own);
    const camera = ['Cam', ...http];
    onHttp([pointer(http, camera), server(camera, 80)]);
    expect(search()).toHaveLength(1);
    result = null;
    host.network.groups.clear();
    expect(search()).toBe('network is unreachable');
  });

  it('says so without an address', () => {
    addresses('127.0.0.1');
    expect(search()).toBe('this machine has no address in a network');
  });

  it('ends when it is cancelled', () => {
    responder(() => []);
    const running = begin();
    host.clock.advance(searchLimits.roundMs / 2);
    running.cancel();
    host.clock.advance(time);
    expect([result, host.network.asking]).toEqual([null, 0]);
  });
});

describe('an answer that is hostile', () => {
  const camera = ['Cam', ...http];
  const good = [pointer(http, camera), server(camera, 80)];

  it.each<[string, (query: Uint8Array) => Datagram]>([
    ['from another port', (query) => reply(query, '192.168.1.66', good, 5354)],
    [
      'to another question',
      (query) => reply(Uint8Array.of((query[0] ?? 0) ^ 1, ...query.subarray(1)), '192.168.1.66', good),
    ],
    ['of nonsense', () => ({ bytes: new Uint8Array(600).fill(0xc0), address: '192.168.1.66', port: 5353 })],
    ['of nothing', () => ({ bytes: new Uint8Array(), address: '192.168.1.66', port: 5353 })],
    [
      'that points elsewhere',
      (query) => reply(query, '192.168.1.66', [pointer(http, ['Cam', '_ssh', '_tcp', 'local'])]),
    ],
    [
      'of what is no service',
      (query) =>
        reply(query, '192.168.1.66', [
          server(['x'], 80),
          server(['x', '_http', '_udp', 'local'], 80),
          server(['x', '_ht tp', '_tcp', 'local'], 80),
          server(['x', '_http', '_tcp', 'example'], 80),
          server(['x', 'y', '_http', '_tcp', 'local'], 80),
        ]),
    ],
  ])('%s finds nothing', (_what, hostile) => {
    responder((question, query) => (question === 'PTR _http._tcp.local' ? [hostile(query)] : []));
    expect(search()).toEqual([]);
  });

  it('has no control characters, and no port 0', () => {
    const odd = ['\u001b[2J\u0000x', ...http];
    onHttp([pointer(http, odd), server(odd, 0)]);
    expect(search()).toEqual([
      { address: '192.168.1.20', name: ' [2J x', type: '_http', kind: 'http', port: null },
    ]);
  });

  /** Pointers to services with these numbers. */
  const services = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => pointer(http, [`s${from + n}`, ...http]));

  it('of one machine names no more services than it may, and leaves room for others', () => {
    responder((question, query) =>
      question === 'PTR _http._tcp.local'
        ? [
            reply(query, '192.168.1.66', services(0, searchLimits.servicesOfOne + 5)),
            reply(query, '192.168.1.20', good),
          ]
        : [],
    );
    const found = search();
    expect(found).toHaveLength(searchLimits.servicesOfOne + 1);
    expect(found).toContainEqual(expect.objectContaining({ address: '192.168.1.20' }));
  });

  it('is one of so many that are read of one machine, and of all', () => {
    const flood = (query: Uint8Array, address: string, from: number) =>
      Array.from({ length: searchLimits.answersOfOne + 5 }, (_, n) =>
        reply(query, address, services(from + n, 1)),
      );
    const asked = responder((question, query) =>
      question === 'PTR _http._tcp.local' ? flood(query, '192.168.1.66', 0) : [],
    );
    expect(search()).toHaveLength(searchLimits.answersOfOne);
    expect(new Set(asked).size).toBeLessThanOrEqual(searchLimits.questions);
    result = null;
    const machines = searchLimits.answers / searchLimits.answersOfOne + 3;
    responder((question, query) =>
      question === 'PTR _http._tcp.local'
        ? Array.from({ length: machines }, (_, n) => flood(query, `192.168.2.${n + 1}`, 0)).flat()
        : [],
    );
    expect(search()).toHaveLength(searchLimits.services);
  });

  it('is of no more machines than answers are read', () => {
    responder((question, query) =>
      question === 'PTR _http._tcp.local'
        ? Array.from({ length: searchLimits.answers + 50 }, (_, n) =>
            reply(query, `10.1.${n >> 8}.${n & 255}`, n < searchLimits.answers ? [] : good),
          )
        : [],
    );
    expect(search()).toEqual([]);
  });

  it('makes the gateway ask no more than it may, and one machine leaves the others their questions', () => {
    const all = ['_services', '_dns-sd', '_udp', 'local'];
    const types = (letter: string) =>
      Array.from({ length: 60 }, (_, n) => pointer(all, [`_${letter}${n}`, '_tcp', 'local']));
    const camera = ['Cam', ...http];
    const asked = responder((question, query) => {
      if (question.startsWith('PTR _services')) return [reply(query, '192.168.1.66', types('t'))];
      return question.startsWith('PTR _http.') ? [reply(query, '192.168.1.20', [pointer(http, camera)])] : [];
    });
    search();
    expect(asked).toContain('SRV Cam._http._tcp.local');
    // With the six of every search.
    expect(new Set(asked).size).toBe(6 + searchLimits.questionsOfOne + 1);
    result = null;
    const machines = searchLimits.questions / searchLimits.questionsOfOne + 1;
    const more = responder((question, query) =>
      question.startsWith('PTR _services')
        ? Array.from({ length: machines }, (_, n) => reply(query, `192.168.1.${n + 1}`, types(`m${n}x`)))
        : [],
    );
    search();
    expect(new Set(more).size).toBe(searchLimits.questions);
    expect(more.length).toBeLessThanOrEqual(searchLimits.questions * searchLimits.repetitions);
  });

  it('asks for no name that is not UTF-8', () => {
    const instance = ['z'.repeat(60), ...http];
    const asked = responder((question, query) => {
      if (question !== 'PTR _http._tcp.local') return [];
      const answer = reply(query, '192.168.1.20', [pointer(http, instance)]);
      return [{ ...answer, bytes: answer.bytes.map((byte) => (byte === 0x7a ? 0xff : byte)) }];
    });
    expect(search()).toHaveLength(1);
    expect(asked.filter((question) => question.startsWith('SRV'))).toEqual([]);
  });
});
