import { expect } from 'vitest'
import { type Bureaus, bureausOf } from './e2e-bureaus.ts'
import { deploy, type Running } from './e2e-deployment.ts'
import { type Views, viewsOf } from './e2e-views.ts'
import { lianban } from './lianban.ts'
import { writeOffices } from './operate.ts'
import { testDatabase } from './postgres.ts'
import { statisticsCatalogue } from './statistics-catalogue.ts'

/** A gateway and a consumer of local-tax, each a process of its own, on the embedded bus. */
export interface LocalTaxDeployment {
  readonly url: string
  readonly bureaus: Bureaus
  readonly databaseUrl: string
  readonly logKeyFile: string
  /** by the rules that were in force at the beginning */
  readonly views: Views
  readonly cataloguePath: string
  /** the one that is there from the beginning */
  readonly consumer: Running
  /** another one, in the place of one that was killed */
  consume(): Promise<Running>
  /** what an operator's command needs beside its own words */
  readonly operator: readonly string[]
  /** Runs an operator's command that must succeed. @returns what it prints */
  run(...args: readonly string[]): Promise<string>
  close(): Promise<void>
}

/** The table of offices with the one whose lack parks every company of the examples. */
export const mended: Parameters<typeof writeOffices>[1] = (offices) => ({ ...offices, '210203': '西岗税务所' })

/** The same without it. */
export const lacking: typeof mended = ({ '210203': _, ...rest }) => rest

/** @param offices local-tax's table of offices, from the catalogue's own */
export async function localTaxDeployment(offices: Parameters<typeof writeOffices>[1]): Promise<LocalTaxDeployment> {
  const database = await testDatabase()
  const cataloguePath = await statisticsCatalogue()
  await writeOffices(cataloguePath, offices)
  const deployment = await deploy({ DATABASE_URL: database.url, CATALOGUE: cataloguePath })
  const { url } = await deployment.start(['gateway'])
  const consume = () => deployment.start(['consume', '--bureau', 'local-tax'])
  const consumer = await consume()
  const views = await viewsOf(database.url)
  const operator = ['--url', url, '--key', `${deployment.keysFolder()}/operator.jwk`, '--reason', 'a test']
  return {
    url,
    bureaus: await bureausOf(deployment.keysFolder()),
    databaseUrl: database.url,
    logKeyFile: deployment.logKeyFile,
    views,
    cataloguePath,
    consumer,
    consume,
    operator,
    async run(...args) {
      const { code, stdout, stderr } = await lianban([...args, ...operator])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      return stdout
    },
    async close() {
      await views.close()
      await deployment.close()
      await database.close()
    },
  }
}
