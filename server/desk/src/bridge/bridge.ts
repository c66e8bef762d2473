import {
  type AskName,
  type Asks,
  isOpening,
  type Opening,
  type Question,
  type Ready,
  type Reply,
} from '../../../dashboard/src/desk/messages.ts';

/** What the dashboard has refused: the HTTP status of the API, 0 when the server cannot be reached. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

/** Nobody shows this page who may. */
export class NotShown extends Error {}

/** The dashboard around this page, which asks the API for it. */
export class Bridge {
  readonly opening: Opening;
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #asked = 0;

  constructor(opening: Opening, port: MessagePort) {
    this.opening = opening;
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Reply>) => this.#settle(data);
  }

  /** Rejects with {@link Refused}. */
  ask<Name extends AskName>(name: Name, value: Asks[Name]['takes']): Promise<Asks[Name]['gives']> {
    const ask = this.#asked++;
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(ask, { resolve, reject });
      this.#port.postMessage({ ask, name, value } satisfies Question<Name>);
    }) as Promise<Asks[Name]['gives']>;
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.answer);
    this.#waiting.delete(reply.answer);
    if (!waiting) return;
    if ('fault' in reply) waiting.reject(new Refused(reply.fault, reply.text));
    else waiting.resolve(reply.value);
  }
}

/** The origin of the dashboard: the domain of which this host is `desk`. `null`: this is another host. */
export function dashboardOrigin({ protocol, host }: Pick<Location, 'protocol' | 'host'>): string | null {
  return host.startsWith('desk.') ? `${protocol}//${host.slice('desk.'.length)}` : null;
}

/** Says to the dashboard around this page that it is there, and waits for what it is to show. Rejects with {@link NotShown}. */
export function connectBridge(waitMs: number): Promise<Bridge> {
  const origin = dashboardOrigin(location);
  const { parent } = globalThis;
  return new Promise((resolve, reject) => {
    if (origin === null || parent === window) {
      reject(new NotShown('this page is shown by the dashboard only'));
      return;
    }
    const timer = setTimeout(() => end(() => reject(new NotShown('the dashboard does not answer'))), waitMs);
    const opened = ({ data, origin: from, source, ports: [port] }: MessageEvent) => {
      if (from !== origin || source !== parent || !isOpening(data) || !port) return;
      end(() => resolve(new Bridge(data, port)));
    };
    const end = (then: () => void) => {
      clearTimeout(timer);
      removeEventListener('message', opened);
      then();
    };
    addEventListener('message', opened);
    parent.postMessage({ desk: 'ready' } satisfies Ready, origin);
  });
}
