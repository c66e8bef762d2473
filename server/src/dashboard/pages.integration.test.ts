import { testEveryPage } from '../testing/every-page.ts';

// Each theme, language and size once: `pages.long.test.ts` has the looks between them.
testEveryPage(['light', 'small-dark']);
