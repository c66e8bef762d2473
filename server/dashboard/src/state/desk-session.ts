import { get, getBytes, post, put, remove, segment } from '../api/call.ts';
import { Problem } from '../api/problem.ts';
import {
  type AskName,
  type Asks,
  type FileToSave,
  isQuestion,
  isReady,
  type KnownHostKey,
  type Look,
  type Opening,
  type Reply,
} from '../desk/messages.ts';
import { saveFile } from './save-file.ts';
import { choose } from './session.ts';

/** What a page of the host apart is opened for. */
export interface DeskTarget {
  readonly device: string;
  readonly name: string;
  readonly port: number;
  readonly user: string;
  readonly screenReader: boolean;
  readonly look: Look;
  /** ID of the recording that is played, where one is. */
  readonly recording?: string;
}

type Answers = { readonly [Name in AskName]: (value: Asks[Name]['takes']) => Promise<Asks[Name]['gives']> };

/** What the page may ask for: nothing that is not about its device and port, but for files that the user chooses and one preference. */
function answersFor({ device, port, recording }: DeskTarget): Answers {
  const path = `/devices/${segment(device)}`;
  const ticket = (use: 'tcp' | 'ssh') =>
    post<Asks['desktop']['gives'] & Asks['ticket']['gives']>(`${path}/tickets`, { port, use });
  return {
    desktop: () => ticket('tcp'),
    ticket: () => ticket('tcp'),
    sshTicket: async () => (await ticket('ssh')).ticket,
    hostKey: async () => {
      const { items } = await get<{ readonly items: readonly KnownHostKey[] }>(`${path}/host-keys`);
      return items.find((one) => one.port === port) ?? null;
    },
    trustHostKey: async (key) => {
      await put(`${path}/host-keys/${port}`, { key });
      return undefined;
    },
    forgetHostKey: async () => {
      await remove(`${path}/host-keys/${port}`);
      return undefined;
    },
    screenReader: async (on) => {
      await choose(() => ({ screenReader: on === true ? true : undefined }));
      return undefined;
    },
    saveFile,
    recording: async () => {
      if (recording === undefined) throw new Problem(404, { title: 'nothing is played' });
      return getBytes(`/recordings/${segment(recording)}`);
    },
  };
}

/** Answers the page in the frame, which comes from `origin`, until the returned function is called. */
export function serveDesk(frame: HTMLIFrameElement, origin: string, target: DeskTarget): () => void {
  const answers = answersFor(target);
  let port: MessagePort | null = null;
  const begin = ({ data, origin: from, source }: MessageEvent) => {
    const page = frame.contentWindow;
    if (from !== origin || page === null || source !== page || !isReady(data)) return;
    // The page was loaded again.
    port?.close();
    const { port1, port2 } = new MessageChannel();
    port = port1;
    port1.onmessage = ({ data: question }) => {
      if (isQuestion(question)) answer(port1, answers, question).catch(() => {});
    };
    const { look, recording: _, ...rest } = target;
    page.postMessage({ desk: 'open', ...rest, ...look } satisfies Opening, origin, [port2]);
  };
  addEventListener('message', begin);
  return () => {
    removeEventListener('message', begin);
    port?.close();
  };
}

async function answer(
  port: MessagePort,
  answers: Answers,
  { ask, name, value }: { readonly ask: number; readonly name: string; readonly value: unknown },
): Promise<void> {
  const found = Object.hasOwn(answers, name) ? answers[name as AskName] : undefined;
  let reply: Reply;
  try {
    if (!found) throw new Problem(404, { title: 'unknown' });
    reply = { answer: ask, value: await (found as (value: unknown) => Promise<unknown>)(value) };
  } catch (error) {
    const fault = error instanceof Problem ? error.status : 0;
    reply = { answer: ask, fault, text: error instanceof Error ? error.message : '' };
  }
  port.postMessage(reply, 'value' in reply ? handedOver(reply.value) : []);
}

/** What of an answer cannot be copied. */
function handedOver(value: unknown): Transferable[] {
  if (typeof value !== 'object' || value === null || !('stream' in value)) return [];
  const { stream, saved } = value as FileToSave;
  return [stream, saved];
}

/** The origin of terminal and desktop; `null`: this page is not on the host whose pages may show them. */
export function deskOrigin(
  domain: string,
  { protocol, hostname, port }: Pick<Location, 'protocol' | 'hostname' | 'port'>,
): string | null {
  if (hostname !== domain) return null;
  return `${protocol}//desk.${domain}${port && `:${port}`}`;
}
