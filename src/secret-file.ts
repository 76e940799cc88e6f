import { link, open, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { makeFolder } from './make-folder.ts'

/**
 * Writes a file that only its owner can read, whole or not at all; one that is there already stays as it is.
 *
 * It is written aside, synced and linked, so that neither a kill nor a power cut leaves half a key under its name, and
 * of several processes that make it at once one wins.
 */
export async function makeSecretFile(file: string, content: string | Buffer): Promise<void> {
  await makeFolder(dirname(resolve(file)))
  const half = `${file}.new-${process.pid}-${Math.random().toString(36).slice(2)}`
  const handle = await open(half, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
    await link(half, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await handle.close()
    await rm(half, { force: true })
  }
}
