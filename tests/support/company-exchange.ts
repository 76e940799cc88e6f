import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { expect } from 'vitest'
import type { JsonObject } from '../../src/domain/text.ts'
import { companies } from './companies.ts'
import { eventually } from './eventually.ts'
import { cloudEventOf } from './examples.ts'
import { type Gateway, openGateway } from './gateway.ts'
import { applyCatalogue, writeOffices } from './operate.ts'
import { statisticsCatalogue } from './statistics-catalogue.ts'

/** The division of every made-up company. */
const division = '210203'

export interface CompanyExchangeOptions {
  readonly cured: boolean
  readonly twoPersons?: readonly string[]
}

/** A gateway whose companies have an office at local-tax, or lack it until it is cured. */
export interface CompanyExchange {
  readonly gateway: Gateway
  /** Posts two events each of so many companies; returns when every view has taken them in. @returns their codes */
  post(count: number, first?: number): Promise<readonly string[]>
  /** Puts the office into the table, or takes it out. */
  cure(): Promise<void>
  spoil(): Promise<void>
  stop(): Promise<void>
}

/**
 * @param cured whether local-tax has the office from the start
 * @param twoPersons acts that a second person must approve
 */
export async function companyExchange({ cured, twoPersons = [] }: CompanyExchangeOptions): Promise<CompanyExchange> {
  const cataloguePath = await statisticsCatalogue()
  const catalogue: JsonObject = JSON.parse(await readFile(cataloguePath, 'utf8'))
  await writeFile(cataloguePath, JSON.stringify({ ...catalogue, twoPersons }))
  const without = ({ [division]: _, ...rest }: Record<string, string>) => rest
  if (!cured) await writeOffices(cataloguePath, without)
  const gateway = await openGateway({ cataloguePath })
  const put = async (change: Parameters<typeof writeOffices>[1]) => {
    await writeOffices(cataloguePath, change)
    expect((await applyCatalogue(gateway, cataloguePath)).status).toBe(201)
  }
  return {
    gateway,
    async post(count, first = 0) {
      const events = companies(count, first)
      for (const event of events) {
        const response = await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
        expect(response.status).toBe(201)
      }
      await eventually(async () => {
        for (const bureau of ['commerce', 'state_tax', 'local_tax', 'statistics']) expect(await behind(bureau)).toBe(0)
      })
      return [...new Set(events.map(({ subject }) => subject))]
    },
    cure: () => put((offices) => ({ ...offices, [division]: '西岗税务所' })),
    spoil: () => put(without),
    stop: () => gateway.stop(),
  }

  /** Events of the log that a view has neither in a record nor parked. */
  async function behind(bureau: string): Promise<number> {
    const sql = gateway.database.raw
    const view = sql(`view_${bureau}`)
    const [row] = await sql<{ behind: number }[]>`
      select count(*)::int as behind from log.entries e where kind = 'event'
        and not exists (select 1 from ${view}.records r where r.kind = e.subject_kind and r.subject = e.subject and r.last_index >= e.index)
        and not exists (select 1 from ${view}.parked p where p.index = e.index)
        and not exists (select 1 from ${view}.dismissed d where d.index = e.index)`
    return row?.behind ?? -1
  }
}
