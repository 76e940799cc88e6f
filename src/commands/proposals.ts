import type { Command } from 'commander'
import { isJsonObject } from '../domain/text.ts'
import { type ActOptions, act, actingWith, withAct, withOperatorKey } from './act.ts'
import { expectStatus } from './exchange-client.ts'
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
      .description('the second person’s word: the act is carried out as it was asked for')
      .argument('<proposal>', 'its number', wholeNumber(0, 999_999_999_999_999)),
  ).action(approve)
}

async function list(options: ListOptions): Promise<void> {
  const { client, key } = await actingWith(options)
  const { body } = expectStatus(await client.ask(path, { as: key }), 200)
  const waiting = Array.isArray(body.proposals) ? body.proposals.filter(isJsonObject) : []
  if (options.json) process.stdout.write(`${JSON.stringify(body, null, 2)}\n`)
  else if (waiting.length === 0) process.stdout.write('nothing waits for a second person\n')
  else {
    const rows = waiting.map(({ id, action, party, kid, createdAt, reason }) =>
      [id, action, party, kid, createdAt, reason].map((cell) => String(cell)),
    )
    process.stdout.write(tableText([['PROPOSAL', 'ACTION', 'PARTY', 'KEY', 'ASKED AT', 'REASON'], ...rows]))
  }
}

async function approve(proposal: number, options: ActOptions): Promise<void> {
  const done = await act(await actingWith(options), path, 'approve', { operation: proposal }, options.reason)
  process.stdout.write(
    done.carriedOut === false ? `${proposal} was approved before\n` : `${proposal} is approved and carried out\n`,
  )
}
