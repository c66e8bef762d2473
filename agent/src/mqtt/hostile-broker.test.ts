import { ProtocolError } from 'rm-protocol';
import { describe, expect, it } from 'vitest';
import { MqttStage } from '../../simulation/mqtt-stage.ts';
import { Random } from '../../simulation/random.ts';
import { decode } from './codec.ts';
import { mqttLimits } from './limits.ts';
import { Session } from './session.ts';

/** Packets of a broker that a mutation begins with; level 5. */
const samples = [
  '2003000000',
  '200b00000821000a13001e2500',
  '3208000174000a006869',
  '4004000a8700',
  '900400010001',
  'd000',
  'e0028e00',
  '3011000174090b2600016100016268690000',
];

const rounds = Number(process.env.RM_FUZZ_ROUNDS ?? 5000);

function mutated(random: Random): Uint8Array {
  const bytes = Uint8Array.from(Buffer.from(samples[random.integer(0, samples.length - 1)] ?? '', 'hex'));
  const grown = new Uint8Array(bytes.length + random.integer(0, 8));
  grown.set(bytes);
  for (let count = random.integer(1, 4); count > 0; count--)
    grown[random.integer(0, grown.length - 1)] = random.integer(0, 255);
  return grown.subarray(0, random.integer(1, grown.length));
}

describe('a hostile broker', () => {
  it('gets nothing but ProtocolError out of the parser', () => {
    const random = new Random(1);
    for (let round = 0; round < rounds; round++) {
      const bytes = mutated(random);
      for (const level of [4, 5] as const) {
        try {
          decode(level, bytes);
        } catch (error) {
          if (!(error instanceof ProtocolError))
            throw new Error(`${Buffer.from(bytes).toString('hex')}: ${error}`);
        }
      }
    }
  });

  it('cannot make a session throw, or answer without end', () => {
    const random = new Random(2);
    for (let round = 0; round < rounds / 10; round++) {
      let sent = 0;
      let received = 0;
      const settings = {
        level: 5,
        clientId: 'a',
        keepAlive: 60,
        sessionExpiry: 0,
        willDelay: 0,
        maximumPacket: 64,
      } as const;
      const session = new Session(settings, ['t'], {
        accepted: () => undefined,
        message: (_topic, _payload, acknowledge) => acknowledge(),
        failed: () => undefined,
        denied: () => undefined,
      });
      session.open((bytes) => (sent += bytes.length), { user: null, password: null, will: null });
      session.receive(Buffer.from('2003000000', 'hex'), 0, 5);
      for (let count = 0; count < 20; count++) {
        const bytes = mutated(random);
        received += bytes.length;
        session.receive(bytes, 0, bytes.length);
      }
      expect(sent).toBeLessThan(200 + 2 * received);
    }
  });

  it('floods with commands: as many as are remembered are under way, and the rest are left to it', () => {
    const stage = new MqttStage();
    stage.mqtt.start();
    stage.online();
    for (let count = 0; count < 5000; count++) stage.command(`c${count}`, { status: 'init', for: 600 });
    stage.host.clock.advance(10_000);
    expect(stage.opened).toHaveLength(mqttLimits.commands);
    expect(stage.mqtt.status.connected).toBe(true);
    stage.connect();
    stage.host.clock.advance(10_000);
    expect(stage.report('c0')).toMatchObject({ status: 'successful' });
  });

  it('floods with what is no command', () => {
    const stage = new MqttStage();
    stage.mqtt.start();
    stage.online();
    for (let count = 0; count < 5000; count++)
      stage.broker.publish(`rm/dom/dev1/cmd/tunnel/${count}`, 'x'.repeat(8000));
    stage.host.clock.advance(60_000);
    expect(stage.opened).toEqual([]);
    expect(stage.status).toMatchObject({ state: 'online' });
  });

  it('sends a message beyond the bound: it is passed over, and told once', () => {
    const stage = new MqttStage({ version: '3.1.1' });
    stage.mqtt.start();
    stage.online();
    for (let count = 0; count < 3; count++)
      stage.command('big', { status: 'init', text: 'x'.repeat(20_000) }, true);
    stage.host.clock.advance(1000);
    expect(stage.mqtt.status.connected).toBe(true);
    expect(stage.lines.filter((line) => line.includes('passed over'))).toHaveLength(1);
  });
});
