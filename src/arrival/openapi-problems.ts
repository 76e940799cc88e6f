import { type ProblemCode, problems } from '../domain/problems.ts'
import { maxFindings } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'
import { closed, index, schemaRef, text } from './openapi-forms.ts'

/** What is wrong or odd about an event. */
export const findings = (description: string): JsonObject => ({
  type: 'array',
  description,
  maxItems: maxFindings,
  items: schemaRef('Finding'),
})

const problemSchema: JsonObject = {
  ...closed(
    {
      type: text('address of a page about the code', { format: 'uri-reference', pattern: '^/problems/[a-z-]+$' }),
      title: text('what the code means'),
      status: { type: 'integer', enum: [...new Set(Object.values(problems).map(({ status }) => status))].sort() },
      detail: text('what is wrong in this very case'),
      code: text('stable, for programs', { enum: Object.keys(problems) }),
      retryable: { const: true, description: 'the same request may succeed later' },
      index: { ...index, description: 'of the refusal’s own entry, where it is logged' },
      errors: findings('every error of the event at once'),
    },
    ['retryable', 'index', 'errors'],
  ),
  description: 'RFC 9457; English, or Chinese by Accept-Language: zh',
}

/** The problem schema for one status: the codes that can stand there. */
export function problemWith(codes: readonly ProblemCode[]): JsonObject {
  return { allOf: [schemaRef('Problem'), { properties: { code: { enum: [...codes] } } }] }
}

/** What problems look like, by name. */
export const problemSchemas: JsonObject = {
  Problem: problemSchema,
  Finding: closed({
    pointer: text('JSON Pointer from the event’s root; a missing member is reported at its parent', {
      pattern: '^(/[\\s\\S]*)?$',
    }),
    code: text('stable, for programs'),
    message: text('for people'),
  }),
}
