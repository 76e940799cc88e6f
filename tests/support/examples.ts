import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../src/domain/text.ts'

/** One event as the documents show it; the rest of its envelope is made when it is sent. */
export interface Example {
  readonly type: string
  /** the sending party, not yet a URI */
  readonly source: string
  readonly subject: string
  readonly data: JsonObject
}

const folder = join(import.meta.dirname, '..', '..', 'docs', 'examples')

/** The examples that ship with the product, in legal order. */
export function examples(): readonly Example[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return names.sort().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
}

/** A whole CloudEvent around an example. */
export function cloudEventOf({ type, source, subject, data }: Example, id: string, time: Date): JsonObject {
  return {
    specversion: '1.0',
    id,
    source: `/bureaus/${source}`,
    type,
    subject,
    time: time.toISOString(),
    datacontenttype: 'application/json',
    data,
  }
}
