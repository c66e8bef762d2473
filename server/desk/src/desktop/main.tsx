import '../style/base.css';
import { startPage } from '../page/start.tsx';
import { t } from '../texts/language.ts';

await startPage(({ opening }) => (
  <main class="notice">
    <h1>{t('connecting', { device: opening.name || opening.device })}</h1>
  </main>
));
