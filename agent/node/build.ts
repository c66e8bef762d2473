/** Set by the bundler; where nothing is bundled, nobody knows. */
declare const RM_COMMIT: string | undefined;

/** What `--version` tells besides the version, on this Node. */
export function build({
  platform,
  arch,
  versions,
}: Pick<NodeJS.Process, 'platform' | 'arch' | 'versions'>): string {
  return [
    `target   ${platform}-${arch}`,
    `engine   Node.js ${versions.node}`,
    `tls      OpenSSL ${versions.openssl}`,
    'features tls, tls13, import, gateway, mqtt',
    `commit   ${typeof RM_COMMIT === 'string' ? RM_COMMIT : 'unknown'}`,
  ].join('\n');
}
