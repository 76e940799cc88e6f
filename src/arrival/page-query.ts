import { RefusedRequest } from '../domain/refusal.ts'

/** Entries or catalogues in one page at most. */
export const maxPage = 100

/** @throws {RefusedRequest} `invalid-request`; whether `after` is one that a page gave is seen where it is read */
export function pageOf(query: Readonly<Record<string, string>>): { after: string | undefined; limit: number } {
  const limit = query.limit || String(maxPage)
  const size = /^[1-9]\d{0,2}$/.test(limit) ? Number(limit) : 0
  if (size < 1 || size > maxPage) throw invalid('limit', `a number from 1 to ${maxPage}`, `1 到 ${maxPage} 的数字`)
  return { after: query.after || undefined, limit: size }
}

/** A bureau's id, of one too that the catalogue has no more. @throws {RefusedRequest} `invalid-request` */
export function bureauIn({ bureau }: Readonly<Record<string, string>>): string | undefined {
  if (!bureau) return undefined
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(bureau)) throw invalid('bureau', 'the id of a bureau', '部门代号')
  return bureau
}

/** A parameter that is not what it must be. */
export function invalid(parameter: string, en: string, zh: string): RefusedRequest {
  return new RefusedRequest('invalid-request', { en: `${parameter} must be ${en}`, zh: `${parameter} 须为：${zh}` })
}
