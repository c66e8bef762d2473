import { describe, expect, it } from 'vitest';
import { hex } from '../../../protocol/src/testing/bytes.ts';
import { noHandles } from '../../simulation/host.ts';
import { LINK_ADDRESS, LinkStage } from '../../simulation/link-stage.ts';

describe('a link', () => {
  it('is idle until it is started, and holds nothing', () => {
    const stage = new LinkStage();
    stage.run(1000);
    expect(stage.link.state).toBe('idle');
    expect(stage.host.handles).toEqual(noHandles);
  });

  it('gets live, with one socket and one timer', () => {
    const stage = new LinkStage().live();
    expect(stage.events).toEqual(['connecting', 'live']);
    expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1, timers: 1 });
    stage.link.start();
    stage.link.retry();
    stage.run(10_000);
    expect(stage.reflector.connections).toHaveLength(1);
  });

  it('waits when its settings cannot be read, and reads them again', () => {
    const stage = new LinkStage();
    stage.prepareError = 'device.password: no such file';
    stage.link.start();
    stage.until('waiting');
    expect(stage.events).toEqual(['connecting', 'device.password: no such file']);
    stage.prepareError = null;
    stage.until('live');
    expect(stage.waits).toHaveLength(1);
  });

  it('waits when an attempt fails, ever longer, and dials again', () => {
    const stage = new LinkStage();
    stage.host.network.names.set('r.example', {
      code: 'name-failure',
      message: 'name server does not answer',
    });
    stage.link.start();
    for (let i = 0; i < 12; i++) {
      stage.until('waiting');
      stage.until('preparing');
    }
    for (const [attempt, wait] of stage.waits.entries()) {
      expect(wait).toBeLessThanOrEqual(Math.min(300_000, 1000 * 2 ** attempt));
    }
    expect(new Set(stage.kinds)).toEqual(new Set(['fault']));
    stage.host.network.names.set('r.example', [LINK_ADDRESS]);
    stage.until('live');
  });

  it('passes on what the reflector has asked for', () => {
    const stage = new LinkStage();
    stage.reflector.answer = () => 'HTTP/1.1 503 x\r\nRetry-After: 100\r\n\r\n';
    stage.link.start();
    stage.until('waiting');
    expect(stage.waits[0]).toBeGreaterThanOrEqual(100_000);
    expect(stage.waits[0]).toBeLessThanOrEqual(200_000);
  });

  const ends: [string, (stage: LinkStage) => void, string][] = [
    ['a close frame', ({ reflector }) => reflector.peer.closeTunnel(1001), 'closed by the reflector (1001)'],
    [
      'a close frame with a reason',
      ({ reflector }) => reflector.peer.raw(hex('88 06 03e9 6f 66 66 07')),
      'closed by the reflector (1001): off ',
    ],
    [
      'a bad frame',
      ({ reflector }) => reflector.peer.raw(hex('c2 00')),
      'reflector broke the protocol (1002): reserved bit set',
    ],
    ['a reset', ({ reflector }) => reflector.peer.socket.destroy(), 'connection reset'],
    [
      'the end of the stream',
      ({ reflector }) => reflector.peer.socket.end(),
      'connection closed by the reflector',
    ],
  ];

  it.each(ends)('that was live reports why it is down: %s', (_name, end, reason) => {
    const stage = new LinkStage().live();
    end(stage);
    stage.until('waiting');
    expect(stage.events.at(-1)).toBe(reason);
    expect(stage.kinds).toEqual(['fault']);
    expect(stage.host.handles).toEqual({ ...noHandles, timers: 1 });
    stage.until('live');
    expect(stage.host.handles).toEqual({ ...noHandles, sockets: 1, timers: 1 });
  });

  it('that another agent has replaced waits as after a refusal', () => {
    const stage = new LinkStage().live();
    stage.reflector.peer.replace();
    stage.until('waiting');
    expect(stage.events.at(-1)).toBe('replaced: another agent has connected as this device');
    expect(stage.waits[0]).toBeGreaterThan(18_000);
  });

  it('that a clone of the device evicts again and again asks ever more seldom', () => {
    const stage = new LinkStage();
    stage.link.start();
    for (let eviction = 0; eviction < 12; eviction++) {
      stage.until('live');
      stage.run(90_000);
      stage.reflector.peer.replace();
      stage.until('waiting');
    }
    expect(Number(stage.waits.at(-1))).toBeGreaterThan(1_800_000);
    expect(new Set(stage.kinds)).toEqual(new Set(['refusal']));
  });

  it('closes within two seconds when the reflector does not answer the close frame', () => {
    const stage = new LinkStage().live();
    const { peer } = stage.reflector;
    stage.reflector.last.ended = () => undefined;
    peer.raw(hex('c2 00'));
    stage.until('closing');
    const took = stage.until('waiting');
    expect(took).toBeGreaterThan(1900);
    expect(took).toBeLessThanOrEqual(2000);
    expect(stage.host.handles).toEqual({ ...noHandles, timers: 1 });
  });

  it('takes a tunnel that lasted as a reason to start the back-off anew, a shorter one where the reflector goes away', () => {
    const broken = ({ reflector }: LinkStage) => reflector.peer.socket.destroy();
    const ledAway = ({ reflector }: LinkStage) => reflector.peer.closeTunnel(1001);
    for (const [lasting, end, most] of [
      [120_000, broken, 1000],
      [6000, broken, 32_000],
      [6000, ledAway, 1000],
      [1000, ledAway, 32_000],
    ] as const) {
      const stage = new LinkStage();
      stage.reflector.answer = () => 'HTTP/1.1 500 x\r\n\r\n';
      stage.link.start();
      for (let i = 0; i < 5; i++) {
        stage.until('waiting');
        stage.until('preparing');
      }
      stage.reflector.answer = () => 'accept';
      stage.until('live');
      stage.run(lasting);
      end(stage);
      stage.until('waiting');
      expect(stage.waits.at(-1)).toBeLessThanOrEqual(most);
      if (most > 1000) expect(stage.waits.at(-1)).toBeGreaterThan(1000);
    }
  });
});
