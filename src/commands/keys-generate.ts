import { access } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { type Algorithm, algorithms } from '../identity/algorithm.ts'
import { isKid } from '../identity/key-entry.ts'
import { generateKey, importSigningKey } from '../identity/private-key.ts'
import { CommandFailed } from './command.ts'
import { publicFileOf, writeNewFile } from './key-file.ts'

interface Options {
  readonly out: string
  readonly alg: Algorithm
  readonly kid?: string
}

/** `keys generate` */
export function addKeysGenerate(keys: Command): void {
  keys
    .command('generate')
    .description('make a key pair: the private JWK in FILE (mode 0600), the public one beside it as FILE.pub.jwk')
    .requiredOption('--out <file>', 'where the private key goes; a file that is there is never overwritten')
    .addOption(new Option('--alg <algorithm>', 'what it signs with').choices(algorithms).default('ES256'))
    .option('--kid <kid>', 'name of the key; its thumbprint by default')
    .addHelpText('after', '\nExample:\n  lianban keys generate --out commerce-2027.jwk')
    .action(generate)
}

async function generate({ out, alg, kid }: Options): Promise<void> {
  if (kid !== undefined && !isKid(kid)) throw new CommandFailed('--kid must have 1 to 128 printable ASCII characters, no spaces')
  const publicFile = publicFileOf(out)
  // before the private key is written, or a second try would find that one in its way
  if (await exists(publicFile))
    throw new CommandFailed(`${publicFile} is there already and is never overwritten; choose another name`)
  const jwk = await generateKey(alg, kid)
  const { publicKey } = await importSigningKey(jwk)
  await writeNewFile(out, `${JSON.stringify(jwk, null, 2)}\n`, 0o600)
  await writeNewFile(publicFile, `${JSON.stringify({ ...publicKey.jwk, kid: jwk.kid }, null, 2)}\n`, 0o644)
  process.stdout.write(
    `kid         ${jwk.kid}\nthumbprint  ${publicKey.thumbprint}\nprivate     ${out}\npublic      ${publicFile}\n`,
  )
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
