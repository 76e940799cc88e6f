import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockPrefix } from '../../src/audit/export/folder-lock.ts'
import { LogWriter } from '../support/log-writer.ts'
import type { MadeLog } from '../support/made-log.ts'

/** A new folder with a log of the same key: the first entries of a made one, or others. @returns the folder */
export async function writeLog(made: MadeLog, entries: readonly string[]): Promise<string> {
  const folder = await newFolder()
  const writer = new LogWriter(folder, made.logKey)
  for (const [digest, content] of made.blobs) await writer.blob(digest, content)
  for (const entry of entries) await writer.append(entry)
  await writer.close()
  return folder
}

export function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'lianban-audit-'))
}

/** The same log until `at`, and another entry there. */
export function forked(entries: readonly string[], at: number): string[] {
  return entries.map((entry, index) => (index === at ? entry.replace('"received":"2', '"received":"3') : entry))
}

/** Every file below a folder by path, with its SHA-256; the lock aside, which is numbered by how often it was taken. */
export async function filesOf(folder: string): Promise<Record<string, string>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = found
    .filter((entry) => entry.isFile() && !entry.name.startsWith(lockPrefix))
    .map((entry) => join(entry.parentPath, entry.name))
  const digests = await Promise.all(
    files.sort().map(
      async (file): Promise<[string, string]> => [
        file.slice(folder.length + 1),
        createHash('sha256')
          .update(await readFile(file))
          .digest('hex'),
      ],
    ),
  )
  return Object.fromEntries(digests)
}
