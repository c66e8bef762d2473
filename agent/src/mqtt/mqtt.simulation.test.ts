import { describe, expect, it } from 'vitest';
import { Random } from '../../../protocol/src/testing/random.ts';
import { MqttStage } from '../../simulation/mqtt-stage.ts';
import type { ConnectionFault } from '../../simulation/socket.ts';

/**
 * Whatever becomes of connections and of the broker, in the end the retained status is that of the device, and each
 * command has been answered once. `RM_SEEDS=1000000` tries more seeds, `RM_SEED=<number>` replays one that failed; from 10,000
 * on there are as many take-overs.
 */
const seeds = Number(process.env.RM_SEEDS ?? 500);
const only = process.env.RM_SEED;
const SLICE = 250;

const kinds = ['reset', 'end', 'silence'] as const;
/** A dead connection is noticed, the longest wait, and a good attempt. */
const BOUND_MS = 120_000;

function simulate(seed: number): void {
  const random = new Random(seed);
  const version = random.integer(0, 1) === 0 ? '5' : '3.1.1';
  const stage = new MqttStage({ version, keepAlive: 20 }, seed);
  const { clock, network } = stage.host;
  network.faultFor = () =>
    random.integer(0, 2) === 0
      ? null
      : { afterBytes: random.integer(0, 1500), kind: kinds[random.integer(0, 2)] ?? 'reset' };
  stage.broker.willAfterMs = random.integer(0, 3) * 700;
  stage.mqtt.start();
  const asked: string[] = [];
  for (let count = random.integer(1, 10); count > 0; count--) {
    clock.advance(random.integer(0, 15_000));
    switch (random.integer(0, 6)) {
      case 0:
        stage.broker.breakAll();
        break;
      case 1:
        network.cutAll();
        break;
      case 2:
        stage.restart();
        break;
      case 3:
        stage.broker.publish('rm/dom/dev1/status', '{"state":"offline","boot":"earlier"}', true);
        break;
      case 4:
        network.change();
        break;
      default: {
        const id = `c${asked.length}`;
        asked.push(id);
        // Retained, as for a device that may be away.
        stage.command(id, { status: 'init', for: 600 }, true);
      }
    }
  }
  network.faultFor = () => null;
  stage.online(BOUND_MS);
  stage.connect();
  clock.advance(BOUND_MS);
  expect(stage.status).toMatchObject({ state: 'online', boot: stage.mqtt.boot.id, tunnel: 'connected' });
  for (const id of asked)
    expect(stage.report(id), `${id} of seed ${seed}`).toMatchObject({
      status: expect.stringMatching(/^(?:successful|failed)$/),
    });
  // A fault of the last connection may still be to come.
  stage.broker.breakAll();
  stage.online();
  let stopped = false;
  stage.mqtt.stop(() => {
    stopped = true;
  });
  clock.until('it has stopped', () => stopped);
  clock.advance(10_000);
  expect(stage.status, `seed ${seed}`).toMatchObject({ state: 'offline' });
  expect([network.sockets.size, network.lookUps]).toEqual([0, 0]);
}

describe('an MQTT client whose network and broker fail', () => {
  if (only !== undefined) it(`with the faults of seed ${only}`, () => simulate(Number(only)));
  else
    for (let from = 0; from < seeds; from += SLICE)
      it(`with the faults of seeds from ${from}`, () => {
        for (let seed = from; seed < Math.min(seeds, from + SLICE); seed++) simulate(seed);
      });

  it.each(kinds)('connects after a cut at each byte of the handshake: %s', (kind) => {
    for (let afterBytes = 0; afterBytes < 450; afterBytes++) {
      const stage = new MqttStage({ keepAlive: 20 }, afterBytes);
      const faults: ConnectionFault[] = [{ afterBytes, kind }];
      stage.host.network.faultFor = () => faults.shift() ?? null;
      stage.mqtt.start();
      stage.host.clock.advance(BOUND_MS);
      expect(stage.status, `cut after ${afterBytes} bytes`).toMatchObject({ state: 'online' });
    }
  });

  it('leaves no wrong status after thousands of connections that were taken over', () => {
    const stage = new MqttStage({ version: '3.1.1', keepAlive: 20 });
    const random = new Random(7);
    stage.mqtt.start();
    stage.online();
    for (let count = 0; count < Math.max(1000, Math.min(seeds, 10_000)); count++) {
      // The agent loses the connection without the broker's knowledge: the next one takes the session over, and the will
      // of this one comes whenever the broker likes.
      stage.broker.willAfterMs = random.integer(0, 1500);
      stage.broker.takeOver('rm-agent-dev1@dom');
      stage.host.clock.advance(random.integer(0, 20));
      stage.mqtt.retry();
      stage.host.clock.advance(random.integer(5, 40));
      if (count % 100 !== 0) continue;
      stage.host.clock.advance(20_000);
      expect(stage.status, `after ${count}`).toMatchObject({ state: 'online', boot: stage.mqtt.boot.id });
    }
    expect(stage.broker.connections).toBeGreaterThan(500);
    stage.host.clock.advance(20_000);
    expect(stage.status).toMatchObject({ state: 'online' });
  });
});
