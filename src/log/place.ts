import { RefusedRequest } from '../domain/refusal.ts'

/** Where the next page of entries begins; opaque to readers, so that it may change. */
export function encodePlace(after: number): string {
  return Buffer.from(`after ${after}`).toString('base64url')
}

/** @throws {RefusedRequest} `invalid-request` */
export function decodePlace(cursor: string): number {
  const [, after] = /^after (0|[1-9]\d{0,14})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  if (after !== undefined && encodePlace(Number(after)) === cursor) return Number(after)
  throw new RefusedRequest('invalid-request', {
    en: 'after is none that a page of this search gave; leave it out to begin anew',
    zh: 'after 不是本查询某页给出的值；省略即从头开始',
  })
}
