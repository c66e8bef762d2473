import { type SweepQuestion, sweep } from './sweep.ts';

/** Asks from where it runs, a namespace of the network. */
process.on('message', (question: SweepQuestion) => {
  sweep(question).then(
    (answer) => process.send?.({ answer }),
    (error) => process.send?.({ error: String(error) }),
  );
});
process.once('disconnect', () => process.exit(0));
