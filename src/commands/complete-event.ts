import { createHash } from 'node:crypto'
import type { Json, JsonObject } from '../domain/text.ts'

/** An event ready to be signed. */
export interface CompletedEvent {
  /** the bytes as they stood in the file where nothing was missing, or the object with what was added */
  readonly payload: JsonObject | Uint8Array
  readonly event: JsonObject
  /** whose key signs it; undefined when neither the event nor the command says it */
  readonly party: string | undefined
  /** the time is ours, so the same line has another payload the next time it is posted */
  readonly timed: boolean
}

/**
 * Adds what a file of plain facts leaves out: specversion, id, source, time, datacontenttype.
 *
 * The id is made of the content, so that a file can be posted again; two facts of the same content need ids of their own.
 *
 * @param event parsed from `bytes`
 * @param as the party that posts; else the event's source says it, `commerce` or `/bureaus/commerce`
 */
export function completeEvent(event: JsonObject, bytes: Uint8Array, as: string | undefined, now: Date): CompletedEvent {
  const party = as ?? partyOf(event.source)
  const source = sourceOf(event.source, party)
  const completed: JsonObject = {
    specversion: '1.0',
    ...(source === undefined ? {} : { source }),
    ...event,
    ...(source === undefined ? {} : { source }),
    id: event.id ?? idOf({ ...event, source: source ?? null }),
    time: event.time ?? now.toISOString(),
    datacontenttype: event.datacontenttype ?? 'application/json',
  }
  const whole = source === event.source && Object.keys(completed).every((member) => Object.hasOwn(event, member))
  return { payload: whole ? bytes : completed, event: completed, party, timed: event.time === undefined }
}

/** The same facts, in whatever order their members stand. */
export function sameContent(a: JsonObject, b: JsonObject): boolean {
  return contentOf(a) === contentOf(b)
}

function contentOf({ type = null, source = null, subject = null, data = null }: JsonObject): string {
  return canonical({ type, source, subject, data })
}

function idOf(event: JsonObject): string {
  const { id, specversion, datacontenttype, ...content } = event
  return createHash('sha256').update(canonical(content)).digest('base64url')
}

/** JSON with sorted members. */
function canonical(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(canonical).join(',')}]`
  const members = Object.keys(value).sort()
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name] ?? null)}`).join(',')}}`
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value)

function partyOf(source: Json | undefined): string | undefined {
  if (typeof source !== 'string') return undefined
  return source.startsWith('/bureaus/') ? source.slice('/bureaus/'.length) : source
}

function sourceOf(source: Json | undefined, party: string | undefined): Json | undefined {
  if (source === undefined) return party === undefined ? undefined : `/bureaus/${party}`
  return typeof source === 'string' && /^[a-z][a-z0-9-]{0,30}$/.test(source) ? `/bureaus/${source}` : source
}
