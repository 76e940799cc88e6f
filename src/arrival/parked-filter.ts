import { parkedCauses } from '../domain/record.ts'
import type { ParkedFilter } from '../view/parked-queries.ts'
import { readTimes } from './instant.ts'
import { oneOf, textUpTo } from './parameters.ts'
import type { Query } from './query.ts'

/** As long as a type, a kind or a company's name may be. */
export const maxParkedFilterCharacters = 256

const text = textUpTo(maxParkedFilterCharacters)

export function readParkedFilter(query: Query): ParkedFilter {
  return {
    cause: query.read('cause', oneOf(parkedCauses)),
    type: query.read('type', text),
    kind: query.read('kind', text),
    subject: query.read('subject', text),
    name: query.read('name', text),
    ...readTimes(query),
  }
}
