import { deviceSecrets } from 'rm-reflector';
import type { AgentOptions } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import { ScriptedAgent } from '../../../reflector-minimal/src/testing/scripted-agent.ts';
import type { TestServer } from './test-server.ts';

const password = 's3cret';

/** Adds a device to the store; its password is that of all of them. */
export async function addDevice(server: TestServer, id: string, domain: string): Promise<void> {
  const secrets = await deviceSecrets(id, domain, password, false, 'generated');
  await server.reflector.store.devices.add({ id, domain, secrets }, Date.now(), null);
}

/** Connects it, with answers that a test decides. */
export function connectDevice(
  server: TestServer,
  id: string,
  domain: string,
  options: Partial<AgentOptions> = {},
): Promise<ScriptedAgent> {
  return ScriptedAgent.connect(server.reflector.port, { id, domain, password, ...options });
}
