import '@xterm/xterm/css/xterm.css';
import '../style/page.css';
import '../terminal/terminal.css';
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Bridge } from '../bridge/bridge.ts';
import { startPage } from '../page/start.tsx';
import { allowStylesOf } from '../terminal/strict-styles.ts';
import { t } from '../texts/language.ts';
import { readCast } from './cast.ts';
import { Player } from './player.ts';
import { ReplayPage } from './replay-page.tsx';
import { ReplayScreen } from './replay-screen.ts';

const clock = {
  now: () => performance.now(),
  next: (call: () => void) => {
    const frame = requestAnimationFrame(call);
    return () => cancelAnimationFrame(frame);
  },
};

/** Reads the recording before there is anything to play. */
function Replay({ bridge }: { readonly bridge: Bridge }) {
  const state = useSignal<'reading' | 'none' | { screen: ReplayScreen; player: Player; isWhole: boolean }>(
    'reading',
  );
  useEffect(() => {
    const none = () => {
      state.value = 'none';
    };
    bridge.ask('recording', undefined).then((bytes) => {
      const cast = readCast(new TextDecoder().decode(bytes));
      if (!cast) return none();
      const screen = new ReplayScreen();
      state.value = { screen, player: new Player(cast, screen, clock), isWhole: cast.isWhole };
    }, none);
  }, [bridge]);
  const { value } = state;
  if (typeof value === 'object') return <ReplayPage bridge={bridge} {...value} />;
  return (
    <main class="notice">
      <p role={value === 'none' ? 'alert' : 'status'}>
        {t(value === 'none' ? 'replay.none' : 'replay.reading')}
      </p>
    </main>
  );
}

allowStylesOf(document);
await startPage((bridge) => <Replay bridge={bridge} />);
