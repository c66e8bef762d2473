import type { AgentStatus } from '../agent/status.ts';
import type { Persisted } from '../enrolment/state-file.ts';
import type { MqttStatus } from '../mqtt/mqtt.ts';

/** For `rm-agent status --json`. */
export interface DaemonStatus extends AgentStatus {
  /** What `enable --persist` and `disable --persist` have left for the next start. */
  readonly persisted: Persisted | null;
  /** With `"start": "onDemand"`: when the tunnel closes, in Unix milliseconds; `null`: it is closed. */
  readonly openUntil?: number | null;
  /** With `mqtt`: the connection to the broker. */
  readonly mqtt?: MqttStatus;
}
