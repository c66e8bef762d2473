import type { Native } from '../../tiny/native.ts';

/** What C answers to a question: refuse, allow, or later (`rm_agent_answer`). */
export const Answer = { refuse: 0, allow: 1, later: 2 } as const;

/** The functions of C (`src/bridge.c`). They call the program, so they may run only where `deferred.ts` runs them. */
export interface Callbacks {
  log(agent: number, severity: number, text: string): void;
  /** `state` and `type` are the numbers of `rm_agent.h`. */
  event(
    agent: number,
    type: number,
    state: number,
    text: string | null,
    retryMs: number,
    port: number,
    channel: number,
    open: boolean,
    json: string,
  ): void;
  /** The secret that stands at `path`, or `null`. */
  credential(agent: number, path: string): string | null;
  /** `consent`: a person is asked; else the program itself decides. The answer is one of {@link Answer}. */
  access(agent: number, question: number, port: number, channel: number, consent: boolean): number;
  /** False: the program refuses the connection. */
  opened(agent: number, stream: number, port: number): boolean;
  /** Keeps a copy of `bytes[start..end)` until the program reads it. */
  received(stream: number, bytes: Uint8Array, start: number, end: number): void;
  /** The peer has sent its last byte. */
  ended(stream: number): void;
  readable(stream: number): void;
  writable(stream: number): void;
  /** The connection is over; `error` is for a person, or `null`. Without `tell`, the program is not called. */
  closed(stream: number, error: string | null, tell: boolean): void;
}

/** The calls of C, by the name that `src/bridge.c` knows. They come from the loop, never from within a callback of the core. */
export interface Calls {
  /** An agent, or why there is none. `callbacks`: which of its callbacks the program has set. */
  create(
    agent: number,
    configuration: string,
    callbacks: { readonly credential: boolean; readonly admit: boolean; readonly consent: boolean },
    ports: readonly number[],
    severity: number,
  ): string | null;
  start(agent: number): void;
  stop(agent: number): void;
  disable(agent: number): void;
  retry(agent: number): void;
  destroy(agent: number): void;
  consent(agent: number, allow: boolean, port: number): void;
  decide(question: number, allow: boolean): void;
  state(agent: number): number;
  status(agent: number): string;
  /** The program has read so many bytes; `empty`: it has found no more. */
  taken(stream: number, count: number, empty: boolean): void;
  /** How many of these bytes were taken. They are valid during the call only. */
  send(stream: number, bytes: Uint8Array): number;
  end(stream: number): void;
  abort(stream: number): void;
}

/** What the library's C host adds to that of the executable. */
export interface LibraryNative extends Native {
  readonly callbacks: Callbacks;
  calls: Calls;
  version: string;
}
