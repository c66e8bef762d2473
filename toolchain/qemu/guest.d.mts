/** What tests use of guest.mjs, which describes it. */

export interface File {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

export interface GuestOptions {
  readonly board: string;
  readonly folder: string;
  readonly id: string;
  readonly domain: string;
  readonly secret: string;
  readonly agent?: Readonly<Record<string, unknown>>;
  readonly ports: readonly number[];
  readonly files?: readonly File[];
  readonly slots?: boolean;
  readonly writeLog?: boolean;
}

export const hostAddress: string;

export const dataBytes: number;

export function writeRoot(options: GuestOptions, image: string): Promise<void>;

export class Guest {
  static start(options: GuestOptions): Promise<Guest>;
  readonly sshConfig: string;
  readonly consoleSocket: string;
  readonly log: string;
  readonly shown: string;
  readonly ended: Promise<number>;
  lead(port: number, to: number): void;
  booted(): Promise<void>;
  run(command: string): Promise<{ readonly status: number; readonly output: string }>;
  reboot(): Promise<void>;
  shows(pattern: RegExp, after?: number): Promise<void>;
  leaveConsole(): void;
  freeze(): Promise<void>;
  resume(): Promise<void>;
  reset(): Promise<void>;
  stop(): Promise<void>;
}
