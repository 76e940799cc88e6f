import type { Command } from 'commander'
import type { JsonObject } from '../domain/text.ts'
import { revokeKey } from '../identity/key-request.ts'
import { CommandFailed } from './command.ts'
import { expectStatus, problemText } from './exchange-client.ts'
import { readSigningKey } from './key-file.ts'
import { knownAfter } from './key-known.ts'
import { type ConnectionOptions, clientOf, instant, reason as reasonText, withConnection } from './options.ts'

interface Options extends ConnectionOptions {
  readonly party: string
  readonly key: string
  readonly reason: string
  readonly compromisedSince?: string
}

/** `keys revoke` */
export function addKeysRevoke(keys: Command): void {
  withConnection(
    keys
      .command('revoke')
      .description('end a key: nothing that it signs is accepted from the next entry of the log on')
      .argument('<kid>', 'name of the key')
      .requiredOption('--party <party>', 'whose key it is')
      .requiredOption('--key <file>', "private JWK that signs the revocation: the party's own in force, or an operator's")
      .requiredOption('--reason <text>', 'why, for whoever reads the log', reasonText)
      .option('--compromised-since <instant>', 'like 2026-11-23T08:00:00+08:00: what it signed since then is in doubt', instant),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban keys revoke 8Xk… --party commerce --key commerce-2027.jwk --reason "yearly rotation"',
    )
    .action(revoke)
}

async function revoke(kid: string, options: Options): Promise<void> {
  const { party, key, reason, compromisedSince } = options
  const by = await readSigningKey(key)
  const client = clientOf(options)
  const log = await client.origin()
  const { proof } = await revokeKey(by, {
    party,
    kid,
    reason,
    log,
    ...(compromisedSince === undefined ? {} : { compromisedSince }),
  })
  // the very same revocation is logged once, however often it is sent
  const answer = await client.ask('/v1/keys', { method: 'POST', contentType: 'application/jose', body: proof })
  const known = await knownAfter(answer, client, by, { party, kid })
  if (known?.revokedAt !== undefined) {
    if (compromisedSince !== undefined && Date.parse(String(known.compromisedSince)) !== Date.parse(compromisedSince))
      throw new CommandFailed(`${problemText(answer)}\n${saysOtherwise(kid, known)}`, 1)
    process.stdout.write(`nothing to do: ${kid} of ${party} is revoked since index ${known.revokedAt}\n`)
    return
  }
  if (answer.status === 401 && by.kid === kid) throw new CommandFailed(`${problemText(answer)}\n${signsForItself(kid)}`, 1)
  process.stdout.write(`revoked ${kid} of ${party} at index ${expectStatus(answer, 200, 201).body.index}\n`)
}

/** A key that is revoked may not even ask whether it is. */
const signsForItself = (kid: string) =>
  `${kid} signs its own revocation here: either this is not the key that is registered, or it is revoked already; \`lianban keys list\` with another key tells which`

/** The log never says a second time, and otherwise, since when a key is in doubt. */
const saysOtherwise = (kid: string, { revokedAt, compromisedSince }: JsonObject) =>
  `${kid} is revoked since index ${revokedAt}, and the log says ${
    compromisedSince === undefined ? 'nothing of when it came into other hands' : `that it is in doubt since ${compromisedSince}`
  }: nothing can be added to that, so tell the auditors`
