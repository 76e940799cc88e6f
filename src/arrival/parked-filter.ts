import { parkedCauses } from '../domain/record.ts'
import type { ParkedFilter } from '../view/parked-queries.ts'
import { isLonger } from './characters.ts'
import { instantOf } from './instant.ts'
import { invalid } from './page-query.ts'

/** As long as a type, a kind or a company's name may be. */
export const maxFilterCharacters = 256

/** An empty parameter is one that is left out, as in other searches. @throws {RefusedRequest} `invalid-request` */
export function parkedFilterOf(query: Readonly<Record<string, string>>): ParkedFilter {
  const [type, kind, subject, name] = ['type', 'kind', 'subject', 'name'].map((parameter) => textOf(parameter, query))
  const { cause, from, to } = query
  const known = parkedCauses.find((one) => one === cause)
  if (cause && known === undefined) throw invalid('cause', `one of ${parkedCauses.join(', ')}`, parkedCauses.join('、'))
  const [first, end] = [from ? instantOf('from', from) : undefined, to ? instantOf('to', to) : undefined]
  if (first !== undefined && end !== undefined && end < first) throw invalid('to', 'no earlier than from', '不早于 from 的时间')
  return { cause: known, type, kind, subject, name, from: first, to: end }
}

function textOf(parameter: string, query: Readonly<Record<string, string>>): string | undefined {
  const value = query[parameter] || undefined
  if (value !== undefined && (isLonger(value, maxFilterCharacters) || value.includes('\0')))
    throw invalid(
      parameter,
      `a text of at most ${maxFilterCharacters} characters without U+0000`,
      `不超过 ${maxFilterCharacters} 个字符且不含 U+0000 的文本`,
    )
  return value
}
