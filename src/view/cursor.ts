import { RefusedRequest } from '../domain/refusal.ts'
import { isJsonObject } from '../domain/text.ts'

/** Where the next page begins; opaque to readers, so that it may change. */
export function encodeCursor(after: string): string {
  return Buffer.from(JSON.stringify({ after })).toString('base64url')
}

/** @throws {RefusedRequest} `invalid-request` */
export function decodeCursor(cursor: string): string {
  const after = afterOf(cursor)
  if (after !== undefined) return after
  throw wrongCursor()
}

/** The same where a page ended at an index of the log. @throws {RefusedRequest} `invalid-request` */
export function decodeIndexCursor(cursor: string): number {
  const after = decodeCursor(cursor)
  if (/^\d{1,15}$/.test(after)) return Number(after)
  throw wrongCursor()
}

export function wrongCursor(): RefusedRequest {
  return new RefusedRequest('invalid-request', {
    en: 'cursor is none that a page of this search gave; leave it out to begin anew',
    zh: 'cursor 不是本查询某页给出的值；省略即从头开始',
  })
}

function afterOf(cursor: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    // U+0000 is the one character that text in Postgres can't hold
    return isJsonObject(parsed) && typeof parsed.after === 'string' && !parsed.after.includes('\0') ? parsed.after : undefined
  } catch {
    return undefined // no JSON: the caller says so
  }
}
