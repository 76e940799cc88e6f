import type { Command } from 'commander'
import { voucherMaxLifetimeSeconds } from '../identity/key-proof.ts'
import { makeVoucher } from '../identity/key-request.ts'
import { readPublicKey, readSigningKey } from './key-file.ts'
import { type ConnectionOptions, clientOf, wholeNumber, withConnection } from './options.ts'

const longestDays = voucherMaxLifetimeSeconds / 86_400

interface Options extends ConnectionOptions {
  readonly party: string
  readonly key: string
  readonly days: number
}

/** `keys vouch`: the first of two desks. */
export function addKeysVouch(keys: Command): void {
  withConnection(
    keys
      .command('vouch')
      .description('agree that a public key belongs to a party: prints a voucher, with which its holder registers it')
      .argument('<public.jwk>', 'public JWK of the new key')
      .requiredOption('--party <party>', 'whose key it becomes')
      .requiredOption('--key <file>', "private JWK of a key in force: the party's own, or an operator's for its first")
      .option('--days <days>', 'how long the voucher is good', wholeNumber(1, longestDays), 1),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban keys vouch commerce.pub.jwk --party commerce --key operator.jwk > commerce.voucher\n  lianban keys register commerce.jwk --party commerce --voucher-text commerce.voucher',
    )
    .action(vouch)
}

async function vouch(file: string, options: Options): Promise<void> {
  const { party, key, days } = options
  const [{ kid, publicKey }, by] = await Promise.all([readPublicKey(file), readSigningKey(key)])
  const log = await clientOf(options).origin()
  const voucher = await makeVoucher(by, { party, kid, publicKey, log, lifetimeSeconds: days * 86_400 })
  process.stdout.write(`${voucher}\n`)
  process.stderr.write(
    `a voucher for ${kid} (thumbprint ${publicKey.thumbprint}) of ${party}, good for ${days} ${days === 1 ? 'day' : 'days'}\n`,
  )
}
