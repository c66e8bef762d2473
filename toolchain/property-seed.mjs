// Loaded before each test that tries properties: the same inputs in every run, so that one that fails says something of
// the change and not of its luck. `RM_SEED` names others.
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.RM_SEED ?? 20_261_129) });
