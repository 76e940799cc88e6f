#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { CatalogueInvalid } from './catalogue/rules.ts'
import { addAuditCommands } from './commands/audit.ts'
import { addBusCommands } from './commands/bus.ts'
import { addCatalogueCommands } from './commands/catalogue.ts'
import { CommandFailed } from './commands/command.ts'
import { addKeysCommands } from './commands/keys.ts'
import { addLogCommands } from './commands/log.ts'
import { endOnLostOutput } from './commands/lost-output.ts'
import { addParkedCommands } from './commands/parked.ts'
import { addPostCommand } from './commands/post.ts'
import { addProposalsCommands } from './commands/proposals.ts'
import { addReceiptCommands } from './commands/receipt.ts'
import { addRecordCommands } from './commands/record.ts'
import { addReplayCommands } from './commands/replay.ts'
import { addServeCommands } from './commands/serve.ts'
import { addSignCommand } from './commands/sign.ts'
import { addViewCommands } from './commands/view.ts'
import { ConfigInvalid } from './config.ts'
import { CannotStart } from './domain/cannot-start.ts'
import { printable } from './domain/printable.ts'
import { LogInconsistent } from './log/verify-start.ts'

const program = new Command('lianban')
  .description('联办: bureaus exchange signed registration events, and can prove it')
  .version('0.1.0')
  .showHelpAfterError('(--help shows the options and an example)')
  .addHelpText('after', '\nExit codes: 0 done; 1 the answer is no; 2 asked wrongly, or it could not be found out.')
  // before any subcommand, which take it over
  .exitOverride()
addServeCommands(program)
addKeysCommands(program)
addCatalogueCommands(program)
addSignCommand(program)
addPostCommand(program)
addReceiptCommands(program)
addAuditCommands(program)
addRecordCommands(program)
addLogCommands(program)
addParkedCommands(program)
addReplayCommands(program)
addProposalsCommands(program)
addBusCommands(program)
addViewCommands(program)

endOnLostOutput()
try {
  await program.parseAsync()
} catch (error) {
  // commander has written its own message already
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.stderr.write(`lianban: ${printable(messageOf(error))}\n`)
    process.exit(error instanceof CommandFailed ? error.exitCode : 2)
  }
}

/** What people can mend gets a sentence, what only we can mend its stack. */
function messageOf(error: unknown): string {
  if (
    error instanceof CommandFailed ||
    error instanceof ConfigInvalid ||
    error instanceof CannotStart ||
    error instanceof CatalogueInvalid ||
    error instanceof LogInconsistent
  )
    return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
