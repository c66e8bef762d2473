import { printable } from 'rm-protocol';
import type { Cancellable, Host, HostError } from '../../host.ts';
import { ownIpv4Addresses } from '../addresses.ts';
import { type DnsName, type DnsRecord, decodeResponse, encodeQuery } from './dns-message.ts';

/** What a machine in a network of the gateway says that it offers. Nobody has verified it. */
export interface FoundService {
  /** IPv4, of the machine that has said so. */
  readonly address: string;
  /** What it calls the service, without control characters: at most 63 bytes. */
  readonly name: string;
  /** `_http`: a service type over TCP (RFC 6763 section 7). */
  readonly type: string;
  /** What kind of service of the gateway it may be. */
  readonly kind: string;
  /** `null`: it has not said. */
  readonly port: number | null;
}

/** Bounds of a search; `search.test.ts` tries to break them. */
export const searchLimits = {
  /** Networks that are asked: a gateway has few. */
  networks: 16,
  /** Rounds of questions, and how long answers to each are awaited, in milliseconds. */
  rounds: 3,
  roundMs: 1_000,
  /** How often a question is asked: a datagram may be lost. */
  repetitions: 2,
  /** Different questions: those below, types that somebody has named, and ports that somebody has not; and those of one machine. */
  questions: 128,
  questionsOfOne: 24,
  /** Answers that are read, and those of one machine, so that none keeps the others out. */
  answers: 512,
  answersOfOne: 32,
  /** Services that are shown, and those of one machine. */
  services: 256,
  servicesOfOne: 32,
};

/** Where responders listen (RFC 6762 section 3), and from where they answer (section 6). */
const GROUP = '224.0.0.251';
const PORT = 5353;

/** The type of all types (RFC 6763 section 9). */
const typesName: DnsName = ['_services', '_dns-sd', '_udp', 'local'];

/** The kinds of types that devices have; any other is `tcp`. */
const kinds: ReadonlyMap<string, string> = new Map([
  ['_http', 'http'],
  ['_https', 'https'],
  ['_ipp', 'http'],
  ['_ipps', 'https'],
  ['_ssh', 'ssh'],
  ['_sftp-ssh', 'ssh'],
  ['_axis-video', 'http'],
  ['_rfb', 'vnc'],
]);

/** Types that are asked for at once, because not every responder answers for all types. */
const first = ['_http', '_https', '_ssh', '_rfb', '_rtsp'];

/** What one machine has had of the bounds. */
interface Share {
  answers: number;
  services: number;
  questions: number;
}

interface Question {
  readonly type: DnsRecord['type'];
  readonly name: DnsName;
  asked: number;
}

/**
 * Asks all machines in the networks of the gateway by multicast DNS what they offer (RFC 6762, RFC 6763), for a few seconds. `step` runs
 * what an answer or a timer causes. `done` gets what was found, or in words why nothing could be asked. What is found is hostile: it is
 * bounded, and nobody is contacted.
 */
