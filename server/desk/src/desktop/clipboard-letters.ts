import type RFB from '@novnc/novnc';

/** Letters of a text, each once, that the clipboard of RFC 6143 section 7.5.6 has no place for. */
export function notLatin1(text: string): readonly string[] {
  return [...new Set(text)].filter((letter) => (letter.codePointAt(0) ?? 0) > 0xff);
}

/** Of the extended clipboard (rfbproto, 7.7.27): a format, and an action. */
const text = 1;
const notify = 1 << 27;

/** Whether the VNC server has the extended clipboard, whose text is Unicode. */
export function takesUnicode({
  _clipboardServerCapabilitiesFormats: formats,
  _clipboardServerCapabilitiesActions: actions,
}: Pick<RFB, '_clipboardServerCapabilitiesFormats' | '_clipboardServerCapabilitiesActions'>): boolean {
  return formats[text] === true && actions[notify] === true;
}
