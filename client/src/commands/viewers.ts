/** The programs of a desk, by system: where they are, and how they are told the port. */

export interface Viewer {
  /** A name that is searched for in PATH, or a path. */
  readonly file: string;
  /** Arguments that lead it to this port of 127.0.0.1, with those of the user. */
  arguments(port: number, rest: readonly string[]): readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

const vncAt = (port: number, rest: readonly string[]) => [...rest, `127.0.0.1::${port}`];
const freeRdp = (port: number, rest: readonly string[]) => [`/v:127.0.0.1:${port}`, ...rest];

/** The folders of installed programs on Windows. */
function programFiles(environment: Environment): readonly string[] {
  const folders = [environment.ProgramFiles, environment['ProgramFiles(x86)'], environment.LOCALAPPDATA];
  return folders.filter((folder) => folder !== undefined && folder !== '') as string[];
}

/** Those that show a VNC server or a remote desktop, in order of preference. */
export function viewersOf(
  kind: 'vnc' | 'rdp',
  platform: NodeJS.Platform,
  environment: Environment,
): readonly Viewer[] {
  if (kind === 'vnc') {
    const known = ['vncviewer', 'xtigervncviewer'].map((file) => ({ file, arguments: vncAt }));
    if (platform === 'darwin') {
      return [
        ...known,
        { file: '/Applications/VNC Viewer.app/Contents/MacOS/vncviewer', arguments: vncAt },
        // Screen Sharing; -W waits for its end, which keeps the port open.
        { file: '/usr/bin/open', arguments: (port, rest) => ['-W', ...rest, `vnc://127.0.0.1:${port}`] },
      ];
    }
    if (platform !== 'win32') return known;
    const places = ['TigerVNC\\vncviewer.exe', 'RealVNC\\VNC Viewer\\vncviewer.exe'];
    return [
      ...known,
      ...programFiles(environment).flatMap((folder) => [
        ...places.map((place) => ({ file: `${folder}\\${place}`, arguments: vncAt })),
        { file: `${folder}\\TightVNC\\tvnviewer.exe`, arguments: vncAt },
      ]),
    ];
  }
  const known = ['xfreerdp3', 'xfreerdp', 'wlfreerdp'].map((file) => ({ file, arguments: freeRdp }));
  if (platform === 'win32') return [{ file: 'mstsc', arguments: freeRdp }];
  if (platform !== 'darwin') return known;
  return [
    ...known,
    {
      // Windows App, or Microsoft Remote Desktop.
      file: '/usr/bin/open',
      arguments: (port, rest) => ['-W', ...rest, `rdp://full%20address=s:127.0.0.1:${port}`],
    },
  ];
}

/** PuTTY, where OpenSSH is missing: the host key is kept under the name of the device. */
export function puttyOf(platform: NodeJS.Platform, environment: Environment): readonly string[] {
  if (platform !== 'win32') return [];
  return ['putty', ...programFiles(environment).map((folder) => `${folder}\\PuTTY\\putty.exe`)];
}

/** What PuTTY is told; `login` may be empty, or ends with `@`. */
export function puttyArguments(
  { device, login, port }: { readonly device: string; readonly login: string; readonly port: number },
  rest: readonly string[],
): string[] {
  return ['-ssh', '-loghost', device, '-P', String(port), ...rest, `${login}127.0.0.1`];
}

/** What opens a page in the browser of the user. */
export function browserOf(
  platform: NodeJS.Platform,
): Pick<Viewer, 'file'> & { arguments(url: string): string[] } {
  if (platform === 'darwin') return { file: '/usr/bin/open', arguments: (url) => [url] };
  // Not by a shell: in a URL, "&" would end the command.
  if (platform === 'win32')
    return { file: 'rundll32', arguments: (url) => ['url.dll,FileProtocolHandler', url] };
  return { file: 'xdg-open', arguments: (url) => [url] };
}
