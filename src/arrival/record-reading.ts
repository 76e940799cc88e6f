import { operationEntryText } from '../log/entry.ts'
import type { Parts } from './parts.ts'
import type { Reader } from './reader.ts'

/** Tokens remembered: only a bound on memory, the log itself tells the rest. */
const maxRemembered = 1000

/**
 * Puts an auditor's reading on record: one `operation` entry for each token, before the first byte is answered. Of the
 * token only its claims and digest are kept, never the token.
 */
export async function recordReading({ party, token }: Reader, parts: Parts): Promise<void> {
  const digest = token.digest.toString('hex')
  if (parts.readings.has(digest)) return
  const entry = { action: 'read-entries', party: party.id, kid: token.kid, claims: token.claims, digest }
  const text = (received: string) => operationEntryText(received, entry)
  const appended = await parts.append({ kind: 'operation', party: party.id, text, digest: token.digest })
  // what is not on record is not read
  if (appended.outcome === 'refused') throw new Error(`a reading was not put on record: ${appended.refusal.code}`)
  if (parts.readings.size >= maxRemembered) parts.readings.clear()
  parts.readings.add(digest)
}
