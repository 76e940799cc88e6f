/** An entry as the database holds it. */
export interface EntryRow {
  readonly index: number
  readonly kind: 'event' | 'refusal' | 'key' | 'catalogue' | 'operation'
  readonly received: Date
  readonly entry: string
  readonly leaf: Buffer
  readonly party: string | null
  readonly type: string | null
  readonly subjectKind: string | null
  readonly subject: string | null
}
