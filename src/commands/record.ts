import type { Command } from 'commander'
import { isJsonObject, type Json, type JsonObject } from '../domain/text.ts'
import { CommandFailed } from './command.ts'
import { expectStatus } from './exchange-client.ts'
import { readSigningKey } from './key-file.ts'
import { type ConnectionOptions, clientOf, withConnection } from './options.ts'
import { tableText } from './table.ts'

interface Options extends ConnectionOptions {
  readonly bureau: string
  readonly key: string
  readonly kind: string
  readonly json?: true
}

/** `record show` */
export function addRecordCommands(program: Command): void {
  const record = program.command('record').description("what a bureau's view holds")
  withConnection(
    record
      .command('show')
      .description('a record of one subject, with the event that each field comes from')
      .argument('<subject>', 'its code; for registrations the USCC')
      .requiredOption('--bureau <bureau>', 'whose view')
      .requiredOption('--key <file>', "private JWK of a party that may read it: the bureau's, an auditor's, an operator's")
      .option('--kind <kind>', 'what the subject is', 'registration')
      .option('--json', 'as JSON'),
  )
    .addHelpText(
      'after',
      '\nExample:\n  lianban record show 91210203XTEXT0018E --bureau local-tax --key .lianban/keys/local-tax.jwk',
    )
    .action(show)
}

async function show(subject: string, options: Options): Promise<void> {
  const { bureau, kind, key } = options
  const as = await readSigningKey(key)
  const path = `/v1/bureaus/${encodeURIComponent(bureau)}/records/${encodeURIComponent(kind)}/${encodeURIComponent(subject)}`
  const answer = await clientOf(options).ask(path, { as })
  if (answer.status === 404)
    throw new CommandFailed(`${bureau} has no record of ${subject}: no event of it was received, or not yet`, 1)
  const { body } = expectStatus(answer, 200)
  process.stdout.write(options.json ? `${JSON.stringify(body, null, 2)}\n` : recordText(body))
}

function recordText(record: JsonObject): string {
  const { data, provenance, layers } = record
  const head = ['bureau', 'kind', 'subject', 'status', 'name', 'jurisdiction', 'office', 'firstIndex', 'lastIndex', 'updatedAt']
  const headRows = head.flatMap((name) => (record[name] === undefined ? [] : [[name, shown(record[name])]]))
  const layerRows = Object.entries(objectOf(layers)).flatMap(([layer, states]) =>
    Object.entries(objectOf(states)).map(([party, state]) => [`${layer} at ${party}`, shown(state)]),
  )
  const fields = Object.entries(objectOf(provenance)).map(([field, origin]) => {
    const { index, source, time } = objectOf(origin)
    return [field, `${shown(source)}, index ${shown(index)}, ${shown(time)}`, shown(valueAt(objectOf(data), field))]
  })
  return `${tableText([...headRows, ...layerRows])}\n${tableText([['FIELD', 'FROM', 'VALUE'], ...fields])}`
}

/** `tax.state-tax.taxNumber` lies in nested objects; a field's own name may have dots, so the longest member goes first. */
function valueAt(data: JsonObject, field: string): Json | undefined {
  if (Object.hasOwn(data, field)) return data[field]
  for (let dot = field.lastIndexOf('.'); dot > 0; dot = field.lastIndexOf('.', dot - 1)) {
    const inner = data[field.slice(0, dot)]
    if (isJsonObject(inner)) return valueAt(inner, field.slice(dot + 1))
  }
  return undefined
}

function shown(value: Json | undefined): string {
  if (value === undefined || value === null) return '-'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}
