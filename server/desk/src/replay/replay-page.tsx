import { useEffect, useRef } from 'preact/hooks';
import type { Bridge } from '../bridge/bridge.ts';
import { BrandMark } from '../page/brand-mark.tsx';
import { t } from '../texts/language.ts';
import { type Player, speeds } from './player.ts';
import type { ReplayScreen } from './replay-screen.ts';

const clockOf = (ms: number) => {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

/** ms. One press of an arrow key. */
const seekStep = 100;

/** A recording with what plays it. */
export function ReplayPage({
  bridge,
  screen,
  player,
  isWhole,
}: {
  readonly bridge: Bridge;
  readonly screen: ReplayScreen;
  readonly player: Player;
  readonly isWhole: boolean;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    place.current?.append(screen.element);
    screen.open();
  }, [screen]);
  const { opening } = bridge;
  const at = player.at.value;
  const playing = player.isPlaying.value;
  return (
    <main class="terminal">
      <h1 class="hidden">{t('replay.of', { device: opening.name || opening.device })}</h1>
      <div class="bar">
        <BrandMark {...opening} />
        <button type="button" class="button main" onClick={() => (playing ? player.pause() : player.play())}>
          {t(playing ? 'replay.pause' : 'replay.play')}
        </button>
        <input
          type="range"
          class="seek"
          aria-label={t('replay.seek')}
          aria-valuetext={clockOf(at)}
          min={0}
          // A browser offers whole steps only: the last one reaches the end.
          max={Math.ceil(player.ms / seekStep) * seekStep}
          step={seekStep}
          value={at}
          onInput={({ currentTarget }) => player.seek(Number(currentTarget.value))}
        />
        <span>{`${clockOf(at)} / ${clockOf(player.ms)}`}</span>
        <label>
          {t('replay.speed')}{' '}
          <select
            value={player.speed.value}
            onChange={({ currentTarget }) => {
              player.speed.value = speeds.find((one) => String(one) === currentTarget.value) ?? 1;
            }}
          >
            {speeds.map((one) => (
              <option key={one} value={one}>
                {`${one}×`}
              </option>
            ))}
          </select>
        </label>
      </div>
      {!isWhole && (
        <p class="told" role="status">
          {t('replay.cut')}
        </p>
      )}
      <div ref={place} class="place" />
    </main>
  );
}
