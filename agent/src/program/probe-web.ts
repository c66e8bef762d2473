import { encodeRequestHead, hostHeader, ProtocolError, parseHttpUri } from 'rm-protocol';
import { serviceAddress } from '../agent/forwarded-ports.ts';
import type { Configuration, Service } from '../config/configuration.ts';
import { defaultLimits } from '../config/limits.ts';
import { reflectorsOf } from '../config/parts.ts';
import type { Dial } from '../dial/dial-service.ts';
import { ResponseReader } from '../dial/response-reader.ts';
import type { Host, Socket } from '../host.ts';

/** How long the service may take to answer, in milliseconds: one that takes longer is asked no more. */
const ANSWER_MS = 3000;

/** How services refuse a host that they do not know, a proxy, or a large head. */
const refusals: readonly unknown[] = [400, 403, 421, 431];

/** What a browser adds to every request; about as long as it is there. */
const browserFields: readonly (readonly [string, string])[] = [
  ['User-Agent', `Mozilla/5.0 (${'rm-agent check; '.repeat(8)})`],
  ['Accept', `text/html,${'application/xhtml+xml;q=0.9,'.repeat(4)}*/*;q=0.8`],
  ['Accept-Language', 'en-GB,en;q=0.9,de;q=0.8'],
  ['Sec-Fetch-Site', 'none'],
  ['Sec-CH-UA', `"Chromium";v="149"${', "Not)A;Brand";v="24"'.repeat(8)}`],
];

/** How a reflector asks the service. */
type RequestVariant = Pick<Service, 'host' | 'forwarded' | 'headers'>;

/**
 * Asks a web service for its page as the reflector would, and if it refuses, in other variants. `done` gets `null`, or the
 * settings with which the service answers; it is called once, never from within this call.
 */
export function probeWeb(
  host: Host,
  dial: Dial,
  service: Service,
  configuration: Configuration,
  done: (advice: string | null) => void,
): void {
  const ours = nameAtReflector(configuration);
  const address = serviceAddress(service, configuration.target);
  const secure = service.kind === 'https';
  const own = 'path' in address ? 'localhost' : hostHeader({ secure, target: '/', ...address });
  const configured: RequestVariant = {
    host: service.host,
    forwarded: service.forwarded,
    headers: service.headers,
  };
  const known = { ...configured, host: service.host ?? own };
  const few: RequestVariant = { ...configured, headers: 'few' };
  const others = [{ ...configured, forwarded: false }, known, few, { ...known, forwarded: false }];
  others.push({ ...known, headers: 'few' });
  const ask = (variant: RequestVariant, answered: (status: number | null) => void) =>
    statusOf(host, dial, encodeRequestHead('GET', service.path ?? '/', fieldsOf(variant, ours)), answered);
  const tryNext = (refused: number) => {
    const variant = others.shift();
    if (!variant) {
      done(null);
      return;
    }
    ask(variant, (status) => {
      if (status === null) done(null);
      else if (refusals.includes(status)) tryNext(refused);
      else done(`answers ${refused}, and ${status} with ${difference(service, variant)}`);
    });
  };
  ask(configured, (status) => {
    if (status === null || !refusals.includes(status)) done(null);
    else {
      if (status === 431) others.unshift(few);
      tryNext(status);
    }
  });
}

/**
 * The status with which a web service answers the request of a reflector; `null`: it does not answer HTTP. `done` is called
 * once, never from within this call.
 */
export function webStatus(
  host: Host,
  dial: Dial,
  service: Service,
  configuration: Configuration,
  done: (status: number | null) => void,
): void {
  const fields = fieldsOf(service, nameAtReflector(configuration));
  statusOf(host, dial, encodeRequestHead('GET', service.path ?? '/', fields), done);
}

/** The name by which users ask for the device. */
function nameAtReflector(configuration: Configuration): string {
  const { id } = configuration.device;
  const label = typeof id === 'string' ? id : 'device';
  const [first = ''] = reflectorsOf(configuration);
  const uri = parseHttpUri(first);
  return uri ? hostHeader({ ...uri, host: `${label}.${uri.host}` }) : label;
}

function fieldsOf({ host, forwarded, headers }: RequestVariant, ours: string): (readonly [string, string])[] {
  const fields: (readonly [string, string])[] = [
    ['Host', host ?? ours],
    ['Connection', 'close'],
  ];
  if (headers === 'few') return fields;
  fields.push(...browserFields);
  if (forwarded)
    fields.push(
      ['X-Forwarded-For', '203.0.113.7'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Host', ours],
    );
  return fields;
}

function difference(service: Service, variant: RequestVariant): string {
  const keys = ['host', 'forwarded', 'headers'] as const;
  return keys
    .filter((key) => service[key] !== variant[key])
    .map((key) => `"${key}": ${JSON.stringify(variant[key])}`)
    .join(', ');
}

/** The status of the answer; `null` when there is none that can be read. */
function statusOf(
  { clock }: Host,
  dial: Dial,
  head: Uint8Array,
  done: (status: number | null) => void,
): void {
  const reader = new ResponseReader(defaultLimits.headBytes);
  let socket: Socket | null = null;
  let over = false;
  const finish = (status: number | null) => {
    if (over) return;
    over = true;
    deadline.cancel();
    attempt.cancel();
    socket?.destroy();
    done(status);
  };
  const deadline = clock.schedule(ANSWER_MS, () => finish(null));
  const attempt = dial({
    connected: (connected) => {
      socket = connected;
      socket.write(head);
    },
    data: (bytes, start, end) => {
      try {
        const read = reader.push(bytes, start, end);
        if (read) finish(read.response.status);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        finish(null);
      }
    },
    taken: () => undefined,
    ended: () => finish(null),
    closed: () => finish(null),
  });
}
