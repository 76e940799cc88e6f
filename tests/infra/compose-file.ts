import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../docs/documents.ts'
import { goProgram } from '../support/go-tools.ts'

/** A service as Docker Compose understands it: extensions merged, variables put in. */
export interface Service {
  readonly image: string
  readonly command?: readonly string[] | null
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string }[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required: boolean }>>
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly restart?: string
  readonly stop_grace_period?: string
  readonly logging?: { readonly options: Readonly<Record<string, string>> }
  readonly deploy?: { readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> } }
  readonly networks?: Readonly<Record<string, { readonly ipv4_address?: string } | null>>
  readonly extra_hosts?: readonly string[]
  readonly ports?: readonly { readonly host_ip?: string; readonly published: string; readonly target: number }[]
}

/** Everything that has to stand in `.env`. */
export const needed: Readonly<Record<string, string>> = {
  COMPOSE_PROFILES: 'data,exchange',
  LIANBAN_VERSION: '0.1.0',
  DATA_HOST: 'data.lianban.internal',
  DATA_ADDRESS: '10.0.0.1',
  DATABASE_PASSWORD: 'aaa',
  KAFKA_PASSWORD: 'bbb',
  LOG_ORIGIN: 'lianban.example/dalian',
}

/**
 * Reads infra/compose.yaml by the library that Docker Compose reads it with.
 *
 * @throws with the messages that its user would see
 */
export async function services(variables: Readonly<Record<string, string>> = needed): Promise<Readonly<Record<string, Service>>> {
  const program = await goProgram('composecheck')
  const given = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const { stdout } = await promisify(execFile)(program, [join(root, 'infra/compose.yaml'), ...given])
  const read: { services: Record<string, Service> } = JSON.parse(stdout)
  return read.services
}
