import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Program } from 'rm-reflector/program';
import { ownKeys } from '../configuration/schema.ts';
import { serverAdditions, version } from '../server.ts';
import { backup, restore } from './backup.ts';
import { brandingCommand } from './branding-command.ts';
import { drain } from './drain.ts';
import { migrate } from './migrate.ts';
import { nodesCommand } from './nodes-command.ts';
import { postgresqlStores } from './postgresql.ts';
import { serveOptions, supervise } from './workers.ts';

/** `rm-server`: the command line of the reflector, with the settings and the parts of the server. */
export const serverProgram: Program = {
  name: 'rm-server',
  version,
  defaultData: (environment) => {
    const state = environment.XDG_STATE_HOME || join(homedir(), '.local', 'state');
    return join(state, 'rm-server', 'server.sqlite');
  },
  defaultFile: '/etc/rm-server.json',
  agentUrl: ({ values }) => {
    const url = values.get('publicUrl');
    return typeof url === 'string' && URL.canParse(url) ? new URL(url).href : null;
  },
  keys: Object.keys(ownKeys),
  commands: { backup, restore, branding: brandingCommand, migrate, drain, nodes: nodesCommand },
  stores: postgresqlStores,
  serveOptions,
  supervise,
  additions: (context) => serverAdditions(context),
};
