import { access } from 'node:fs/promises'
import { RefusedRequest } from '../domain/refusal.ts'
import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { splitCompact } from '../identity/compact.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { parseReceipt } from '../log/receipt.ts'
import { CommandFailed } from './command.ts'
import { faultOf, readBytes } from './key-file.ts'

/**
 * The entry that a receipt is of: the file that was named, the one beside it, or what it carries.
 *
 * @throws {CommandFailed} exit code 1 when the receipt can't be read, 2 when there is no entry
 */
export async function receiptEntry(file: string, receipt: string, entryFile: string | undefined): Promise<Uint8Array> {
  if (entryFile !== undefined) return readBytes(entryFile)
  const beside = `${file.replace(/\.tlog-proof$/, '')}.entry`
  if (await exists(beside)) return readBytes(beside)
  const { extra } = attempt(() => parseReceipt(receipt), 1, `${file} proves nothing: `)
  if (extra === undefined)
    throw new CommandFailed(`${beside} is not there and the receipt carries no entry; say with --entry what it is a receipt of`)
  return extra
}

/** What the entry says, as rows of a table; only reached when it is proved. That it is in the log does not make it a good one. */
export function contentRows(bytes: Uint8Array): string[][] {
  try {
    return rowsOf(bytes)
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    return [['entry', `it can't be read: ${error.refusal.detail.en}`]]
  }
}

function rowsOf(bytes: Uint8Array): string[][] {
  const entry = parseStrictJson(bytes)
  const { kind, received, jws } = entry
  const common = [
    ['entry', String(kind)],
    ['received', String(received)],
  ]
  if (typeof jws !== 'string') return [...common, ...textRows(entry, ['action', 'party', 'kid', 'problem', 'id', 'type'])]
  const { header, payload } = splitCompact(jws)
  const event = parseStrictJson(payload)
  return [
    ...common,
    ...textRows(event, ['type', 'subject', 'source', 'id', 'time']),
    ...textRows(parseStrictJson(header), ['kid']),
  ]
}

function textRows(object: JsonObject, members: readonly string[]): string[][] {
  return members.flatMap((name) => {
    const value = object[name]
    return value === undefined || isJsonObject(value) ? [] : [[name, String(value)]]
  })
}

/** @throws {CommandFailed} with the sentence that says what is wrong */
export function attempt<T>(ask: () => T, exitCode: number, before: string): T {
  try {
    return ask()
  } catch (error) {
    throw new CommandFailed(`${before}${faultOf(error)}`, exitCode)
  }
}

export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
