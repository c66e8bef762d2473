/** What tests use of debian-packages.mjs, which describes it, and its own folder. */

export function unpackedPackages(architecture: string, names: readonly string[]): Promise<string>;
export function kernelPackage(architecture: string): string;
export function unpackInto(architecture: string, name: string, folder: string): Promise<void>;
export function packageHash(architecture: string, name: string): string;
