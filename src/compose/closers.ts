import type { Logger } from '../logger.ts'

/** What a process has opened. It is closed in the opposite order, so that nothing outlives what it needs. */
export class Closers {
  readonly #logger: Logger
  readonly #opened: { readonly part: string; readonly close: () => Promise<void> }[] = []
  #closing: Promise<void> | undefined

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /**
   * What is opened while all is being closed, or later, is closed as well.
   *
   * @param part its name in a log line
   */
  add(part: string, close: () => Promise<void>): void {
    this.#opened.push({ part, close })
    if (this.#closing !== undefined) void this.close()
  }

  /** Closes every part once, and returns when all are closed, whoever asked first. */
  close(): Promise<void> {
    this.#closing = (this.#closing ?? Promise.resolve()).then(() => this.#closeOpened())
    return this.#closing
  }

  /** A part that fails is logged: the database behind it must not be left running for that. */
  async #closeOpened(): Promise<void> {
    for (const { part, close } of this.#opened.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        this.#logger.error({ part, error }, 'a part did not close well; the others are closed all the same')
      }
    }
  }
}
