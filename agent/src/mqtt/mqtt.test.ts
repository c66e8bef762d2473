import { describe, expect, it } from 'vitest';
import { MqttStage } from '../../simulation/mqtt-stage.ts';

function started(given: object = {}): MqttStage {
  const stage = new MqttStage(given);
  stage.mqtt.start();
  stage.online();
  return stage;
}

describe.each(['5', '3.1.1'])('the device at a broker, MQTT %s', (version) => {
  it('retains its status and its properties, with nothing secret and no address', () => {
    const stage = started({ version });
    stage.mqtt.setProperties([{ name: 'site', value: 'Oslo' }]);
    stage.host.clock.advance(1000);
    expect(stage.status).toMatchObject({ state: 'online', seq: 1, tunnel: 'stopped', version: '1.2.3' });
    expect(stage.broker.json('rm/dom/dev1/properties')).toEqual({ site: 'Oslo' });
    expect(stage.broker.published.join()).not.toMatch(/s3cret|192\.0\.2/);
  });

  it('opens the tunnel, and reports it', () => {
    const stage = started({ version });
    stage.command('a', { status: 'init', for: 600 });
    stage.host.clock.advance(100);
    expect(stage.report('a')).toMatchObject({ status: 'executing' });
    stage.connect();
    stage.host.clock.advance(100);
    expect(stage.report('a')).toMatchObject({ status: 'successful', boot: stage.mqtt.boot.id });
    expect(stage.status).toMatchObject({ tunnel: 'connected' });
  });

  it('bounds the time for which it opens', () => {
    const stage = started({ version });
    stage.command('a', { status: 'init', until: '2199-01-01T00:00:00Z' });
    stage.host.clock.advance(100);
    const [until = 0] = stage.opened;
    expect(until - stage.host.clock.date()).toBeLessThanOrEqual(3_600_000);
  });

  it.each([
    [{ status: 'init', until: '2001-01-01T00:00:00Z' }, 'expired'],
    [{ status: 'init', until: 1 }, 'expired'],
    [{ status: 'init', for: 0 }, 'expired'],
    [{ status: 'init', until: 'tomorrow' }, 'malformed'],
    [{ status: 'init', until: {} }, 'malformed'],
    [{ status: 'init', for: '1h' }, 'malformed'],
  ])('fails %j: %s', (command, reason) => {
    const stage = started({ version });
    stage.command('a', command);
    stage.host.clock.advance(100);
    expect(stage.report('a')).toMatchObject({ status: 'failed', reason });
    expect(stage.opened).toEqual([]);
  });

  it.each([['unreachable', 'fault'] as const, ['refused', 'refusal'] as const])(
    'says why there is no tunnel: %s',
    (reason, kind) => {
      const stage = started({ version, command: { timeout: 5 } });
      stage.command('a', { status: 'init', for: 600 });
      stage.host.clock.advance(100);
      stage.mqtt.attemptFailed(kind);
      stage.host.clock.advance(6000);
      expect(stage.report('a')).toMatchObject({ status: 'failed', reason });
    },
  );

  it('answers a command that is delivered again once', () => {
    const stage = started({ version });
    stage.command('a', { status: 'init', for: 600 });
    stage.command('a', { status: 'init', for: 600 });
    stage.host.clock.advance(100);
    stage.connect();
    stage.host.clock.advance(100);
    stage.command('a', { status: 'init', for: 600 });
    stage.host.clock.advance(100);
    expect(stage.opened).toHaveLength(1);
    expect(stage.broker.published.filter((line) => /cmd\/tunnel\/a .*successful/.test(line))).toHaveLength(1);
  });

  it.each([
    '',
    'x',
    '[]',
    'null',
    '{"status":"executing"}',
    '{"status":"successful"}',
    '{"status":{}}',
    '{"status":{"toString":1,"valueOf":1}}',
    `"${'x'.repeat(5000)}"`,
  ])('leaves %j alone', (payload) => {
    const stage = started({ version });
    stage.broker.publish('rm/dom/dev1/cmd/tunnel/a', payload);
    stage.host.clock.advance(1000);
    expect(stage.opened).toEqual([]);
    expect(stage.mqtt.status.connected).toBe(true);
  });

  it.each(['a/b', '+', 'a\x85', 'a\ufdd0', 'a\uffff', 'a\ud800', ''])(
    'names no topic by %j: a broker that ends the connection for it would deliver the command again',
    (id) => {
      const topics = { command: { topic: 'cmd', id: 'id' }, report: { topic: 'done/{id}', retain: false } };
      const stage = started({ version, ...topics });
      stage.broker.publish('cmd', JSON.stringify({ status: 'init', id, for: 600 }));
      stage.host.clock.advance(1000);
      expect(stage.opened).toEqual([]);
      expect(stage.broker.published.join()).not.toContain('done/');
      stage.broker.publish('cmd', JSON.stringify({ status: 'init', id: 'Ä 1', for: 600 }));
      stage.host.clock.advance(1000);
      expect(stage.broker.published.join()).toContain('done/Ä 1');
    },
  );

  it('goes on with what an earlier start has begun', () => {
    const stage = new MqttStage({ version });
    stage.command('a', { status: 'executing', boot: 'earlier', for: 600 }, true);
    stage.mqtt.start();
    stage.online();
    stage.connect();
    stage.host.clock.advance(1000);
    expect(stage.report('a')).toMatchObject({ status: 'successful' });
  });

  it('takes commands that came while it was away', () => {
    const stage = started({ version });
    stage.broker.breakAll();
    stage.command('a', { status: 'init', for: 600 });
    stage.host.clock.advance(30_000);
    expect(stage.opened).toHaveLength(1);
  });

  it('replaces a status that is not its own', () => {
    const stage = started({ version });
    stage.broker.publish('rm/dom/dev1/status', '{"state":"offline","boot":"earlier"}', true);
    stage.host.clock.advance(100);
    expect(stage.status).toMatchObject({ state: 'offline' });
    stage.host.clock.advance(2000);
    expect(stage.status).toMatchObject({ state: 'online', boot: stage.mqtt.boot.id, seq: 2 });
  });

  it('waits longer and longer when another agent writes to the same topic', () => {
    const stage = started({ version });
    const before = stage.broker.published.length;
    for (let minute = 0; minute < 600; minute++) {
      stage.broker.publish('rm/dom/dev1/status', `{"state":"online","boot":"other","seq":${minute}}`, true);
      stage.host.clock.advance(1000);
    }
    expect(stage.broker.published.length - before - 600).toBeLessThan(30);
  });

  it('says good-bye: the status is offline, and the will is not published', () => {
    const stage = started({ version });
    let stopped = false;
    stage.mqtt.stop(() => {
      stopped = true;
    });
    stage.host.clock.until('it has stopped', () => stopped);
    stage.host.clock.advance(1000);
    expect(stage.status).toMatchObject({ state: 'offline', seq: 2 });
    expect(stage.host.network.sockets.size).toBe(0);
  });

  it('the broker tells when it is gone', () => {
    const stage = started({ version });
    stage.broker.breakAll();
    expect(stage.status).toMatchObject({ state: 'offline', boot: stage.mqtt.boot.id });
    stage.online();
  });

  it('sends nothing but a ping in three quarters of the keep-alive time', () => {
    const stage = started({ version, keepAlive: 100 });
    stage.host.clock.advance(1000);
    const before = stage.broker.published.length;
    stage.host.clock.advance(600_000);
    expect(stage.broker.published).toHaveLength(before);
    expect(stage.mqtt.status.connected).toBe(true);
  });

  it('notices a connection that is dead', () => {
    const stage = started({ version, keepAlive: 20 });
    stage.host.network.cutAll();
    stage.host.clock.until('it is gone', () => !stage.mqtt.status.connected, 30_000);
    stage.host.clock.until('it is back', () => stage.mqtt.status.connected, 60_000);
  });
});

