import type { Command } from 'commander'
import { addAuditEvidence } from './audit-evidence.ts'
import { addAuditExport } from './audit-export.ts'
import { addAuditMirror } from './audit-mirror.ts'
import { addAuditReceipt } from './audit-receipt.ts'
import { addAuditVerify } from './audit-verify.ts'

/** `audit …`: what an auditor proves with the log's public key. */
export function addAuditCommands(program: Command): void {
  const audit = program
    .command('audit')
    .description(
      'prove that nothing was lost, altered or slipped in; exit code 0: good, 1: something is wrong, 2: could not check',
    )
  addAuditVerify(audit)
  addAuditExport(audit)
  addAuditEvidence(audit)
  addAuditReceipt(audit)
  addAuditMirror(audit)
}
