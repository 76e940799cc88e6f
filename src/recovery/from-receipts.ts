import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { NoteVerifier } from '../log/note.ts'
import { parseReceipt, verifyReceipt } from '../log/receipt.ts'
import type { SignedCheckpoints } from './signed-checkpoints.ts'

/** A receipt that proves its entry. */
export interface ProvenEntry {
  readonly index: number
  readonly entry: Buffer
  readonly file: string
}

const receiptEnding = '.tlog-proof'

/**
 * The receipts of files and folders. A folder stands for every `.tlog-proof` in it, as `post --receipts` and bureaus keep them.
 *
 * @throws {Error} of the file system, naming the path
 */
export async function receiptFiles(paths: readonly string[]): Promise<readonly string[]> {
  const lists = await Promise.all(
    paths.map(async (path) => {
      if (!(await stat(path)).isDirectory()) return [path]
      const names = await readdir(path)
      return names
        .filter((name) => name.endsWith(receiptEnding))
        .sort()
        .map((name) => join(path, name))
    }),
  )
  return lists.flat()
}

/**
 * Proves what a receipt is of, with the log's key alone, and notes the checkpoint it was made against.
 *
 * The entry is in the `.entry` file beside it, or in the receipt itself.
 *
 * @throws {Error} in a sentence: it proves nothing, or its entry is not there
 * @throws {Contradiction} when its checkpoint and another one can't both be the log's
 */
export async function provenBy(file: string, log: NoteVerifier, checkpoints: SignedCheckpoints): Promise<ProvenEntry> {
  const text = await readFile(file, 'utf8')
  const receipt = parseReceipt(text)
  const entry = receipt.extra ?? (await readFile(`${file.slice(0, -receiptEnding.length)}.entry`))
  const { index } = verifyReceipt(text, entry, log)
  checkpoints.add(receipt.checkpoint, file)
  return { index, entry, file }
}
