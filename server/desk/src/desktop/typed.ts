/** What has become of a text: so many characters removed at its end, and these added. */
export interface Typed {
  readonly removed: number;
  readonly added: string;
}

/** Characters are those of Unicode. */
export function typedBetween(before: string, after: string): Typed {
  const [old, now] = [[...before], [...after]];
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same += 1;
  return { removed: old.length - same, added: now.slice(same).join('') };
}

/** Named keys (X11, keysymdef.h) that the page presses by itself. */
export const keysyms = {
  backspace: 0xff08,
  tab: 0xff09,
  enter: 0xff0d,
  escape: 0xff1b,
  control: 0xffe3,
  alt: 0xffe9,
  super: 0xffeb,
} as const;

/** The keysym of a character: itself in Latin-1, above 0x01000000 otherwise (X11, appendix A). */
export function keysymOf(character: string): number {
  if (character === '\n') return keysyms.enter;
  if (character === '\t') return keysyms.tab;
  const point = character.codePointAt(0) ?? 0;
  const isLatin1 = (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff);
  return isLatin1 ? point : 0x0100_0000 + point;
}
