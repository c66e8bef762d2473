import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { LocalService } from './stage/local-service.ts';
import { configuration, deviceId, domain, type Stage, scenario } from './stage/stage.ts';

/** The file as people write it. */

/** The network interfaces of this machine that have a hardware address, with it. */
const interfaces = readdirSync('/sys/class/net').flatMap((name) => {
  const address = readFileSync(`/sys/class/net/${name}/address`, 'utf8').trim().replaceAll(':', '');
  return /^(?!0+$)[0-9a-f]{12}$/.test(address) ? [[name, address] as const] : [];
});

async function check(stage: Stage, device: object) {
  const reflector = await stage.reflector();
  const file = stage.file(JSON.stringify(configuration(reflector, [80], { device })));
  const agent = stage.run(['check', '--config', file]);
  const upgrade = await reflector.upgrade();
  const user = Buffer.from(
    upgrade.header('authorization')?.slice('Basic '.length) ?? '',
    'base64',
  ).toString();
  upgrade.accept();
  await agent.ended();
  return { user, output: agent.output };
}

describe.concurrent('the configuration', () => {
  scenario('has comments, units, and commas behind last entries', async ({ stage }) => {
    const echo = await stage.service(LocalService.echo);
    const reflector = await stage.reflector();
    const file = stage.file(`// A pump.
{
  "reflector": "${reflector.uri}", /* ours */
  "device": { "id": "${deviceId}", "domain": "${domain}", },
  "services": [{ "port": ${echo.port}, "kind": "tcp" },], // an echo
  "timeouts": { "connect": "2m", "keepAlive": "5m" },
  "limits": { "windowBytes": "64KiB", "frameBytes": "16 KiB" },
  "control": null,
  "stateFile": null,
}
`);
    stage.run(['--config', file]);
    const upgrade = await reflector.upgrade();
    expect(upgrade.header('x-webtunnel-keepalive')).toBe('300');
    expect(upgrade.header('x-webtunnel-extensions')).toMatch(/max-frame=16384.*window=65536/);
    await upgrade.accept().open(1, echo.port);
  });

  scenario('takes the id of the device from a file', async ({ stage }) => {
    const file = stage.file('pump-7\n', 'id');
    const { user } = await check(stage, { id: { file }, domain, name: `\${file:${file}}` });
    expect(user).toBe(`pump-7@${domain}:`);
  });

  scenario.for(interfaces)('takes the hardware address of %s', async ([name, address], { stage }) => {
    const { user } = await check(stage, { id: `x-\${mac:${name}}`, domain });
    expect(user).toBe(`x-${address}@${domain}:`);
  });

  scenario.skipIf(interfaces.length === 0)(
    'tells which interface the hardware address is of',
    async ({ stage }) => {
      const { user, output } = await check(stage, { id: '${nodeId}', domain });
      const nodeId = user.slice(0, 12);
      const eth0 = interfaces.find(([name]) => name === 'eth0');
      if (eth0) expect(nodeId).toBe(eth0[1]);
      const names = interfaces.filter(([, address]) => address === nodeId).map(([name]) => name);
      expect(output).toContain(
        `ok     identity      \${nodeId} is ${nodeId}, the hardware address of ${names.sort().join(' and ')}\n`,
      );
    },
  );
});
