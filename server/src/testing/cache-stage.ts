import type { StoredAnswer, WebAnswer, WebRequest } from 'rm-reflector/ports';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { AnswerCache } from '../cache/answers/answer-cache.ts';
import { defaultLimits, type Limits } from '../limits.ts';

/** A head as a test writes it: one line each. */
export type Head = readonly string[];

/** What a device answers. */
export interface DeviceAnswer {
  readonly status?: number;
  readonly head?: Head;
  readonly body?: string | Buffer;
  readonly framing?: WebAnswer['framing'];
  /** `Content-Length` where it is not that of the body. */
  readonly length?: number;
  readonly connectionAuthenticated?: boolean;
  /** The transfer breaks off after so many bytes of the body. */
  readonly cutAfter?: number;
}

/** What came of a request. */
export interface Outcome {
  /** `kept`: the device was not asked. `checked`: it was asked, and said that nothing has changed. */
  readonly by: 'kept' | 'checked' | 'device';
  readonly status: number;
  readonly body: string;
  /** Lines of the head in lower case; those that the cache has added are among them. */
  readonly head: ReadonlyMap<string, string>;
  /** What the device was sent in addition. */
  readonly asked: readonly string[];
}

export interface Ask {
  readonly device?: WebRequest['device'];
  readonly user?: string;
  readonly port?: number;
  readonly origin?: string;
  readonly method?: string;
  readonly target?: string;
  readonly hasBody?: boolean;
  readonly head?: Head;
  /** Where the device gets other lines. */
  readonly deviceHead?: Head;
}

export const pump = deviceOf('pump', '1.0');

export function deviceOf(id: string, version?: string, uid = `uid of ${id}`): WebRequest['device'] {
  return {
    id,
    uid,
    properties: Object.assign(Object.create(null), version === undefined ? {} : { version }),
  };
}

/** Requests to a cache, without a reflector. */
export class CacheStage {
  readonly clock = new ManualClock();
  readonly cache: AnswerCache;

  constructor(bytes = 1 << 20, limits: Partial<Limits> = {}) {
    this.cache = new AnswerCache(this.clock, { ...defaultLimits, ...limits }, bytes);
  }

  /** The whole of a request. `answer`: what the device says if it is asked. */
  ask(
    {
      device = pump,
      user = 'alice',
      port = 80,
      origin = 'https://pump.example',
      method = 'GET',
      target = '/logo.png',
      hasBody = false,
      head = [],
      deviceHead = head,
    }: Ask = {},
    answer: DeviceAnswer = {},
  ): Outcome {
    const {
      status = 200,
      head: answerHead = ['Content-Type: image/png'],
      body = 'picture',
      framing,
    } = answer;
    const headers = lines(head);
    const request: WebRequest = {
      device,
      port,
      user,
      origin,
      method,
      target,
      hasBody,
      headers,
      deviceHeaders: lines(deviceHead),
    };
    const use = this.cache.use(request);
    if (use?.stored) {
      const outcome = outcomeOf('kept', use.stored, use.added, []);
      use.closed();
      return outcome;
    }
    const bytes = Buffer.from(body);
    const used = use?.answered({
      status,
      reason: '',
      headers: lines(answerHead),
      framing: framing ?? 'length',
      length: (framing ?? 'length') === 'length' ? (answer.length ?? bytes.length) : 0,
      connectionAuthenticated: answer.connectionAuthenticated ?? false,
    });
    const asked = use?.added ?? [];
    if (!used?.instead) {
      const came = bytes.subarray(0, answer.cutAfter ?? bytes.length);
      for (let at = 0; at < came.length; at += 1000) use?.body(came.subarray(at, at + 1000));
    }
    if (answer.cutAfter === undefined) use?.whole();
    const outcome = used?.instead
      ? outcomeOf('checked', used.instead, used.added, asked)
      : outcomeOf(
          'device',
          { status, reason: '', headers: lines(answerHead), body: [bytes] },
          used?.added ?? [],
          asked,
        );
    use?.closed();
    return outcome;
  }
}

function lines(head: Head): string[] {
  return head.flatMap((line) => {
    const at = line.indexOf(':');
    return [line.slice(0, at), line.slice(at + 1).trim()];
  });
}

function outcomeOf(
  by: Outcome['by'],
  { status, headers, body }: StoredAnswer,
  added: readonly string[],
  asked: readonly string[],
): Outcome {
  const all = [...headers, ...added];
  const head = new Map<string, string>();
  for (let i = 0; i + 1 < all.length; i += 2) head.set(all[i]?.toLowerCase() ?? '', all[i + 1] ?? '');
  return { by, status, body: Buffer.concat(body).toString(), head, asked };
}
