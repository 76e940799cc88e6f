import type { Command } from 'commander'
import { isJsonObject, type Json } from '../domain/text.ts'
import { type ActOptions, act, actingWith, withAct, withOperatorKey } from './act.ts'
import { expectStatus } from './exchange-client.ts'
import { objectsIn } from './objects-in.ts'
import { type ConnectionOptions, wholeNumber, withConnection } from './options.ts'
import { tableText } from './table.ts'

const path = '/v1/operations/proposals'

interface ListOptions extends ConnectionOptions {
  readonly key: string
  readonly json?: true
}

/** `proposals list|approve`: the two-person rule */
export function addProposalsCommands(program: Command): void {
  const proposals = program.command('proposals').description('acts that wait for a second person, where the catalogue wants one')
  withConnection(
    withOperatorKey(proposals.command('list').description('what waits, who asked for it, and why').option('--json', 'as JSON')),
  ).action(list)
  withAct(
    proposals
      .command('approve')
      .description('the second person’s word: the acts are carried out as they were asked for')
      .argument('<proposal...>', 'their numbers', proposalIds),
  ).action(approve)
}

async function list(options: ListOptions): Promise<void> {
  const { client, key } = await actingWith(options)
  const { body } = expectStatus(await client.ask(path, { as: key }), 200)
  const waiting = objectsIn(body.proposals)
  if (options.json) process.stdout.write(`${JSON.stringify(body, null, 2)}\n`)
  else if (waiting.length === 0) process.stdout.write('nothing waits for a second person\n')
  else {
    const rows = waiting.map(({ id, action, details, recordsTaken, party, kid, createdAt, reason }) =>
      [id, action, `${detailsText(details)}${takenBySwap(action, recordsTaken)}`, party, kid, createdAt, reason].map((cell) =>
        String(cell),
      ),
    )
    process.stdout.write(tableText([['PROPOSAL', 'ACTION', 'OF', 'PARTY', 'KEY', 'ASKED AT', 'REASON'], ...rows]))
  }
}

async function approve(proposals: readonly number[], options: ActOptions): Promise<void> {
  const acting = await actingWith(options)
  for (const proposal of proposals) {
    const done = await act(acting, path, 'approve', { operation: proposal }, options.reason)
    process.stdout.write(
      done.carriedOut === false ? `${proposal} was approved before\n` : `${proposal} is approved and carried out\n`,
    )
  }
}

/** Whose view, and how many events from which to which; all of them are in `--json`. */
function detailsText(details: Json | undefined): string {
  return Object.entries(isJsonObject(details) ? details : {})
    .map(([name, value]) => {
      if (!Array.isArray(value)) return `${name} ${String(value)}`
      return value.length > 3 ? `${value.length} ${name}, ${value[0]} … ${value.at(-1)}` : `${name} ${value.join(', ')}`
    })
    .join('; ')
}

/** How far-reaching a swap is; all that differs is in `view status`. */
function takenBySwap(action: Json | undefined, records: Json | undefined): string {
  if (action !== 'swap-view') return ''
  return typeof records === 'number' ? `; takes away ${records} ${records === 1 ? 'record' : 'records'}` : '; look at view status'
}

const proposalId = wholeNumber(0, 999_999_999_999_999)
const proposalIds = (text: string, before: readonly number[] | undefined): readonly number[] => [
  ...(before ?? []),
  proposalId(text),
]
