import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import path from 'node:path'
import { CannotStart } from '../domain/cannot-start.ts'
import { makeFolder } from '../make-folder.ts'

/**
 * Makes the data directory where it is missing.
 *
 * @throws {CannotStart} when it can't be made, or nothing can be written into it
 */
export async function makeDataDir(dataDir: string): Promise<void> {
  try {
    await makeFolder(path.resolve(dataDir))
    await access(dataDir, constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new CannotStart(
      `DATA_DIR ${path.resolve(dataDir)} can't be used (${code}): name a folder that this user may make or write into`,
      { cause: error },
    )
  }
}
