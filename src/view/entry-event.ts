import type { AcceptedEvent } from '../domain/record.ts'
import { isJsonObject, type JsonObject } from '../domain/text.ts'

/**
 * Reads the event out of an `event` entry of the log.
 *
 * @param entry the entry's bytes as text: `{"kind":"event","received":…,"jws":"<compact JWS>"}`. Nothing is checked again:
 *   whoever hands it over has compared it with the log
 * @param kind the subject's kind, which the event does not name
 * @throws {Error} when it is no such entry, which the log rules out
 */
export function eventOfEntry(entry: string, index: number, kind: string): AcceptedEvent {
  const { received, payload } = partsAsWritten(entry) ?? partsByParsing(entry, index)
  const event = object(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')), index)
  return {
    index,
    sender: String(event.source).slice('/bureaus/'.length),
    type: String(event.type),
    kind,
    subject: String(event.subject),
    time: String(event.time),
    received,
    data: object(event.data, index),
  }
}

interface Parts {
  readonly received: string
  /** of the JWS, base64url */
  readonly payload: string
}

const beforeReceived = '{"kind":"event","received":"'
const beforeJws = '","jws":"'
const afterJws = '"}'

/** Without parsing, which is a fifth of the reading: the log writes an entry in one way, and in what stands there nothing is escaped. */
function partsAsWritten(entry: string): Parts | undefined {
  if (!entry.startsWith(beforeReceived) || entry.includes('\\')) return undefined
  const receivedEnd = entry.indexOf('"', beforeReceived.length)
  const jws = receivedEnd + beforeJws.length
  if (!entry.startsWith(beforeJws, receivedEnd) || entry.indexOf('"', jws) !== entry.length - afterJws.length) return undefined
  const payload = entry.indexOf('.', jws) + 1
  const end = entry.indexOf('.', payload)
  if (payload === 0 || end === -1 || !entry.endsWith(afterJws)) return undefined
  return { received: entry.slice(beforeReceived.length, receivedEnd), payload: entry.slice(payload, end) }
}

function partsByParsing(entry: string, index: number): Parts {
  const { received, jws } = object(JSON.parse(entry), index)
  return { received: String(received), payload: String(jws).split('.')[1] ?? '' }
}

function object(value: unknown, index: number): JsonObject {
  if (!isJsonObject(value)) throw new Error(`entry ${index} of the log holds no event`)
  return value
}