export function searchServices(
  { clock, crypto, files, network }: Pick<Host, 'clock' | 'crypto' | 'files' | 'network'>,
  step: (run: () => void) => void,
  done: (found: readonly FoundService[] | string) => void,
): Cancellable {
  const random = new Uint8Array(2);
  crypto.random(random);
  const id = (random[0] ?? 0) * 256 + (random[1] ?? 0);
  const addresses = (ownIpv4Addresses(files) ?? [])
    .filter((address) => !address.startsWith('127.'))
    .slice(0, searchLimits.networks);
  const questions = new Map<string, Question>();
  const services = new Map<string, FoundService>();
  /** By address. */
  const counts = new Map<string, Share>();
  let answers = 0;
  let asking: Cancellable[] = [];
  let timer: Cancellable | null = null;
  let failure: HostError | null = null;
  let failures = 0;

  const ask = (type: DnsRecord['type'], name: DnsName, count: Share): void => {
    const key = `${type} ${keyOf(name)}`;
    if (questions.size >= searchLimits.questions || questions.has(key)) return;
    // A label that is not UTF-8 cannot be asked for as it was said, and would be longer than a label may be.
    if (count.questions >= searchLimits.questionsOfOne || name.some((label) => label.includes('\ufffd')))
      return;
    count.questions++;
    questions.set(key, { type, name, asked: 0 });
  };

  const learn = (record: DnsRecord, address: string, count: Share): void => {
    if (record.type === 'PTR' && keyOf(record.name) === keyOf(typesName)) {
      if (typeOf(record.target) !== null && record.target.length === 3) ask('PTR', record.target, count);
      return;
    }
    const instance = record.type === 'PTR' ? record.target : record.name;
    const [name = '', ...rest] = instance;
    const type = typeOf(rest);
    // Of a pointer, that is a service of the very type that it stands at.
    if (type === null || (record.type === 'PTR' && keyOf(record.name) !== keyOf(rest))) return;
    const key = `${address} ${keyOf(instance)}`;
    const known = services.get(key);
    const port = record.type === 'SRV' && record.port > 0 ? record.port : (known?.port ?? null);
    if (!known) {
      if (services.size >= searchLimits.services || count.services >= searchLimits.servicesOfOne) return;
      count.services++;
    }
    services.set(key, { address, name: printable(name), type, kind: kinds.get(type) ?? 'tcp', port });
  };

  const answered = (bytes: Uint8Array, address: string, port: number): void => {
    const count = counts.get(address) ?? { answers: 0, services: 0, questions: 0 };
    if (port !== PORT || answers >= searchLimits.answers || count.answers >= searchLimits.answersOfOne)
      return;
    answers++;
    count.answers++;
    counts.set(address, count);
    const records = decodeResponse(bytes, id) ?? [];
    for (const record of records) learn(record, address, count);
    for (const record of records)
      if (record.type === 'PTR' && services.get(`${address} ${keyOf(record.target)}`)?.port === null)
        ask('SRV', record.target, count);
  };

  const cancel = (): void => {
    timer?.cancel();
    for (const one of asking) one.cancel();
    asking = [];
  };

  const end = (): void => {
    cancel();
    if (failure && failures >= addresses.length) done(failure.message);
    else done([...services.values()]);
  };

  const round = (number: number): void => {
    if (number >= searchLimits.rounds) {
      end();
      return;
    }
    const due = [...questions.values()].filter(({ asked }) => asked < searchLimits.repetitions);
    for (const question of due) question.asked++;
    const messages = due.map(({ type, name }) => encodeQuery(id, type, name));
    for (const address of addresses) {
      const one = network.multicast?.(
        address,
        GROUP,
        PORT,
        messages,
        (...answer) => step(() => answered(...answer)),
        (error) => {
          failure = error;
          if (number === 0) failures++;
        },
      );
      if (one) asking.push(one);
    }
    timer = clock.schedule(searchLimits.roundMs, () => step(() => round(number + 1)));
  };

  const own: Share = { answers: 0, services: 0, questions: 0 };
  ask('PTR', typesName, own);
  for (const type of first) ask('PTR', [type, '_tcp', 'local'], own);
  if (addresses.length === 0)
    timer = clock.schedule(0, () => step(() => done('this machine has no address in a network')));
  else round(0);
  return { cancel };
}

/** Names are the same in any case (RFC 6762 section 16); a label may have dots in it. */
function keyOf(name: DnsName): string {
  return JSON.stringify(name).toLowerCase();
}

/** The service type of a name `_http._tcp.local`; `null`: it is of another form, or not over TCP. */
function typeOf([type = '', protocol = '', domain = '', ...more]: DnsName): string | null {
  const isType = /^_[a-z0-9-]{1,15}$/i.test(type) && more.length === 0;
  return isType && protocol.toLowerCase() === '_tcp' && domain.toLowerCase() === 'local'
    ? type.toLowerCase()
    : null;
}
