/** What users wait for. They take turns, so that nobody waits for all that another one has asked for. */
export class UserQueues<Asked> {
  /** By user, in the order in which these have their turns. */
  readonly #queues = new Map<string, Asked[]>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Behind what this user waits for already. */
  add(user: string, asked: Asked): void {
    const own = this.#queues.get(user);
    if (own) own.push(asked);
    else this.#queues.set(user, [asked]);
    this.#length++;
  }

  /** Takes out the first of the user whose turn it is, who then comes after all others. What is of nobody (`''`) goes first. */
  next(): Asked | undefined {
    const [user] = this.#queues.has('') ? [''] : this.#queues.keys();
    const queue = user === undefined ? undefined : this.#queues.get(user);
    if (user === undefined || !queue) return undefined;
    const asked = queue.shift();
    this.#queues.delete(user);
    if (queue.length > 0) this.#queues.set(user, queue);
    this.#length--;
    return asked;
  }

  /** Takes out the last of the user who waits for most; `undefined`: nobody waits for more than this user. */
  makeRoom(user: string): Asked | undefined {
    let [fullest, most] = [user, this.#queues.get(user)?.length ?? 0];
    for (const [name, { length }] of this.#queues) if (length > most) [fullest, most] = [name, length];
    const queue = this.#queues.get(fullest);
    if (fullest === user || !queue) return undefined;
    const last = queue.pop();
    if (queue.length === 0) this.#queues.delete(fullest);
    this.#length--;
    return last;
  }

  /** Takes out all. */
  clear(): Asked[] {
    const all = [...this.#queues.values()].flat();
    this.#queues.clear();
    this.#length = 0;
    return all;
  }
}
