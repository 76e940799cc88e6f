import type { Command } from 'commander'
import { catalogueDigests, readCatalogueFiles } from '../catalogue/load.ts'
import { CatalogueInvalid, type Rules } from '../catalogue/rules.ts'
import { readConfigWithoutKafka } from '../config.ts'
import { signOperation } from '../identity/operation-request.ts'
import { applyCatalogue } from '../log/catalogue-append.ts'
import { CommandFailed } from './command.ts'
import { expectStatus } from './exchange-client.ts'
import { readSigningKey } from './key-file.ts'
import { type ConnectionOptions, clientOf, reason, withConnection } from './options.ts'

interface ApplyOptions extends ConnectionOptions {
  readonly key: string
  readonly reason: string
}

/** `catalogue check` and `catalogue apply` */
export function addCatalogueCommands(program: Command): void {
  const catalogue = program.command('catalogue').description('check the rules of the exchange, and put them in force')
  catalogue
    .command('check')
    .description('name every fault of a catalogue and its files at once')
    .argument('[catalogue.json]', 'by default the one that CATALOGUE names')
    .addHelpText('after', '\nExample:\n  lianban catalogue check schemas/catalogue.json')
    .action(check)
  withConnection(
    catalogue
      .command('apply')
      .description('put a catalogue in force on a running exchange; every process of it takes it without a restart')
      .argument('[catalogue.json]', 'by default the one that CATALOGUE names')
      .requiredOption('--key <file>', "an operator's private JWK")
      .requiredOption('--reason <text>', 'why, for whoever reads the log', reason),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban catalogue apply schemas/catalogue.json --key operator.jwk --reason "statistics joins on 1 December"',
    )
    .action(apply)
}

async function check(file: string | undefined): Promise<void> {
  const path = file ?? readConfigWithoutKafka().cataloguePath
  const { catalogue, bureaus, kinds, types, files } = await compiled(path)
  process.stdout.write(
    `OK: ${path} (${catalogue.version}) has ${catalogue.parties.length} parties (${bureaus.length} bureaus), ${kinds.size} kinds, ${types.size} types, ${files.size} files\n`,
  )
}

async function apply(file: string | undefined, options: ApplyOptions): Promise<void> {
  const { files } = await compiled(file ?? readConfigWithoutKafka().cataloguePath)
  const key = await readSigningKey(options.key)
  const client = clientOf(options)
  const details = { files: catalogueDigests(files) }
  const request = await signOperation(key, {
    action: applyCatalogue,
    reason: options.reason,
    log: await client.origin(),
    details,
  })
  const body = JSON.stringify({ request, files: Object.fromEntries(files) })
  const asked = { method: 'POST', contentType: 'application/json', body, tries: 1 } as const
  const answer = expectStatus(await client.ask('/v1/operations/catalogue', asked), 200, 201)
  const { index } = answer.body
  process.stdout.write(
    answer.status === 201
      ? `the catalogue is in force from index ${index} on (${files.size} files)\n`
      : `nothing to do: these ${files.size} files are in force since index ${index}\n`,
  )
}

async function compiled(path: string): Promise<Rules> {
  // it brings a compiler of schemas along, which no other command should wait for
  const { compileNewRules } = await import('../catalogue/compile.ts')
  try {
    return compileNewRules(await readCatalogueFiles(path))
  } catch (error) {
    if (error instanceof CatalogueInvalid) throw new CommandFailed(`${path}: ${error.message}`, 1)
    throw error
  }
}
