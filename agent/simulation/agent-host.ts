import type { Configuration } from '../src/config/configuration.ts';
import { configure } from '../src/config/load.ts';
import type { Log } from '../src/log/log.ts';
import { SimulatedHost } from './host.ts';
import { SimulatedReflector } from './reflector.ts';

export const AGENT_CONFIGURATION = {
  reflector: 'http://r.example/',
  device: { id: 'dev1', domain: 'dom', password: 's3cret' },
  services: [{ port: 80, kind: 'http', path: '/ui/' }, { port: 22, kind: 'ssh' }, { port: 9000 }],
};

/** A machine with a reflector in reach, for the whole agent. */
export class AgentHost extends SimulatedHost {
  readonly reflector: SimulatedReflector;
  readonly lines: string[] = [];
  readonly log: Log;

  constructor(seed?: number) {
    super(seed);
    this.network.names.set('r.example', ['192.0.2.1']);
    this.reflector = new SimulatedReflector(this.network, '192.0.2.1', 80);
    const write = (level: string) => (text: string) => void this.lines.push(`${level} ${text}`);
    this.log = {
      error: write('error'),
      warning: write('warning'),
      info: write('info'),
      debug: write('debug'),
    };
  }

  /** A complete configuration: the one above with what is given in its place. */
  configure(given: object = {}): Configuration {
    const loaded = configure(this, JSON.parse(JSON.stringify({ ...AGENT_CONFIGURATION, ...given })));
    if ('errors' in loaded) throw new Error(loaded.errors.join('\n'));
    return loaded.ok;
  }
}
