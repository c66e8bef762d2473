import type { Host } from '../host.ts';
import type { MakeRequests } from './requests.ts';
import { run } from './run.ts';
import { configurationToRun } from './run-line.ts';

/** Follows the configuration at this path until a signal ends it. */
export type Run = (path: string) => void;

/** What the program is made of besides the agent. On the tiny runtime it is loaded when it is needed. */
export interface Parts {
  /** Executes the command line, whatever it is; `run` executes its command `run`. */
  readonly command: (host: Host, run: Run) => void;
  readonly requests: MakeRequests;
  /** `null` in a build that leaves the gateway out. */
  readonly gateway: {
    /** Whether the configuration at this path is a gateway's. */
    readonly owns: (host: Host, path: string) => boolean;
    readonly run: (host: Host, path: string) => void;
  } | null;
}

/** The program `rm-agent`: reads the command line, executes the command and ends with the exit status of `design.md`. */
export function main(host: Host, { command, requests, gateway }: Parts): void {
  const follow = (path: string): void => {
    if (gateway?.owns(host, path)) gateway.run(host, path);
    else run(host, path, requests);
  };
  const path = configurationToRun(host.system.arguments);
  if (path !== null) follow(path);
  else command(host, follow);
}
