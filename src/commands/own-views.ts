import type { RawSql } from '../database/connect.ts'
import { isBegun } from '../log/begin.ts'
import { viewSchema } from '../view/view-schema.ts'

// What this machine's database holds, before a command reads it.

export async function hasLog(sql: RawSql): Promise<boolean> {
  const [row] = await sql<{ there: boolean }[]>`select to_regclass('log.head') is not null as there`
  return row?.there === true && isBegun(sql)
}

export async function hasView(sql: RawSql, bureau: string): Promise<boolean> {
  const [row] = await sql<{ there: boolean }[]>`select to_regclass(${`${viewSchema(bureau)}.parked`}) is not null as there`
  return row?.there === true
}
