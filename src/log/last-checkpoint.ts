import { open, readFile, rename } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from '../logger.ts'

/** The signed checkpoint this gateway published last; undefined when it never published one. */
export async function readLastCheckpoint(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Writing a file aside and renaming it makes the file system flush: at most this often. */
const pauseMs = 500

/**
 * Keeps the last published checkpoint in a file, written aside and renamed.
 *
 * It may lag behind what was answered, by the time of a write: an older checkpoint still tells a fork, and a commit
 * should not wait for a second disk.
 */
export class LastCheckpoint {
  readonly #file: string
  readonly #log: Logger
  #size = 0
  #pending: string | undefined
  #writing: Promise<void> | undefined
  #hurry = new AbortController()

  constructor(file: string, log: Logger) {
    this.#file = file
    this.#log = log
  }

  /** Takes note of a newer one; several that come while one is being written are written once. */
  keep(size: number, checkpoint: string): void {
    if (size <= this.#size) return
    this.#size = size
    this.#pending = checkpoint
    this.#writing ??= this.#write()
  }

  /** Returns when what was kept is on disk. */
  async flush(): Promise<void> {
    this.#hurry.abort()
    await this.#writing
    this.#hurry = new AbortController()
  }

  async #write(): Promise<void> {
    while (this.#pending !== undefined) {
      const checkpoint = this.#pending
      this.#pending = undefined
      try {
        // gateways may share the folder
        const half = `${this.#file}.new-${process.pid}`
        const handle = await open(half, 'w', 0o644)
        try {
          await handle.writeFile(checkpoint)
          // a power cut must not leave an empty file, with which the next start would be refused
          await handle.datasync()
        } finally {
          await handle.close()
        }
        await rename(half, this.#file)
      } catch (error) {
        // the log itself is safe in the database; what is lost is the guard against an older backup
        this.#log.error({ error, file: this.#file }, 'the last checkpoint could not be kept')
      }
      // flush() ends the pause early
      await setTimeout(pauseMs, undefined, { signal: this.#hurry.signal, ref: false }).catch(() => undefined)
    }
    this.#writing = undefined
  }
}
