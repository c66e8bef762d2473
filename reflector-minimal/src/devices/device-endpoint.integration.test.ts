import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerDigest, chooseDigest, decodeChallenges, encodePropertiesUpdate, Opcode } from 'rm-protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { SqliteStore } from '../store/sqlite-store.ts';
import { ask } from '../testing/ask.ts';
import { originalAgentUpgrade } from '../testing/original-upgrades.ts';
import { type AgentOptions, ScriptedAgent, upgradeHead } from '../testing/scripted-agent.ts';
import { device, domain, extensions, Stage } from '../testing/stage.ts';
import { until } from '../testing/until.ts';
import { UpgradeRefused, WebSocketPeer } from '../testing/web-socket-peer.ts';
import { deviceSecrets } from './digest-secrets.ts';
import { servicesOf } from './services.ts';

/** The device of {@link originalAgentUpgrade}. */
const originalId = '11111111-2222-3333-4444-555555555555';
const noDevice = { properties: {} };

async function refusal(attempt: Promise<unknown>): Promise<UpgradeRefused> {
  const error = await attempt.catch((caught: unknown) => caught);
  if (!(error instanceof UpgradeRefused)) throw new Error(`not refused: ${error}`);
  return error;
}

describe('the upgrade of a device', () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await Stage.open({ limits: { propertiesSaveMs: 10 } });
  });
  afterEach(() => stage.close());

  const connect = (options: Partial<AgentOptions> = {}) => stage.agent(options);

  test('takes the original agent as it is', async () => {
    const { store } = stage.reflector;
    const devices = stage.reflector.presence.local;
    await store.devices.add(
      { id: originalId, domain, secrets: await deviceSecrets(originalId, domain, 's3cret', false) },
      0,
      null,
    );
    const peer = await WebSocketPeer.connect(stage.port, originalAgentUpgrade);
    expect(peer.header('Sec-WebSocket-Protocol')).toBe('com.appinf.webtunnel.server/1.0');
    expect(peer.header('X-WebTunnel-KeepAlive')).toBe('300');
    expect(peer.header('Date')).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    expect(peer.header('X-WebTunnel-Extensions')).toBeUndefined();
    expect(servicesOf((await devices.get(originalId)) ?? noDevice)).toEqual({
      ports: [18022, 18080, 18099],
      httpPort: 18080,
      httpPath: '/ui/',
      sshPort: 18022,
      vncPort: null,
      rdpPort: null,
    });
    const record = await store.devices.get(originalId);
    expect(record).toMatchObject({
      online: true,
      connects: 1,
      address: '127.0.0.1',
      agent: 'WebTunnelAgent/2.5.0 (Linux/6.1.0; x86_64) POCO/1.11.10',
      properties: { name: 'probe "dev"', version: '1.2.3', kernel: '6.1.0', serial: 'SN-1' },
    });
    peer.socket.destroy();
    await until(async () => (await store.devices.get(originalId))?.online === false);
    expect((await store.devices.get(originalId))?.lastSeen).not.toBeNull();
  });

  test.each(['GET', 'POST'] as const)('takes %s', async (method) => {
    const agent = await connect({ method });
    expect(agent.extension).toBeNull();
  });

  test('answers with the extension and keep-alive in force', async () => {
    const agent = await connect({ extensions: 'max-frame=16384, window=1000000', keepAlive: 50 });
    expect(agent.peer.header('X-WebTunnel-Extensions')).toBe('max-frame=16384, window=262144');
    expect(agent.peer.header('X-WebTunnel-KeepAlive')).toBe('50');
    const slow = await connect({ keepAlive: 4000, extensions: 'max-frame=100, window=1000000' });
    expect(slow.peer.header('X-WebTunnel-Extensions')).toBeUndefined();
    expect(slow.peer.header('X-WebTunnel-KeepAlive')).toBe('300');
  });

  test.each([
    ['wrong password', { password: 'guess' }],
    ['unknown device', { id: 'dev2' }],
    ['wrong domain', { domain: '00000000-0000-0000-0000-0000000000bb' }],
    ['not Basic', { authorization: 'Basic !!!' }],
    ['not ours', { authorization: 'Bearer x' }],
  ])('refuses with 401: %s', async (_title, options) => {
    const refused = await refusal(connect(options));
    expect(refused.status).toBe(401);
    expect(refused.values('X-PTTH-Error')).toHaveLength(1);
    expect([
      ...(await stage.reflector.store.devices.page({ domains: null, claimed: true }, '', 10)),
      ...(await stage.reflector.store.devices.page({ domains: null, claimed: false }, '', 10)),
    ]).toHaveLength(1);
  });

  test.each([
    ['a property without a name', { 'X-PTTH-Set-Property': 'rubbish' }],
    ['an extension without a number', { 'X-WebTunnel-Extensions': 'max-frame=x, window=1' }],
    [
      'more properties than the bound',
      {
        'X-PTTH-Set-Property': `device;a=${'x'.repeat(20_000)}`,
        'X-Ptth-Set-Property': `device;b=${'y'.repeat(12_700)}`,
      },
    ],
  ])('refuses with 400: %s', async (title, headers) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const small = title.includes('bound')
      ? await Stage.open({ limits: { propertiesBytes: 30_000, headBytes: 64_000 } })
      : null;
    const head = upgradeHead(device).replace('User-Agent', `${lines.join('')}User-Agent`);
    const refused = await refusal(WebSocketPeer.connect((small ?? stage).port, head));
    expect(refused.status).toBe(400);
    await small?.close();
  });

  test('refuses a head that is no WebSocket upgrade', async () => {
    const head = upgradeHead(device).replace('Sec-WebSocket-Key: IPzDYSW5ClWCGSAl2iQBNQ==\r\n', '');
    expect((await refusal(WebSocketPeer.connect(stage.port, head))).status).toBe(400);
    expect(stage.reflector.presence.local.size).toBe(0);
  });

  test('propertiesBytes: keeps updated properties, and no more than the bound', async () => {
    const agent = await connect({ properties: [{ name: 'targetPorts', value: '22' }] });
    agent.peer.send(encodePropertiesUpdate([{ name: 'httpPort', value: '8080' }]));
    const { store } = stage.reflector;
    const devices = stage.reflector.presence.local;
    await until(async () => servicesOf((await devices.get('dev1')) ?? noDevice).httpPort === 8080);
    await until(async () => (await store.devices.get('dev1'))?.properties.httpPort === '8080');
    for (let i = 0; i < 4; i++) {
      agent.peer.send(encodePropertiesUpdate([{ name: `p${i}`, value: 'x'.repeat(9_000) }]));
    }
    agent.peer.send(encodePropertiesUpdate([{ name: 'last', value: '1' }]));
    await until(async () => (await devices.get('dev1'))?.properties.last === '1');
    expect(Object.keys((await devices.get('dev1'))?.properties ?? {})).toEqual([
      'targetPorts',
      'httpPort',
      'p0',
      'p1',
      'p2',
      'last',
    ]);
  });
});

