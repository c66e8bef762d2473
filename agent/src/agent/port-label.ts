/** A port as the person knows it who has named its service: `port 80 (web)`. */
export function portLabel(port: number, name: string | null | undefined): string {
  return `port ${port}${name ? ` (${name})` : ''}`;
}
