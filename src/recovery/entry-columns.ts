import { createHash } from 'node:crypto'
import { type FormedEntry, readFormedEntry } from '../audit/verify/entry-form.ts'
import type { Rules } from '../catalogue/rules.ts'
import type { Step } from '../domain/fold.ts'
import { isJsonObject } from '../domain/text.ts'
import { splitCompact } from '../identity/compact.ts'
import type { KeysInForce } from '../identity/keys-in-force.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { canBeAnId, type Row, rowOf } from '../log/rows.ts'

/** An entry as the append once wrote it. */
export interface ReadEntry {
  readonly row: Row
  readonly received: Date
  readonly formed: FormedEntry
  /** what it does to the state of its subject; of events alone */
  readonly step: Step | undefined
}

/**
 * Reads off an entry's bytes what the log's table has beside them.
 *
 * @param rules in force at its index; undefined before the first catalogue
 * @throws {EntryMalformed}, {Error} for what no log of ours holds
 */
export function readEntry(index: number, bytes: Buffer, rules: Rules | undefined, keys: KeysInForce): ReadEntry {
  const formed = readFormedEntry(bytes)
  const received = new Date(formed.received)
  const entry = bytes.toString('utf8')
  const made = (columns: Partial<Row>, step?: Step): ReadEntry => ({
    row: rowOf(index, formed.kind, entry, columns),
    received,
    formed,
    step,
  })
  switch (formed.kind) {
    case 'event':
      return eventOf(formed.jws)
    case 'refusal': {
      const { party, id, type, digest, problem } = formed.refusal
      const ids = { eventId: canBeAnId(id) ? id : undefined, type: canBeAnId(type) ? type : undefined }
      return made({ party, ...ids, digest: Buffer.from(digest, 'hex'), problem })
    }
    case 'key':
      return made({ party: formed.entry.party })
    case 'catalogue':
      return made({ party: signerOf(formed.catalogue.request) })
    case 'operation': {
      const { digest } = formed.members
      return made({ party: formed.party, ...(typeof digest === 'string' ? { digest: Buffer.from(digest, 'hex') } : {}) })
    }
  }

  function eventOf(jws: string): ReadEntry {
    const { payload } = splitCompact(jws)
    const event = parseStrictJson(payload)
    const { id, source, type, subject, data } = event
    const known = rules?.types.get(String(type))
    if (known === undefined || !canBeAnId(id) || typeof source !== 'string' || typeof subject !== 'string' || !isJsonObject(data))
      throw new Error(`entry ${index} is no event that the rules of its time allow`)
    const party = source.slice('/bureaus/'.length)
    const digest = createHash('sha256').update(payload).digest()
    const columns = { party, eventId: id, type: String(type), subjectKind: known.kind.id, subject, digest }
    return made(columns, { sender: party, data })
  }

  function signerOf(request: string | undefined): string | undefined {
    if (request === undefined) return undefined
    const { kid } = parseStrictJson(splitCompact(request).header)
    return keys.known(String(kid))?.key.party
  }
}
