/** A port under the name that the configuration gives its service: `port 80 (web)`. */
export function portLabel(port: number, name: string | null | undefined): string {
  return `port ${port}${name ? ` (${name})` : ''}`;
}
