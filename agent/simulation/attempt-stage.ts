import { formatHttpUri } from 'rm-protocol';
import { expect } from 'vitest';
import { pattern } from '../../protocol/src/testing/bytes.ts';
import { describeProxy } from '../src/dial/proxy-server.ts';
import type { StepFailure } from '../src/dial/steps.ts';
import type { TlsOptions } from '../src/host.ts';
import { Attempt, type Upgraded } from '../src/link/attempt.ts';
import type { AttemptSettings } from '../src/link/attempt-settings.ts';
import { attemptSettingsFor } from './attempt-settings.ts';
import { noHandles, SimulatedHost } from './host.ts';
import { SimulatedReflector } from './reflector.ts';
import type { TlsAnswer } from './socket.ts';

export const SESSION = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', publicKeyDigest: pattern(32) };
export const ADDRESS = '192.0.2.1';

/** A host on whose network `r.example` is the reflector, with and without TLS. */
export class AttemptStage {
  readonly host = new SimulatedHost();
  readonly plain: SimulatedReflector;
  readonly secure: SimulatedReflector;
  readonly tlsAsked: TlsOptions[] = [];
  tls: TlsAnswer = () => SESSION;
  readonly steps: string[] = [];
  readonly passed: string[] = [];
  readonly tried: string[] = [];
  readonly lost: string[] = [];
  upgraded: Upgraded | null = null;
  failure: StepFailure | null = null;
  attempt: Attempt | null = null;

  constructor() {
    const { network } = this.host;
    network.names.set('r.example', [ADDRESS]);
    this.plain = new SimulatedReflector(network, ADDRESS, 80);
    this.secure = new SimulatedReflector(network, ADDRESS, 443, (options) => {
      this.tlsAsked.push(options);
      return this.tls(options);
    });
  }

  start(uri = 'http://r.example/', given: Partial<AttemptSettings> = {}): this {
    this.attempt = new Attempt(this.host, attemptSettingsFor(uri, given), {
      step: (step, detail) => this.steps.push(`${step} ${detail}`),
      trying: ({ uri, proxy }) =>
        this.tried.push(`${formatHttpUri(uri)}${proxy ? ` by ${describeProxy(proxy)}` : ''}`),
      passed: (step, detail) => this.passed.push(`${step} ${detail}`),
      upgraded: (connection) => {
        expect(this.over).toBe(false);
        this.upgraded = connection;
      },
      lost: ({ message }) => this.lost.push(message),
      failed: (failure) => {
        expect(this.over).toBe(false);
        this.failure = failure;
      },
    });
    return this;
  }

  get over(): boolean {
    return this.upgraded !== null || this.failure !== null;
  }

  /** Dials, waits for the end and expects a failure that leaves nothing behind. */
  fails(uri?: string, given?: Partial<AttemptSettings>): StepFailure {
    this.start(uri, given);
    this.host.clock.until('the end of the attempt', () => this.over);
    if (!this.failure) throw new Error('has not failed');
    expect(this.host.handles).toEqual(noHandles);
    this.host.clock.advance(100_000);
    return this.failure;
  }

  succeeds(uri?: string, given?: Partial<AttemptSettings>): Upgraded {
    this.start(uri, given);
    this.host.clock.until('the end of the attempt', () => this.over);
    if (!this.upgraded) throw new Error(`has failed: ${this.failure?.message}`);
    expect(this.host.handles).toEqual({ ...noHandles, sockets: 1 });
    return this.upgraded;
  }
}
