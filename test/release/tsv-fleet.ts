import { readFileSync } from 'node:fs';
import { LightDevice } from '../bench/reflector/light-device.ts';

/** Devices of a file of `device add --from`, which connect to port 443 with TLS; it prints how many are up. */

const [file = ''] = process.argv.slice(2);
let up = 0;
for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
  const [id = '', domain = '', password = ''] = line.split('\t');
  const facts = { port: 443, tls: true, domain, password };
  const device = new LightDevice(id, facts, '127.0.0.1', (isUp) => {
    up += isUp ? 1 : -1;
    process.stdout.write(`${up}\n`);
  });
  device.dial();
}
