import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../make-folder.ts'

/** Where files lie while they are written, and what is known of an export that was interrupted. */
export const asideFolder = '.incomplete'

/**
 * Writes files of an export: each aside first, then renamed, so that none is ever there in part. Safe for any number of
 * files at once, in one process.
 */
export class WrittenAside {
  readonly #folder: string
  #files = 0

  /** @param folder of the export */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** @param path below the folder */
  async write(path: string, content: string | Uint8Array): Promise<void> {
    const aside = join(this.#folder, asideFolder, `${process.pid}-${this.#files++}`)
    const file = join(this.#folder, path)
    await Promise.all([makeFolder(dirname(aside)), makeFolder(dirname(file))])
    const handle = await open(aside, 'w', 0o644)
    try {
      await handle.writeFile(content)
      // a power cut must not leave an empty file under its final name
      await handle.datasync()
    } finally {
      await handle.close()
    }
    await rename(aside, file)
  }

  /** All is written: nothing is incomplete any more. */
  async done(): Promise<void> {
    await rm(join(this.#folder, asideFolder), { recursive: true, force: true })
  }
}
