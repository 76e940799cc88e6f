import { databaseErrorOf } from '../database/database-error.ts'

/** No migration makes these tables again. */
export class TablesLost extends Error {
  override readonly name = 'TablesLost'

  constructor(tables: readonly string[]) {
    super(`tables of it are gone: ${tables.join(', ')}`)
  }
}

/** Why a view can't be read, as outsiders may hear it: what Postgres says of data quotes them, so of its errors only the code is told. */
export function viewFaultText(error: unknown): string {
  if (error instanceof TablesLost) return error.message
  const cause = databaseErrorOf(error)
  if (!(cause instanceof Error)) return 'it can’t be read'
  return 'code' in cause ? `it can’t be read: ${cause.name} ${String(cause.code)}` : `it can’t be read: ${cause.name}`
}
