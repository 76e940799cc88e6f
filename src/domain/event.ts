import type { JsonObject, Text } from './text.ts'

/**
 * The payload of a bureau's JWS, once the checks 3 to 6 have passed.
 *
 * @see CloudEvents 1.0, JSON format
 */
export interface CloudEvent {
  readonly specversion: '1.0'
  /** 1 to 128 characters, unique for one sender among accepted events */
  readonly id: string
  /** `/bureaus/<party>` */
  readonly source: string
  /** with its version: `registration.established.v1` */
  readonly type: string
  readonly subject: string
  /** RFC 3339 */
  readonly time: string
  readonly datacontenttype?: 'application/json'
  readonly data: JsonObject
}

/** What is wrong with one place of an event, or merely odd about it. */
export interface Finding {
  /** JSON Pointer (RFC 6901) from the event's root: `/data/uscc` */
  readonly pointer: string
  /** stable, for programs: `uscc-check`, `required`, … */
  readonly code: string
  readonly message: Text
}
