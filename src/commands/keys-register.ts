import { access } from 'node:fs/promises'
import type { Command } from 'commander'
import { splitCompact } from '../identity/compact.ts'
import type { KeyRegisterEntry } from '../identity/key-entry.ts'
import { makeKeyProof, registerKey } from '../identity/key-request.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { CommandFailed } from './command.ts'
import { expectStatus } from './exchange-client.ts'
import { faultOf, readSigningKey, readText } from './key-file.ts'
import { knownAfter } from './key-known.ts'
import { type ConnectionOptions, clientOf, withConnection } from './options.ts'

interface Options extends ConnectionOptions {
  readonly party: string
  readonly voucher?: string
  readonly voucherText?: string
  readonly first?: true
}

/** `keys register` */
export function addKeysRegister(keys: Command): void {
  withConnection(
    keys
      .command('register')
      .description('register a key of a party, vouched for by a key in force')
      .argument('<key.jwk>', 'private JWK of the new key; only its public part leaves this machine')
      .requiredOption('--party <party>', 'whose key it becomes')
      .option('--voucher <file>', "private JWK that vouches: the party's own in force, or an operator's for its first")
      .option('--voucher-text <voucher>', 'what `keys vouch` printed at another desk, or a file with it')
      .option('--first', "the log's first key, of an operator: straight into this machine's database"),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  lianban keys register commerce-2027.jwk --party commerce --voucher commerce-2026.jwk\n' +
        '  lianban keys register commerce.jwk --party commerce --voucher-text commerce.voucher\n' +
        '  NODE_ENV=production DATABASE_URL=postgres://… lianban keys register operator.jwk --party operator --first',
    )
    .action(register)
}

async function register(file: string, options: Options): Promise<void> {
  const { party, voucher, voucherText, first } = options
  const ways = [voucher, voucherText, first].filter((way) => way !== undefined)
  if (ways.length !== 1) throw new CommandFailed('give exactly one of --voucher, --voucher-text and --first')
  const key = await readSigningKey(file)
  if (first) {
    const { registerFirst } = await import('./keys-first.ts')
    const { index, origin } = await registerFirst(key, party)
    process.stdout.write(`registered ${key.kid} of ${party} at index ${index} of ${origin}: the first key of the log\n`)
    return
  }
  const client = clientOf(options)
  const entry =
    voucher === undefined
      ? await withVoucher(key, party, await voucherOf(voucherText ?? ''))
      : await registerKey(key, await readSigningKey(voucher), { party, log: await client.origin() })
  const { kid } = key
  // the very same proof is registered once, however often it is sent
  const answer = await client.ask('/v1/keys', { method: 'POST', contentType: 'application/jose', body: entry.proof })
  const known = await knownAfter(answer, client, key, { party, kid })
  if (known?.thumbprint === key.publicKey.thumbprint) {
    process.stdout.write(`nothing to do: ${kid} of ${party} is registered since index ${known.registeredAt}\n`)
    return
  }
  process.stdout.write(`registered ${kid} of ${party} at index ${expectStatus(answer, 200, 201).body.index}\n`)
}

async function voucherOf(textOrFile: string): Promise<string> {
  const isFile = await access(textOrFile).then(
    () => true,
    () => false,
  )
  return (isFile ? await readText(textOrFile) : textOrFile).trim()
}

/** @throws {CommandFailed} naming everything in which the voucher speaks of something else */
async function withVoucher(key: SigningKey, party: string, voucher: string): Promise<KeyRegisterEntry> {
  const { vouchedBy, claims } = readVoucher(voucher)
  const expected = { party, kid: key.kid, thumbprint: key.publicKey.thumbprint }
  const faults = Object.entries(expected)
    .filter(([name, value]) => claims[name] !== value)
    .map(([name, value]) => `  - its ${name} is ${claims[name]}, not ${value}`)
  if (typeof claims.exp === 'number' && claims.exp <= Date.now() / 1000) faults.push('  - it has expired; ask for a new one')
  const { log } = claims
  if (typeof log !== 'string' || typeof vouchedBy !== 'string') faults.push('  - it names no log or no key')
  if (faults.length > 0 || typeof log !== 'string' || typeof vouchedBy !== 'string')
    throw new CommandFailed(`the voucher does not fit:\n${faults.join('\n')}`, 1)
  return makeKeyProof(key, { party, voucher, vouchedBy, log })
}

function readVoucher(voucher: string) {
  try {
    const { header, payload } = splitCompact(voucher)
    return { vouchedBy: parseStrictJson(header).kid, claims: parseStrictJson(payload) }
  } catch (error) {
    throw new CommandFailed(`--voucher-text is neither a file nor what \`keys vouch\` prints: ${faultOf(error)}`)
  }
}
