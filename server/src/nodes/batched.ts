/** Questions that are asked together: those of one turn, and those that come while others are being answered. */
export class Batched<Question, Answer> {
  readonly #answer: (questions: readonly Question[]) => Promise<readonly Answer[]>;
  readonly #most: number;
  #next: { readonly questions: Question[]; readonly answers: Promise<readonly Answer[]> } | null = null;
  #former: Promise<unknown> = Promise.resolve();

  /** `answer`: called once at a time, with at most `most` questions; the answers are in their order. */
  constructor(answer: (questions: readonly Question[]) => Promise<readonly Answer[]>, most: number) {
    this.#answer = answer;
    this.#most = most;
  }

  /** The answer to it, of a call that begins later. Rejects as that call does. */
  async ask(question: Question): Promise<Answer> {
    if (!this.#next || this.#next.questions.length >= this.#most) this.#next = this.#begin();
    const { questions, answers } = this.#next;
    const at = questions.push(question) - 1;
    const all = await answers;
    if (at >= all.length) throw new Error('a question was not answered');
    return all[at] as Answer;
  }

  #begin() {
    const questions: Question[] = [];
    const answers = this.#former.then(() => {
      if (this.#next?.questions === questions) this.#next = null;
      return this.#answer(questions);
    });
    this.#former = answers.catch(() => {});
    return { questions, answers };
  }
}
