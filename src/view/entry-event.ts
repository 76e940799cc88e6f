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
  const { received, jws } = object(JSON.parse(entry), index)
  const payload = String(jws).split('.')[1] ?? ''
  const event = object(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')), index)
  return {
    index,
    sender: String(event.source).slice('/bureaus/'.length),
    type: String(event.type),
    kind,
    subject: String(event.subject),
    time: String(event.time),
    received: String(received),
    data: object(event.data, index),
  }
}

function object(value: unknown, index: number): JsonObject {
  if (!isJsonObject(value)) throw new Error(`entry ${index} of the log holds no event`)
  return value
}
