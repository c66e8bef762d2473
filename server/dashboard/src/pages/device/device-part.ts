import type { Device } from '../../api/types.ts';

/** What the parts of the page show and change. */
export interface DevicePart {
  readonly device: Device;
  /** Version of the record, for changes. */
  readonly version: string;
  readonly reload: () => void;
}
