import type { JsonObject } from '../domain/text.ts'
import { maxPage } from '../view/queries.ts'
import { orEmpty, text } from './openapi-forms.ts'
import { inQuery } from './openapi-operation.ts'

/** Where a page begins. */
export const cursor = (name: 'after' | 'cursor'): JsonObject =>
  inQuery(name, text('`next` of the page before', { pattern: '^[A-Za-z0-9_-]*$', maxLength: 1000 }))

/** How much is in a page. */
export const limit: JsonObject = inQuery('limit', {
  ...orEmpty({ type: 'integer', minimum: 1, maximum: maxPage, description: 'how many in a page at most' }),
  default: maxPage,
})
