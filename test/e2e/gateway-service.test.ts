import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { root as checkout } from '../checkout.ts';
import { BootedSystem, canBoot } from '../system/booted-system.ts';
import { deviceId, RemoteSystem } from '../system/remote-system.ts';

/** What a user gets of the device. */
async function page({ port, host, user, password }: RemoteSystem): Promise<[number, string]> {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const asked = request({ port, headers: { host, authorization } }).end();
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return [response.statusCode, text];
}

const example = join(checkout, 'examples/gateway-service');

describe.runIf(canBoot)('examples/gateway-service under systemd as PID 1', () => {
  it('makes a gateway that follows its folder, keeps its secrets, and comes back', async () => {
    const camera = createServer((_request, response) => response.end('the page of the camera'));
    await once(camera.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void camera.close());
    const remote = await RemoteSystem.start({ services: [], agent: null });
    onTestFinished(() => remote.stop());
    const files = readdirSync(example).map((name): [string, string] => [
      `root/gateway-service/${name}`,
      readFileSync(join(example, name), 'utf8'),
    ]);
    const system = new BootedSystem('systemd', Object.fromEntries(files));
    onTestFinished(() => system.end());
    await system.prints('systemctl is-active multi-user.target', /^active/);

    const installed = system.run(`sh /root/gateway-service/install.sh http://127.0.0.1:${remote.port}/`);
    expect(installed).toMatchObject({ status: 0 });
    const device = {
      device: {
        id: deviceId,
        domain: remote.domain,
        password: { file: '/etc/rm-gateway.d/camera.secret' },
      },
      target: '127.0.0.1',
      services: [{ port: 80, targetPort: (camera.address() as AddressInfo).port }],
    };
    const write = `umask 027; cd /etc/rm-gateway.d
      printf '%s\n' '${remote.devicePassword}' >camera.secret
      printf '%s' '${JSON.stringify(device)}' >/etc/rm-gateway.d/.new && mv .new camera.json`;
    expect(system.run(write)).toEqual({ status: 0, output: '' });
    await system.prints('rm-agent status', new RegExp(`${deviceId}\\W+connected`));
    expect(await page(remote)).toEqual([200, 'the page of the camera']);

    const modes = 'cd /etc/rm-gateway.d && stat -c "%a %U:%G" . camera.secret /etc/rm-agent.json';
    expect(system.run(modes).output).toBe('2750 root:rm-agent\n640 root:rm-agent\n600 root:root\n');
    const others = 'setpriv --reuid=65534 --regid=65534 --clear-groups cat /etc/rm-gateway.d/camera.secret';
    expect(system.run(others).status).not.toBe(0);

    const pid = () => /MainPID=(\d+)/.exec(system.run('systemctl show -p MainPID rm-agent').output)?.[1];
    const first = pid();
    expect(system.run(`stat -c %U /proc/${first}`).output).toBe('rm-agent\n');
    system.run(`kill -9 ${first}`);
    await system.prints('rm-agent status', new RegExp(`${deviceId}\\W+connected`));
    expect(pid()).not.toBe(first);
    expect(await page(remote)).toEqual([200, 'the page of the camera']);

    system.run('rm /etc/rm-gateway.d/camera.json');
    await system.prints(`rm-agent status | grep -c ${deviceId}`, /^0/);
    expect((await page(remote))[0]).not.toBe(200);
  });
});
