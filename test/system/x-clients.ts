import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { endProcess } from './end-process.ts';

/** Programs on the screen of a device, as the tests see them. */

/** A window of one colour, `#rrggbb`, over the whole screen. */
export function fillScreen(display: string, colour: string): ChildProcess {
  const size = ['-geometry', '2000x2000+0+0'];
  return spawn('xmessage', ['-display', display, '-bg', colour, '-fg', colour, ...size, ' '], {
    stdio: 'ignore',
  });
}

/** What a machine shows its operator, with this ground (`#rrggbb`), over a screen of 320 × 200. */
export function showOperatorPanel(display: string, ground: string): ChildProcess {
  const look = ['-geometry', '320x200+0+0', '-bg', ground, '-fg', '#ffffff', '-buttons', 'Start,Stop,Alarms'];
  return spawn(
    'xmessage',
    ['-display', display, ...look, 'Pump 7\n\nPressure   3.1 bar\nFlow      42 l/min'],
    {
      stdio: 'ignore',
    },
  );
}

/** A window over the whole screen that writes down which keys come. */
export class KeyRecorder {
  readonly #child: ChildProcess;
  #log = '';

  constructor(display: string) {
    this.#child = spawn('xev', ['-display', display, '-geometry', '2000x2000+0+0', '-event', 'keyboard'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      this.#log += piece;
    });
  }

  /** The keysyms that were pressed since the last {@link forget}, without modifiers. */
  get pressed(): number[] {
    return [...this.#log.matchAll(/KeyPress event[\s\S]*?keysym (0x[0-9a-f]+),/g)]
      .map(([, keysym]) => Number(keysym))
      .filter((keysym) => !(keysym >= 0xffe1 && keysym <= 0xffee) && (keysym < 0xfe01 || keysym > 0xfe0f));
  }

  forget(): void {
    this.#log = '';
  }

  async stop(): Promise<void> {
    await endProcess(this.#child);
  }
}

/** Copies a text on the device: xclip keeps it until the screen ends, or until somebody else copies something. */
export async function copyOn(display: string, copied: string): Promise<void> {
  const child = spawn('xclip', ['-display', display, '-selection', 'clipboard', '-i'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin?.end(copied);
  await once(child, 'exit');
}

/** What can be pasted on the device, as one of the targets that its owner offers (ICCCM section 2.6.2); empty if there is nothing. */
export async function pastedOn(
  display: string,
  target: 'UTF8_STRING' | 'STRING' = 'UTF8_STRING',
): Promise<string> {
  const child = spawn('xclip', ['-display', display, '-selection', 'clipboard', '-o', '-t', target], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const bytes = await buffer(child.stdout as NodeJS.ReadableStream);
  return bytes.toString(target === 'STRING' ? 'latin1' : 'utf8');
}
