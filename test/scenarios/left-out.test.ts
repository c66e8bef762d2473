import { describe, expect } from 'vitest';
import { lacks } from './stage/features.ts';
import { configuration, scenario } from './stage/stage.ts';

describe.concurrent('a feature that was left out is named where it is asked for', () => {
  scenario.skipIf(!lacks('tls'))('TLS', async ({ stage }) => {
    const reflector = await stage.reflector();
    const agent = stage.agent(configuration(`https://127.0.0.1:${reflector.port}/`, [1]));
    await agent.logged(/this build has no TLS/);
    await reflector.connection();
    expect(reflector.pending).toBe(0);
  });

  scenario.skipIf(!lacks('import'))('import', async ({ stage }) => {
    const agent = stage.run(['import', 'WebTunnelAgent.properties']);
    expect((await agent.ended()).status).toBe(64);
    expect(agent.log).toEqual(['rm-agent import: left out of this build']);
  });
});
