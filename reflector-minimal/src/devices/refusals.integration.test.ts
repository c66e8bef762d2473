import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../../protocol/src/testing/manual-clock.ts';
import { type AgentOptions, ScriptedAgent } from '../testing/scripted-agent.ts';
import { device, domain, Stage } from '../testing/stage.ts';
import { UpgradeRefused } from '../testing/web-socket-peer.ts';

async function open(
  clock = new ManualClock(),
): Promise<{ stage: Stage; lines: () => Record<string, unknown>[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'rm-refusals-'));
  const audit = join(folder, 'audit.jsonl');
  const stage = await Stage.open({
    audit,
    clock,
    limits: { refusalNotedMs: 60_000, propertiesBytes: 1_000 },
  });
  onTestFinished(async () => {
    await stage.close();
    rmSync(folder, { recursive: true });
  });
  const lines = () =>
    readFileSync(audit, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { stage, lines };
}

/** What the device is told. */
async function refusal(stage: Stage, options: Partial<AgentOptions>): Promise<string> {
  const error = await ScriptedAgent.connect(stage.port, { ...device, ...options }).catch((caught) => caught);
  if (!(error instanceof UpgradeRefused)) throw new Error(`not refused: ${error}`);
  return `${error.status} ${error.values('X-PTTH-Error').join()}`;
}

test('refusals of a device are told apart in the audit log, under one spelling of its name, and not to a stranger', async () => {
  const { stage, lines } = await open();
  const told = '401 unknown device or wrong password';
  expect(await refusal(stage, { id: 'DEV1', password: 'wrong' })).toBe(told);
  expect(await refusal(stage, { domain: 'other' })).toBe(told);
  expect(await refusal(stage, { id: 'Dev2' })).toBe(told);
  const digest = `Digest username="Dev1@${domain}", realm="r", nonce="n", uri="/", response="r", qop=auth, nc=00000001, cnonce="c"`;
  expect(await refusal(stage, { authorization: digest })).toBe(told);
  const nobody = `Basic ${Buffer.from('nobody:x').toString('base64')}`;
  expect(await refusal(stage, { authorization: nobody })).toBe(told);
  const refused = lines().filter(({ event, allowed }) => event === 'device-tunnel' && allowed === false);
  expect(refused.map(({ device: id, reason }) => [id, reason])).toEqual([
    ['dev1', 'wrong password'],
    ['dev1', 'wrong domain'],
    ['dev2', 'unknown device'],
    ['dev1', 'Digest, and this device was added without --digest'],
    ['nobody', 'no ID@DOMAIN as the user'],
  ]);
});

test('refusalNotedMs: the last refusal of a device is noted with it, and no flood keeps the disk busy', async () => {
  const clock = new ManualClock();
  const { stage } = await open(clock);
  const { devices } = stage.reflector.store;
  const noted = async () => {
    const { refused = null, refusedReason = null } = (await devices.get(device.id)) ?? {};
    return [refused, refusedReason];
  };
  expect(await noted()).toEqual([null, null]);
  const first = clock.date();
  await refusal(stage, { password: 'wrong' });
  expect(await noted()).toEqual([first, 'wrong password']);
  clock.advance(59_999);
  await refusal(stage, { domain: 'other' });
  expect(await noted()).toEqual([first, 'wrong password']);
  clock.advance(1);
  await refusal(stage, { domain: 'other' });
  expect(await noted()).toEqual([first + 60_000, 'wrong domain']);
});

test('a device whose properties cannot be taken is a refusal too', async () => {
  const { stage, lines } = await open();
  const properties = ['a', 'b'].map((name) => ({ name, value: 'x'.repeat(600) }));
  expect(await refusal(stage, { properties })).toBe('400 too many properties');
  expect(lines()).toMatchObject([
    { event: 'device-tunnel', allowed: false, device: device.id, reason: 'too many properties' },
  ]);
});
