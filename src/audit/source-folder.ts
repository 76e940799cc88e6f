import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type LogSource, SourceFailed } from './log-source.ts'
import { sourceOfFiles } from './source-files.ts'

/** A log out of a folder: an export, or a mirror. */
export function folderSource(folder: string): LogSource {
  return sourceOfFiles({
    name: folder,
    read: (path, maxBytes) => readBounded(join(folder, path), maxBytes),
    close: () => Promise.resolve(),
  })
}

/**
 * A file that is no larger than it may be. Folders, pipes and devices are as good as not there.
 *
 * @throws {SourceFailed} `refused`
 */
export async function readBounded(file: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    // asked first: to open a pipe would wait for somebody to write into it
    const found = await stat(file)
    if (!found.isFile()) return undefined
    const { size } = found
    if (size > maxBytes) throw new SourceFailed('refused', `${file} has ${size} bytes, ${maxBytes} at most are expected`)
    const handle = await open(file)
    try {
      return await handle.readFile()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof SourceFailed) throw error
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw new SourceFailed('refused', `${file} can't be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
