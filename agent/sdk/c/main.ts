import { version } from '../../src/config/version.ts';
import { tinyHost } from '../../tiny/host.ts';
import { native } from '../../tiny/native.ts';
import { Agents } from './agents.ts';
import type { LibraryNative } from './callbacks.ts';
import { Deferred } from './deferred.ts';
import { Streams } from './streams.ts';

// The script of the C library: it only offers functions. Whatever happens, C begins it.
const library = native as LibraryNative;
const { callbacks } = library;
const deferred = new Deferred();
const streams = new Streams(callbacks, deferred);
const agents = new Agents(tinyHost(), callbacks, deferred, streams);

library.version = version;
library.calls = {
  create: (agent, configuration, wanted, ports, severity) =>
    agents.create(agent, configuration, wanted, ports, severity),
  start: (agent) => agents.find(agent)?.start(),
  stop: (agent) => agents.find(agent)?.stop(),
  disable: (agent) => agents.find(agent)?.disable(),
  retry: (agent) => agents.find(agent)?.retry(),
  destroy: (agent) => agents.destroy(agent),
  consent: (agent, allow, port) => {
    agents.find(agent)?.consent(allow, port === 0 ? null : port);
  },
  decide: (question, allow) => agents.decide(question, allow),
  state: (agent) => agents.state(agent),
  status: (agent) => JSON.stringify(agents.find(agent)?.status() ?? null),
  taken: (stream, count, empty) => streams.find(stream)?.taken(count, empty),
  send: (stream, bytes) => streams.find(stream)?.send(bytes) ?? 0,
  end: (stream) => streams.find(stream)?.end(),
  abort: (stream) => streams.find(stream)?.abort(),
};
