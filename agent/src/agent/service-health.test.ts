import { describe, expect, it } from 'vitest';
import { ascii } from '../../../protocol/src/testing/bytes.ts';
import { AgentHost } from '../../simulation/agent-host.ts';
import { LocalService } from '../../simulation/local-service.ts';
import { connected } from '../../simulation/running-agent.ts';

const HOUR = 3_600_000;

/** An agent with one service, that the reflector asks for again and again. */
class HealthStage {
  readonly host = new AgentHost();
  readonly agent;
  #channel = 0;

  constructor(service: object = { port: 80, name: 'Web' }) {
    this.agent = connected(this.host, { services: [service] }).agent;
    this.host.lines.length = 0;
  }

  listen(): LocalService {
    return new LocalService(this.host.network, 80);
  }

  stopListening(): void {
    this.host.network.endpoints.delete('127.0.0.1:80');
  }

  open(ms = 100): number {
    this.host.reflector.peer.open(++this.#channel, 80);
    this.host.clock.advance(ms);
    return this.#channel;
  }

  /** A connection that brings something and ends in order. */
  use(service: LocalService): void {
    const channel = this.open();
    service.last.socket.write(ascii('hello'));
    this.host.clock.advance(10);
    service.last.socket.end();
    this.host.clock.advance(10);
    this.host.reflector.peer.close(channel);
    this.host.clock.advance(100);
  }

  get logged(): string[] {
    return this.host.lines.filter((line) => !line.startsWith('debug'));
  }

  get result() {
    return this.agent.status().services[0]?.result;
  }
}

const refused = 'warning service on port 80 (Web) cannot be reached: connection refused';

describe('a service that fails', () => {
  it('is logged once, and is in the status', () => {
    const stage = new HealthStage();
    expect(stage.result).toBeNull();
    for (let i = 0; i < 50; i++) stage.open();
    expect(stage.logged).toEqual([refused]);
    expect(stage.result).toMatchObject({ ok: false, reason: 'connection refused' });
    stage.host.clock.advance(2 * HOUR);
    stage.open();
    expect(stage.logged).toEqual([refused]);
  });

  it.each<[string, object, (stage: HealthStage) => void, string]>([
    ['its name is not known', { target: 'camera' }, () => undefined, 'name not found'],
    [
      'it does not answer',
      {},
      ({ host }) => host.network.endpoints.set('127.0.0.1:80', 'silent'),
      'no answer within 10 s',
    ],
    ['it does not speak TLS', { kind: 'https' }, (stage) => stage.listen(), 'TLS failed: no TLS there'],
  ])('because %s', (_name, more, prepare, reason) => {
    const stage = new HealthStage({ port: 80, ...more });
    prepare(stage);
    stage.open(11_000);
    expect(stage.logged).toEqual([`warning service on port 80 cannot be reached: ${reason}`]);
  });

  it('because it resets connections before it has sent anything', () => {
    const stage = new HealthStage();
    const service = stage.listen();
    stage.open();
    expect(stage.result).toMatchObject({ ok: true });
    service.last.socket.destroy();
    stage.host.clock.advance(100);
    expect(stage.logged).toEqual([
      'warning service on port 80 (Web) cannot be reached: connection reset before a byte came',
    ]);
    // One that has answered may reset as it likes.
    stage.open();
    service.last.socket.write(ascii('hello'));
    stage.host.clock.advance(100);
    service.last.socket.destroy();
    stage.host.clock.advance(100);
    expect(stage.result).toMatchObject({ ok: true });
  });

  it('is logged when it works again, and anew after that, but not more than once in an hour', () => {
    const stage = new HealthStage();
    const again = 'info service on port 80 (Web) works again';
    stage.open();
    stage.use(stage.listen());
    expect(stage.logged).toEqual([refused, again]);
    for (let round = 0; round < 20; round++) {
      stage.stopListening();
      stage.open();
      stage.use(stage.listen());
    }
    expect(stage.logged).toEqual([refused, again]);
    stage.host.clock.advance(HOUR);
    stage.use(stage.listen());
    stage.stopListening();
    stage.open();
    expect(stage.logged).toEqual([refused, again, refused]);
  });
});
