import { testEveryPage } from '../testing/every-page.ts';

testEveryPage(['dark', 'german', 'small']);
