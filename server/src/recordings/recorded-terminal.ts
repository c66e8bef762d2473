import { NotRecorded, type TerminalRecorder } from '../ssh-at-server/terminal-recorder.ts';
import type { CastAbout, CastSize } from './asciicast.ts';
import type { Recordings } from './recordings.ts';

/** The recording of one terminal: it begins with the shell, so nothing is kept of a log-in. */
export class RecordedTerminal implements TerminalRecorder {
  readonly #recordings: Recordings;
  readonly #about: CastAbout;
  #begun: ReturnType<Recordings['begin']> | null = null;

  constructor(recordings: Recordings, about: CastAbout) {
    this.#recordings = recordings;
    this.#about = about;
  }

  async sized(size: CastSize): Promise<void> {
    if (this.#begun) return (await this.#begun).recording.resize(size);
    this.#begun = this.#recordings.begin(this.#about, size);
    await this.#begun;
  }

  async shown(bytes: Uint8Array): Promise<void> {
    if (!this.#begun) throw new NotRecorded('the recording of this terminal has not begun');
    await (await this.#begun).recording.output(bytes);
  }

  async end(): Promise<void> {
    const begun = await this.#begun?.catch(() => null);
    await begun?.end();
  }
}
