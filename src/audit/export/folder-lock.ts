import { lockByProcess, type ProcessLock } from '../../database/process-lock.ts'
import { makeFolder } from '../../make-folder.ts'
import { folderFailed } from './folder-failed.ts'
import { ExportUnusable } from './kept-export.ts'

/** What the files' names begin with; one stays, empty, when the lock is released. */
export const lockPrefix = 'export.lock.'

/** Keeps other exports and mirrors away from a folder, which is made where there is none. */
export class FolderLock {
  readonly #folder: string
  #held: ProcessLock | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Takes it, unless it is held here already.
   *
   * @throws {ExportUnusable} when another process is at the folder
   * @throws {FolderFailed} when the folder takes no files
   */
  async take(): Promise<void> {
    if (this.#held !== undefined) return
    const folder = this.#folder
    const lock = await makeFolder(folder)
      .then(() => lockByProcess(folder, lockPrefix))
      .catch((error: unknown) => {
        throw folderFailed(folder, error)
      })
    if ('heldBy' in lock)
      throw new ExportUnusable(
        `another export or mirror, the process ${lock.heldBy}, is working in ${folder}: wait for it, or take another folder`,
      )
    this.#held = lock
  }

  async release(): Promise<void> {
    // what can't be released is free as soon as this process has ended
    await this.#held?.release().catch(() => undefined)
    this.#held = undefined
  }
}
