import type { Command } from 'commander'
import { isJsonObject, type JsonObject } from '../domain/text.ts'
import { expectStatus } from './exchange-client.ts'
import { readSigningKey } from './key-file.ts'
import { type ConnectionOptions, clientOf, withConnection } from './options.ts'
import { tableText } from './table.ts'

interface Options extends ConnectionOptions {
  readonly key: string
  readonly party?: string
  readonly json?: true
}

/** `keys list` */
export function addKeysList(keys: Command): void {
  withConnection(
    keys
      .command('list')
      .description('every key that ever signed for a party, oldest first')
      .requiredOption('--key <file>', 'private JWK of any party: who asks')
      .option('--party <party>', 'only the keys of one party')
      .option('--json', 'as JSON'),
  )
    .addHelpText('after', '\nExample:\n  lianban keys list --key commerce.jwk --party commerce')
    .action(list)
}

async function list(options: Options): Promise<void> {
  const as = await readSigningKey(options.key)
  const { keys } = expectStatus(await clientOf(options).ask('/v1/keys', { as }), 200).body
  const found = (Array.isArray(keys) ? keys : [])
    .filter(isJsonObject)
    .filter(({ party }) => options.party === undefined || party === options.party)
  if (options.json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
  else process.stdout.write(tableText([['PARTY', 'KID', 'ALG', 'REGISTERED AT', 'STATE'], ...found.map(rowOf)]))
}

function rowOf({ party, kid, algorithm, registeredAt, revokedAt, reason, compromisedSince }: JsonObject): readonly string[] {
  const doubt = compromisedSince === undefined ? '' : `, in doubt since ${compromisedSince}`
  const state = revokedAt === undefined ? 'in force' : `revoked at ${revokedAt}: ${reason}${doubt}`
  return [String(party), String(kid), String(algorithm), String(registeredAt), state]
}
