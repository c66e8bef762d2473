import { createTransport } from 'nodemailer';
import type { MailSettings } from '../configuration/mail.ts';

export interface Mail {
  readonly subject: string;
  readonly text: string;
}

/** Sends mails by one SMTP server. */
export class Mailer {
  readonly #settings: MailSettings;
  readonly #password: () => string | null;
  readonly #timeoutMs: number;

  /** `password` is read for each mail, so that a file may be renewed. */
  constructor(settings: MailSettings, password: () => string | null, timeoutMs: number) {
    this.#settings = settings;
    this.#password = password;
    this.#timeoutMs = timeoutMs;
  }

  /** Rejects when the server has not taken the mail. */
  async send(to: string, { subject, text }: Mail): Promise<void> {
    const { url, from, user, startTls = 'required' } = this.#settings;
    const { protocol, hostname, port } = new URL(url);
    const secure = protocol === 'smtps:';
    const pass = this.#password();
    const transport = createTransport({
      host: hostname.replaceAll(/[[\]]/g, ''),
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
      requireTLS: !secure && startTls === 'required',
      ignoreTLS: startTls === 'never',
      ...(user !== undefined && pass !== null ? { auth: { user, pass } } : {}),
      connectionTimeout: this.#timeoutMs,
      greetingTimeout: this.#timeoutMs,
      socketTimeout: this.#timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      // The recipient is one address, whatever is in it.
      await transport.sendMail({ from, to: { name: '', address: to }, subject, text });
    } finally {
      transport.close();
    }
  }
}
