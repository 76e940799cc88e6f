import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { companies } from './companies.ts'
import { eventually } from './eventually.ts'
import { cloudEventOf } from './examples.ts'
import { type Gateway, type GatewayOptions, openGateway } from './gateway.ts'
import { applyCatalogue, writeOffices } from './operate.ts'
import { statisticsCatalogue } from './statistics-catalogue.ts'

export interface ParkingGateway extends Gateway {
  readonly cataloguePath: string
  /** posts so many companies, each of whose two events is parked in the view of local tax */
  park(count: number, first?: number): Promise<void>
  /** posts them, and waits for no view */
  postCompanies(count: number, first?: number): Promise<void>
  parkedRows(): Promise<readonly ParkedRow[]>
  /** gives local tax the office that it lacks */
  cure(): Promise<void>
}

export interface ParkedRow {
  readonly index: number
  readonly subject: string
  readonly cause: string
  readonly tries: number
}

/** A gateway whose table of offices doesn't know where companies() are. */
export async function openParkingGateway(options: GatewayOptions = {}): Promise<ParkingGateway> {
  const cataloguePath = options.cataloguePath ?? (await statisticsCatalogue())
  await writeOffices(cataloguePath, ({ '210203': _, ...rest }) => rest)
  const gateway = await openGateway({ ...options, cataloguePath })
  const parkedRows = () =>
    gateway.database.raw<ParkedRow[]>`select index, subject, cause, tries from view_local_tax.parked order by index`
  const postCompanies = async (count: number, first = 0) => {
    for (const event of companies(count, first)) {
      const response = await gateway.post(cloudEventOf(event, randomUUID(), new Date()), event.source)
      expect(response.status).toBe(201)
    }
  }
  return {
    ...gateway,
    cataloguePath,
    parkedRows,
    postCompanies,
    async park(count, first = 0) {
      const before = (await parkedRows()).length
      await postCompanies(count, first)
      await eventually(async () => (await parkedRows()).length === before + 2 * count)
    },
    async cure() {
      await writeOffices(cataloguePath, (offices) => ({ ...offices, '210203': '西岗税务所' }))
      expect((await applyCatalogue(gateway, cataloguePath)).status).toBe(201)
    },
  }
}
