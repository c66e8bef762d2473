import { createHash } from 'node:crypto';
import { perConnection } from './changes.ts';

/** What a user saw of an answer. */
export interface Answer {
  /** Exit status of curl. */
  readonly exit: number | null;
  /** The heads of all answers, as they came. */
  readonly heads: string;
  readonly bodies: readonly Buffer[];
  /** What curl says. */
  readonly errors: string;
}

/** The names under which the device was asked, longest first, for what it repeats of them. */
export interface Names {
  readonly authority: string;
  readonly host: string;
  readonly way: string;
}

/** The answer in lines that are the same on every way, where the device answered the same. */
export function rendered(answer: Answer, names: Names, volatile: readonly RegExp[]): string[] {
  const same = (text: string) => neutral(text, names, volatile);
  const heads = answer.heads
    .split(/\r?\n\r?\n/)
    .filter((head) => head !== '' && !/^HTTP\/\S+ 1\d\d/.test(head))
    .map((head) => mended(head).split(/\r?\n/));
  return [
    `curl ended with ${answer.exit} ${answer.exit === 0 ? '' : same(answer.errors)}`,
    ...heads.flatMap(([status = '', ...lines]) => [
      status.replace(/^\S+ /, '').trimEnd(),
      ...lines
        .filter((line, i) => isCompared(line, answer.bodies.length) && lines.indexOf(line) === i)
        .map((line) => same(line))
        .filter((line) => line !== 'VOLATILE')
        .map((line) => `  ${line}`),
    ]),
    ...answer.bodies.flatMap((body) => content(body, same)),
  ];
}

/** A head without oddities of form: folded lines, blanks before the colon and at the end. */
function mended(head: string): string {
  return head
    .replace(/\r?\n[ \t]+/g, ' ')
    .replace(/^([^:\s]+)[ \t]+:/gm, '$1:')
    .replace(/[ \t]+$/gm, '');
}

/** The length that an answer to HEAD names has no body that could show it. */
function isCompared(line: string, bodies: number): boolean {
  return !perConnection.test(line) || (bodies === 0 && /^content-length:/i.test(line));
}

/** Text as it is, so that a difference can be read; of everything else length and digest. */
function content(body: Buffer, same: (text: string) => string): string[] {
  const isText = body.length < 65_536 && !body.includes(0);
  const bytes = isText ? Buffer.from(same(body.toString('latin1')), 'latin1') : body;
  const digest = createHash('sha256').update(bytes).digest('hex');
  return isText ? bytes.toString('latin1').split('\n') : [`${body.length} bytes, SHA-256 ${digest}`];
}

/** `text` without what differs by the way, or each time. */
export function neutral(
  text: string,
  { authority, host, way }: Names,
  volatile: readonly RegExp[] = [],
): string {
  let result = text
    .replaceAll(`https://${authority}`, 'http://DEVICE')
    .replaceAll(authority, 'DEVICE')
    .replaceAll(host, 'DEVICE')
    .replaceAll(`-${way}-`, '-WAY-')
    .replace(/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} 20\d\d \d\d:\d\d:\d\d GMT/g, 'A DATE');
  for (const pattern of volatile) result = result.replace(pattern, 'VOLATILE');
  return result;
}