describe('layouts of others', () => {
  it('has those of thin-edge', () => {
    const stage = new MqttStage({
      prefix: 'te',
      status: {
        topic: '{prefix}/device/main/service/rm-agent/status/health',
        payload: { status: '{state}' },
        words: { online: 'up', offline: 'down' },
      },
      properties: { topic: null },
      command: { topic: '{prefix}/device/main///cmd/remote_access/{id}' },
      report: { topic: '{prefix}/device/main///cmd/remote_access/{id}' },
    });
    stage.mqtt.start();
    stage.host.clock.until('it is up', () => stage.broker.retained.size > 0);
    expect([...stage.broker.retained]).toEqual([
      ['te/device/main/service/rm-agent/status/health', '{"status":"up"}'],
    ]);
    stage.broker.publish('te/device/main///cmd/remote_access/c8y-1', '{"status":"init"}', true);
    stage.host.clock.advance(100);
    stage.connect();
    stage.host.clock.advance(100);
    expect(stage.broker.json('te/device/main///cmd/remote_access/c8y-1')).toMatchObject({
      status: 'successful',
    });
  });

  it('has those of jobs with the ID in the payload', () => {
    const stage = new MqttStage({
      prefix: '$aws/things',
      status: { topic: null },
      properties: { topic: null },
      command: {
        topic: '{prefix}/{device}/jobs/notify-next',
        match: { 'execution.jobDocument.operation': 'tunnel' },
        id: 'execution.jobId',
        until: 'execution.jobDocument.until',
      },
      report: {
        topic: '{prefix}/{device}/jobs/{id}/update',
        retain: false,
        payload: { status: '{state}', 'statusDetails.reason': '{reason}' },
        words: { executing: 'IN_PROGRESS', successful: 'SUCCEEDED', failed: 'FAILED' },
      },
    });
    stage.mqtt.start();
    stage.host.clock.until('it is connected', () => stage.mqtt.status.connected);
    stage.host.clock.advance(100);
    const notify = (execution: object) =>
      stage.broker.publish('$aws/things/dev1/jobs/notify-next', JSON.stringify({ execution }));
    notify({ jobId: 'j1', jobDocument: { operation: 'reboot' } });
    notify({ jobId: 'j2', jobDocument: { operation: 'tunnel', until: 5 } });
    notify({});
    stage.host.clock.advance(100);
    expect(stage.broker.published.filter((line) => line.includes('/update'))).toEqual([
      '$aws/things/dev1/jobs/j2/update {"status":"FAILED","statusDetails":{"reason":"expired"}}',
    ]);
  });
});
