import { ExportUnusable } from './kept-export.ts'

/** Files of the folder could not be read or written: a full disk, no right to. Trying again may help. */
export class FolderFailed extends ExportUnusable {}

/** What the file system refused, in a sentence; any other error as it is. */
export function folderFailed(folder: string, error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error
  return new FolderFailed(`${folder} can't be written to (${error.message}): make room or give access, and say the same again`)
}

/** @returns why the folder could not be used, undefined when it was */
export async function failureOf(folder: string, work: Promise<unknown> | undefined): Promise<FolderFailed | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    const failed = folderFailed(folder, error)
    if (failed instanceof FolderFailed) return failed
    throw error
  }
}
