import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { executable } from './program.ts';

/** Shell scripts as small devices have them, lines ended by LF alone: a form, an upload, a redirect. */
export function cgiPrograms(directory: string): void {
  mkdirSync(directory, { recursive: true });
  executable(join(directory, 'form.cgi'), [
    '#!/bin/sh',
    'printf "Content-Type: text/html\\nX-Device: pump\\n\\n"',
    'echo "<p>$REQUEST_METHOD $QUERY_STRING $CONTENT_TYPE"',
    'head -c "${CONTENT_LENGTH:-0}"',
  ]);
  executable(join(directory, 'upload.cgi'), [
    '#!/bin/sh',
    'sum=$(head -c "${CONTENT_LENGTH:-0}" | sha256sum)',
    'printf "Content-Type: text/plain\\n\\n%s\\n" "$sum"',
  ]);
  executable(join(directory, 'move.cgi'), [
    '#!/bin/sh',
    'printf "Status: 302 Found\\nLocation: http://%s/index.html\\n\\n" "$HTTP_HOST"',
  ]);
}