test('propertiesSaveMs: a flood of property updates is one write to the store a second, the last one at the end', async () => {
  const clock = new ManualClock();
  const stage = await Stage.open({ clock });
  const { store } = stage.reflector;
  const devices = stage.reflector.presence.local;
  const write = vi.spyOn(store.devices, 'setProperties');
  const agent = await stage.agent();
  const update = async (from: number, to: number) => {
    for (let i = from; i <= to; i++)
      agent.peer.send(encodePropertiesUpdate([{ name: 'x', value: String(i) }]));
    await until(async () => (await devices.get('dev1'))?.properties.x === String(to));
  };
  await update(1, 500);
  expect(write).toHaveBeenCalledTimes(0);
  clock.advance(1_000);
  expect(write).toHaveBeenCalledTimes(1);
  await update(501, 600);
  agent.destroy();
  await until(() => devices.size === 0);
  expect(write).toHaveBeenCalledTimes(2);
  expect((await store.devices.get('dev1'))?.properties.x).toBe('600');
  await stage.close();
});

describe('Digest', () => {
  const digest = (algorithm: 'sha-256' | 'md5', data: Uint8Array) =>
    createHash(algorithm === 'md5' ? 'md5' : 'sha256')
      .update(data)
      .digest();
  const answer = (challenge: string, password = 's3cret', uri = '/') => {
    const chosen = chooseDigest(decodeChallenges(challenge));
    if (!chosen) throw new Error('no digest challenge');
    const credentials = { user: `digest1@${domain}`, password };
    return answerDigest(digest, chosen, credentials, { method: 'POST', uri }, 'cnonce', 1);
  };
  let stage: Stage;
  let clock: ManualClock;
  beforeEach(async () => {
    clock = new ManualClock();
    stage = await Stage.open({ clock });
    const secrets = await deviceSecrets('digest1', domain, 's3cret', true);
    await stage.reflector.store.devices.add({ id: 'digest1', domain, secrets }, 0, null);
  });
  afterEach(() => stage.close());

  const attempt = (authorization: string | null) => stage.agent({ id: 'digest1', authorization });
  const challenges = async () => (await refusal(attempt(null))).values('WWW-Authenticate');

  test('offers SHA-256, MD5 and Basic to an agent that sends nothing', async () => {
    const [first, second, third] = await challenges();
    expect(first).toMatch(/^Digest realm="WebTunnel", qop="auth", algorithm=SHA-256, nonce="/);
    expect(second).toMatch(/^Digest .*algorithm=MD5/);
    expect(third).toMatch(/^Basic /);
  });

  test.each([0, 1])('takes the answer to challenge %i, once', async (which) => {
    const header = answer((await challenges())[which] ?? '');
    await attempt(header);
    expect(stage.reflector.presence.local.get('digest1')).toBeDefined();
    const again = await refusal(attempt(header));
    expect(again.values('WWW-Authenticate')[0]).toMatch(/stale=true/);
  });

  test('does not take a nonce that has expired, a wrong password, another target or a foreign nonce', async () => {
    const [challenge = ''] = await challenges();
    expect((await refusal(attempt(answer(challenge, 'guess')))).values('WWW-Authenticate')).toEqual([
      'Basic realm="WebTunnel", charset="UTF-8"',
    ]);
    expect((await refusal(attempt(answer(challenge, 's3cret', '/other')))).status).toBe(401);
    const foreign = challenge.replace(/nonce="[^"]*"/, `nonce="${Buffer.alloc(56).toString('base64url')}"`);
    expect((await refusal(attempt(answer(foreign)))).status).toBe(401);
    clock.advance(60_001);
    const late = await refusal(attempt(answer(challenge)));
    expect(late.values('WWW-Authenticate')[0]).toMatch(/stale=true/);
    await attempt(answer(late.values('WWW-Authenticate')[0] ?? ''));
  });

  test('is not for a device that was added without it', async () => {
    const [challenge = ''] = await challenges();
    const header = answer(challenge).replace('digest1', 'dev1');
    expect((await refusal(attempt(header))).values('WWW-Authenticate')).toHaveLength(1);
  });
});

describe('unknown devices', () => {
  test('unclaimedDevices: wait for being claimed, where the operator allows it, and only so many', async () => {
    const stage = await Stage.open({ acceptUnclaimed: true, limits: { unclaimedDevices: 2 } });
    const { store } = stage.reflector;
    for (const id of ['new1', 'new2']) {
      expect((await refusal(stage.agent({ id }))).status).toBe(403);
    }
    const third = await refusal(stage.agent({ id: 'new3' }));
    expect(third.values('X-PTTH-Error')).toEqual(['too many devices wait for being claimed']);
    const known = [
      ...(await store.devices.page({ domains: null, claimed: true }, '', 10)),
      ...(await store.devices.page({ domains: null, claimed: false }, '', 10)),
    ];
    expect(known.map(({ id, claimed }) => [id, claimed])).toEqual([
      ['dev1', true],
      ['new1', false],
      ['new2', false],
    ]);
    expect(await store.devices.claim('new1', domain)).toBe(true);
    // The password it came with first is its password.
    expect((await refusal(stage.agent({ id: 'new1', password: 'other' }))).status).toBe(401);
    await stage.agent({ id: 'new1' });
    expect(stage.reflector.presence.local.get('new1')).toBeDefined();
    await stage.close();
  });
});

describe('a device that connects again', () => {
  test('replaces its old tunnel, whose end changes nothing', async () => {
    const stage = await Stage.open();
    const { store } = stage.reflector;
    const devices = stage.reflector.presence.local;
    const old = await stage.agent();
    old.answersClose = false;
    const young = await stage.agent();
    const current = await devices.get('dev1');
    await until(() => old.closeCode !== null);
    expect(old.closeCode).toBe(4001);
    old.destroy();
    await old.ended;
    // A round trip through the reflector, so that it has seen the end.
    young.peer.send(encodePropertiesUpdate([{ name: 'x', value: '1' }]));
    await until(async () => (await devices.get('dev1'))?.properties.x === '1');
    expect(await devices.get('dev1')).toBe(current);
    expect(await store.devices.get('dev1')).toMatchObject({
      online: true,
      connects: 2,
      duplicateNoticed: null,
    });
    await stage.close();
  });

  test.each([
    [60_000, true],
    [11 * 60_000, false],
  ])('twice within %i ms from two living agents is noticed: %s', async (apart, noticed) => {
    const clock = new ManualClock();
    const stage = await Stage.open({ clock });
    const { store } = stage.reflector;
    const first = await stage.agent();
    const second = await stage.agent();
    await first.ended;
    // A round trip, so that the reflector has seen the end.
    await ask(stage.port, '/healthz', { host: 'localhost' });
    clock.advance(apart);
    await stage.agent();
    await second.ended;
    if (noticed)
      await until(async () => (await store.devices.get('dev1'))?.duplicateNoticed === clock.date());
    await ask(stage.port, '/healthz', { host: 'localhost' });
    expect((await store.devices.get('dev1'))?.duplicateNoticed).toBe(noticed ? clock.date() : null);
    await stage.close();
  });
});

describe('an account that changes', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rm-reflector-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test.each(['removed', 'given another password'])(
    'ends the live tunnel: %s by another process',
    async (how) => {
      const clock = new ManualClock();
      const data = join(folder, 'reflector.sqlite');
      const stage = await Stage.open({ clock, data });
      const agent = await stage.agent();
      const other = SqliteStore.open(data);
      clock.advance(2_000);
      expect(stage.reflector.presence.local.get('dev1')).toBeDefined();
      await other.devices.remove('dev1', 0);
      if (how !== 'removed') {
        await other.devices.add(
          { id: 'dev1', domain, secrets: await deviceSecrets('dev1', domain, 'another', false) },
          0,
          null,
        );
      }
      await other.close();
      clock.advance(2_000);
      await agent.ended;
      expect(agent.closeCode).toBe(1008);
      expect(stage.reflector.presence.local.get('dev1')).toBeUndefined();
      expect((await refusal(ScriptedAgent.connect(stage.port, device))).status).toBe(401);
      await stage.close();
    },
  );
});

test('violationsPerTunnel: a device may not open channels: too many invalid frames end its tunnel with 1008', async () => {
  const stage = await Stage.open({ limits: { violationsPerTunnel: 3 } });
  const agent = await stage.agent({ extensions });
  for (let i = 0; i < 3; i++) agent.peer.send(Buffer.from([Opcode.openRequest, 0, 0, 1, 0, 80]));
  agent.peer.send(Buffer.from([0x77, 0, 0, 1]));
  await agent.ended;
  expect(agent.closeCode).toBe(1008);
  await stage.close();
});

test('a text message, and one beyond the bound, end the tunnel', async () => {
  const stage = await Stage.open();
  const chatty = await stage.agent();
  chatty.peer.send(Buffer.from('hello'), 1);
  await chatty.ended;
  expect(chatty.closeCode).toBe(1003);
  const huge = await stage.agent();
  huge.peer.send(Buffer.alloc(70_000));
  await huge.ended;
  expect(huge.closeCode).toBe(1009);
  await stage.close();
});
