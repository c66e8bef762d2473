import { describe, expect, it } from 'vitest';
import { AgentHost } from '../../simulation/agent-host.ts';
import { MqttStage } from '../../simulation/mqtt-stage.ts';
import { Commands } from './commands.ts';
import { mqttLimits } from './limits.ts';

describe('a hostile broker', () => {
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

  it('deliveries: repeats one command and takes no report of it: the last of them wait, no more', () => {
    const clock = new AgentHost(1).clock;
    const published: (() => void)[] = [];
    const commands = new Commands(
      clock,
      {
        command: {
          topic: 'cmd/{id}',
          match: {},
          id: null,
          until: 'until',
          duration: 'for',
          timeout: 60,
        },
        report: { topic: 'cmd/{id}', payload: { status: '{state}' }, words: {}, retain: true },
      } as unknown as ConstructorParameters<typeof Commands>[1],
      {},
      { state: 'stopped', until: null, longestMs: 3_600_000, open: () => null, giveUp: () => undefined },
      (_message, taken) => void published.push(taken),
    );
    const acknowledged: number[] = [];
    for (let count = 0; count < 1000; count++)
      commands.received('cmd/a', new TextEncoder().encode('{}'), () => acknowledged.push(count));
    expect([published.length, acknowledged.length]).toEqual([1, 1000 - mqttLimits.deliveries]);
    published[0]?.();
    expect(acknowledged).toEqual(Array.from({ length: 1000 }, (_, count) => count));
  });
});
