import { access } from 'node:fs/promises'
import { RefusedRequest } from '../domain/refusal.ts'
import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { splitCompact } from '../identity/compact.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { parseReceipt } from '../log/receipt.ts'
import { CommandFailed } from './command.ts'
import { faultOf, readBytes, readText } from './key-file.ts'

/** A receipt with the entry that it is said to be of; neither is proved. */
export interface GivenReceipt {
  readonly text: string
  readonly entry: Uint8Array
}

/**
 * Reads a receipt, or the exchange's JSON answer that holds one, and the entry: from the file that was named, the answer, the file beside
 * the receipt, or what the receipt carries.
 *
 * @throws {CommandFailed} exit code 1 when the receipt can't be read, 2 when there is no such file, or no entry
 */
export async function readReceipt(file: string, entryFile: string | undefined): Promise<GivenReceipt> {
  const given = await readText(file)
  const { receipt: text = given, entry } = answerIn(given)
  if (entryFile !== undefined) return { text, entry: await readBytes(entryFile) }
  if (entry !== undefined) return { text, entry: Buffer.from(entry) }
  const beside = `${file.replace(/\.tlog-proof$/, '')}.entry`
  if (await exists(beside)) return { text, entry: await readBytes(beside) }
  const { extra } = attempt(() => parseReceipt(text), 1, `${file} proves nothing: `)
  if (extra === undefined)
    throw new CommandFailed(`${beside} is not there and the receipt carries no entry; say with --entry what it is a receipt of`)
  return { text, entry: extra }
}

/** What the exchange answers to a post, or of an entry that is asked for; nothing for a receipt by itself. */
function answerIn(text: string): { readonly receipt?: string; readonly entry?: string } {
  try {
    const answer: unknown = JSON.parse(text)
    if (!isJsonObject(answer) || typeof answer.receipt !== 'string') return {}
    const { receipt, entry } = answer
    return typeof entry === 'string' ? { receipt, entry } : { receipt }
  } catch {
    return {} // a receipt is no JSON
  }
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
