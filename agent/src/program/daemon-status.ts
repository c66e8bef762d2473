import type { AgentStatus } from '../agent/status.ts';
import type { Persisted } from '../enrolment/state-file.ts';
import type { RequestsStatus } from './requests.ts';

/** For `rm-agent status --json`. */
export interface DaemonStatus extends AgentStatus, RequestsStatus {
  /** What `enable --persist` and `disable --persist` have left for the next start. */
  readonly persisted: Persisted | null;
}
