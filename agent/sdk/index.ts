export type { AgentState, AgentStatus } from '../src/agent/status.ts';
export type { Log, LogLevel } from '../src/log/log.ts';
export { Agent } from './agent.ts';
export {
  type AccessRule,
  type AgentConfiguration,
  type AgentDevice,
  type AgentService,
  ConfigurationError,
  type Credential,
  type ProxyServer,
} from './configuration.ts';
export type { AgentEvents, EventName, LostEvents, NamedEvent } from './events.ts';
export type { ServiceHandler } from './handler-service.ts';
export { type HttpHandlerOptions, httpHandler, type WebSocketAcceptor } from './http-handler.ts';
export { type ConsoleLog, stderrLog } from './log.ts';
export type { AccessDecision, AccessRequest, AgentOptions } from './options.ts';
export type { Provider } from './provider.ts';
