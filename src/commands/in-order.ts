/**
 * Works on items side by side, but on those of one subject one after another, in their order.
 *
 * It reads ahead only so far: one subject with a million events must not bring them all into memory.
 *
 * @param work never throws
 * @param stopped asked before each item is read: the rest stays unread
 */
export async function inSubjectOrder<T>(
  items: AsyncIterable<T>,
  {
    concurrency,
    lookAhead,
    subjectOf,
    stopped,
  }: { concurrency: number; lookAhead: number; subjectOf(item: T): string | undefined; stopped(): boolean },
  work: (item: T) => Promise<void>,
): Promise<void> {
  const chains = new Map<string, Promise<void>>()
  const working = new Slots(concurrency)
  const reading = new Slots(lookAhead)
  for await (const item of items) {
    if (stopped()) break
    await reading.take()
    const subject = subjectOf(item)
    const before = subject === undefined ? undefined : chains.get(subject)
    const done = follow(before, item).then(() => {
      reading.give()
      if (subject !== undefined && chains.get(subject) === done) chains.delete(subject)
    })
    if (subject !== undefined) chains.set(subject, done)
  }
  await reading.allGiven()

  async function follow(before: Promise<void> | undefined, item: T): Promise<void> {
    await before
    await working.take()
    try {
      await work(item)
    } finally {
      working.give()
    }
  }
}

/** So many at a time; whoever comes first is served first. */
class Slots {
  readonly #all: number
  #free: number
  readonly #waiting: (() => void)[] = []
  #idle: (() => void) | undefined

  constructor(count: number) {
    this.#all = count
    this.#free = count
  }

  take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--
      return Promise.resolve()
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  give(): void {
    const next = this.#waiting.shift()
    if (next !== undefined) next()
    else if (++this.#free === this.#all) this.#idle?.()
  }

  allGiven(): Promise<void> {
    if (this.#free === this.#all) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle = resolve
    })
  }
}
