import type { ChildProcess } from 'node:child_process';

export function reservedPort(): Promise<number>;
export function listens(port: number, child: ChildProcess): Promise<boolean>;
