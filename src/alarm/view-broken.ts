import type { RawSql } from '../database/connect.ts'
import { TablesLost, viewFaultText } from '../view/view-fault.ts'
import { lostTables, viewSchema } from '../view/view-schema.ts'
import type { Condition } from './look.ts'

/**
 * Views that can't be used at two looks in a row: one that is dropped as a whole is made anew between them. It comes after every
 * condition that reads the views, since it tells what those could not.
 */
export function viewBroken(views: { connections(): readonly (readonly [string, RawSql])[] }): Condition {
  let before: ReadonlySet<string> = new Set()
  return {
    kind: 'view-broken',
    async find(look) {
      for (const [bureau, sql] of views.connections()) {
        try {
          const lost = await lostTables(sql, viewSchema(bureau))
          if (lost.length > 0) look.note(bureau, new TablesLost(lost))
        } catch (error) {
          look.note(bureau, error)
        }
      }
      const broken = [...look.faults].filter(([bureau]) => before.has(bureau))
      before = new Set(look.faults.keys())
      return broken.map(([bureau, fault]) => ({ about: bureau, details: { bureau, reason: viewFaultText(fault) } }))
    },
  }
}
