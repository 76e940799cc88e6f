import type { EntryRow } from './entry-row.ts'

export type EntryKind = EntryRow['kind']

/** What an auditor asks for: every member narrows it. Texts hold no U+0000. */
export interface EntryFilter {
  readonly kind?: EntryKind | undefined
  readonly party?: string | undefined
  /** as sent; a refused event may name a type that no catalogue has */
  readonly type?: string | undefined
  /** events about it; a refusal doesn't say what it was about */
  readonly subject?: string | undefined
  readonly subjectKind?: string | undefined
  /** problem code of refusals */
  readonly code?: string | undefined
  /** of a refusal the SHA-256 of the compact JWS, of an operation that of the token or of what was signed */
  readonly digest?: Buffer | undefined
  /** `received` from here on */
  readonly from?: Date | undefined
  /** `received` before this */
  readonly to?: Date | undefined
  /** as a page before gave it */
  readonly after?: string | undefined
  /** 1 to 100 */
  readonly limit: number
}
