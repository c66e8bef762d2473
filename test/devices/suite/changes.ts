/**
 * What the reflector changes in a response of a device, and what is therefore not compared (`docs/reflector-data-path.md`):
 * what belongs to one connection, and how the body is delimited. A cut-off body fails by curl's exit status. Interim
 * responses, the version of HTTP and `Cache-Control`, which becomes `private`, have tests of their own. Oddities of form
 * that no reader should see (a blank before the colon, folded lines, LF alone) are mended.
 */
export const perConnection =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|content-length|date|cache-control):/i;

/**
 * curl could make nothing of what the device sent, or it sent nothing. Then the device is no judge: through the tunnel it is
 * read as browsers do, or refused with the reason.
 */
export function isNoAnswer(lines: readonly string[]): boolean {
  return lines.some((line) => /^curl ended with (?:1|8|52|56) /.test(line));
}
