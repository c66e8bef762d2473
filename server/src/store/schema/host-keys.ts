/** The SSH host key by which each port of a device is known. It goes with the device. */
export const steps: readonly string[] = [
  `CREATE TABLE fleet_host_keys (
     number INTEGER NOT NULL REFERENCES fleet_devices (number) ON DELETE CASCADE,
     port INTEGER NOT NULL,
     key TEXT NOT NULL,
     added INTEGER NOT NULL,
     added_by TEXT NOT NULL,
     PRIMARY KEY (number, port)
   ) STRICT, WITHOUT ROWID;`,
];
